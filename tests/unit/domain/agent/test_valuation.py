"""The values and the money that an agent may ask for."""

from decimal import Decimal

from factories import group, role, scenario
from source import ROOT

from econsim.agents.views import net_of, values
from econsim.domain.agent.population import population
from econsim.domain.agent.valuation import rules_of, values_of
from econsim.runs import scenario_file


def values_in(wanted, deadline_ms=None):
    """Return what the only agent of a scenario is told."""
    (anna,) = population(wanted)
    return values_of(anna, 1, rules_of(wanted, deadline_ms))


def test_an_agent_sees_a_value_for_each_unit_in_the_order_they_are_traded():
    told = values_in(scenario(group("anna", "external", roles=[role("bid", values=[[3, 2, 2, 1]])])))

    seen = values(told).roles["cpu"]

    assert (seen.side, seen.values) == ("bid", (3, 2, 2, 1))


def test_units_of_one_value_are_counted_together():
    told = values_in(scenario(group("anna", "external", roles=[role("ask", first=1, last=1, units=90_000)])))

    assert [(each.value, each.quantity) for each in told.roles[0].units] == [(1_000_000, 90_000)]


def test_an_agent_is_told_the_rules_in_micro_credits_and_its_own_deadline():
    wanted = scenario(group("anna", "external"), clock={"deadline_ms": 30_000}, instructions="Buy low.")

    of_the_run, own = values_in(wanted).rules, values_in(wanted, 5_000).rules

    assert (of_the_run.deadline_ms, own.deadline_ms) == (30_000, 5_000)
    assert own.instructions == "Buy low."
    assert own.markets[0].tick_size == 10_000


def test_an_agent_without_a_role_is_told_the_tax_of_the_period():
    taxed = [{"first_period": 2, "market": "cpu", "tax": 0.25}]
    wanted = scenario(group("anna", "external"), clock={"periods": 2}, changes=taxed)
    (anna,) = population(wanted)

    told = [values(values_of(anna, period, rules_of(wanted.in_period(period), None))) for period in (1, 2)]

    assert [(each.roles, each.taxes["cpu"].bid, each.taxes["cpu"].ask) for each in told] == [
        ({}, 0, 0),
        ({}, Decimal("0.25"), 0),
    ]


def test_the_example_of_a_laboratory_tells_its_people_what_they_need():
    lab = scenario_file.load(str(ROOT / "examples/lab.toml"))
    rules = rules_of(lab, None)

    assert rules.instructions.startswith("Welcome")
    assert rules.clock.join_ms > 0 < rules.clock.pause_ms
    assert [agent.id for agent in population(lab) if agent.host is None] == ["ana", "bob"]


def test_debt_counts_against_credits():
    assert net_of(b'{"posted":5000000,"pending":1000000,"debt":2500000,"sequence":7}') == Decimal("2.5")
    assert net_of(b'{"posted":5000000,"pending":0,"sequence":7}') == 5
