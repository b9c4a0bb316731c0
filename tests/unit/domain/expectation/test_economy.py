"""The forms about the economy, on a run with tools and tasks: each holds on it, fails on another log, and notices mutants."""

import pytest
from expectation_builders import bid, event, form, judged, stored_run, trade, verdict
from factories import group, role, scenario

from econsim.domain.audit.facts import record
from econsim.domain.expectation.audit import audit
from econsim.domain.expectation.mutants import mutants
from econsim.domain.expectation.verdict import Ruling
from econsim.errors import ScenarioError
from econsim.report.judging import ReportMeasures, judge
from econsim.runs import scenario_file
from econsim.schemas.expectation import FORMS

HOLDING = {
    "conservation": {},
    "solvent": {},
    "costs": {},
    "limit_prices": {"resource": "cpu"},
    "uncrossed": {},
    "equilibrium_price": {"tolerance_percent": 20},
    "spread": {"value": {"between": [0, 2]}},
    "gini": {"value": {"<": 0.5}},
    "measure": {"measure": "efficiency", "value": 97, "tolerance": 3, "source": "this run"},
}
FAILING = {
    "equilibrium_price": {"tolerance_percent": 0},
    "spread": {"value": {"<": 0.001}},
    "gini": {"value": {">": 0.5}},
    "measure": {"measure": "efficiency", "value": 50, "tolerance": 1, "source": "nobody"},
}
FORGED = {
    "conservation": ("market.trade_executed", "price of one"),
    "solvent": ("market.transfer_posted", "amount of one"),
    "costs": ("mcp.completed", "price of one"),
    "limit_prices": ("market.trade_executed", "price of one"),
    "uncrossed": ("market.price_updated", "quote.bid of one"),
}
"""Form → type and words of the mutants of which one must break it, and its witness is the forged event."""

TWO_TO_THREE = (("buyer", "bid", 3), ("seller", "ask", 2))
"""Traders between whose values the equilibrium price lies."""


@pytest.fixture(scope="module")
def run():
    return stored_run("studio")


@pytest.fixture(scope="module")
def records(run):
    found = [record(*each) for each in run[1]]
    for each in found:
        assert each.data is not None
    return found


def test_every_form_about_the_economy_is_here():
    general = {"happens", "never", "then", "before", "sequence", "exactly", "at_most", "at_least"}
    general |= {"until", "state", "stable", "sum", "latency"}

    assert {*HOLDING} == {*FORMS} - general
    assert {*FAILING, *FORGED} == {*HOLDING}


@pytest.mark.parametrize("name", HOLDING)
def test_it_holds_on_a_run(run, name):
    found, (verdict_,) = judged(*run, form(form=name, **HOLDING[name]))

    assert verdict_.outcome is Ruling.HOLDS, verdict_.lines()
    assert found.faults == ()


@pytest.mark.parametrize("name", FAILING)
def test_it_fails_with_another_number_and_says_by_how_much(run, name):
    _, (found,) = judged(*run, form(form=name, **FAILING[name]))

    assert found.outcome is Ruling.FAILS
    assert float(found.missed_by.split()[0]) > 0


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_event_is_its_witness(records, name):
    kind, words = FORGED[name]
    expected = form(form=name, **HOLDING[name])

    found = (
        verdict(expected, each.records) for each in mutants(records, frozenset({kind})) if words in each.what
    )
    failed = next(each for each in found if each.outcome is Ruling.FAILS)

    assert not failed.witness or failed.witness[-1].type == kind
    assert failed.missed_by


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name == "measure")) for name in HOLDING]
)
def test_a_mutant_of_the_run_breaks_it(run, records, name):
    (found,) = audit((form(form=name, **HOLDING[name]),), records, run[0], ReportMeasures)

    assert found.is_breakable


@pytest.mark.slow
@pytest.mark.parametrize("name", scenario_file.names())
def test_what_a_shipped_scenario_expects_of_its_events_holds_and_can_be_broken(name):
    expected = [e for e in scenario_file.load(name).expectations if e.form != "measure"]
    scenario, stored = stored_run(name)

    _, verdicts = judged(scenario, stored, *expected)

    assert expected
    assert [each.lines() for each in verdicts if not each.outcome.is_pass] == []
    assert all(each.is_breakable for each in audit(expected, [record(*each) for each in stored], scenario))


@pytest.mark.parametrize(
    ("price", "outcome"), [(1.7, "fails"), (1.8, "holds"), (3.2, "holds"), (3.3, "fails")]
)
def test_a_mean_price_may_lie_beside_its_interval_by_the_tolerance(price, outcome):
    traders = (group(name, roles=[role(side, values=[[worth]])]) for name, side, worth in TWO_TO_THREE)
    opening = event("system.opened", 0, "run", scenario=scenario(*traders).model_dump(mode="json"))
    end = event("market.tick_cleared", period_closed=True)

    found = verdict(
        form(form="equilibrium_price", tolerance_percent=10), [opening, trade(price=int(price * 1e6)), end]
    )

    assert found.outcome.value == outcome


@pytest.mark.parametrize(("quantity", "outcome"), [(2, "holds"), (1, "fails")])
def test_an_order_that_was_filled_trades_no_more(quantity, outcome):
    orders = bid(quantity=quantity), event("market.ask_accepted", quantity=2)

    found = verdict(form(form="limit_prices"), [*orders, trade(1), trade(2)])

    assert found.outcome.value == outcome


def test_a_scenario_judges_itself():
    scenario = scenario_file.load("studio")

    assert judge(scenario).expectations == scenario.expectations
    assert judge(None).expectations == ()


def test_a_measure_cannot_be_judged_without_what_measures(records):
    found = verdict(form(form="measure", **HOLDING["measure"]), records)

    assert not found.outcome.is_pass


def test_an_expectation_of_another_market_is_refused():
    with pytest.raises(ScenarioError, match="is not among the markets"):
        scenario_file.parse(
            'name = "a"\nmarkets = [{ resource = "cpu" }]\nagents = [{ name = "a", policy = "zi_c" }]\n'
            '[[expectations]]\nform = "uncrossed"\nresource = "gpu"\n'
        )
