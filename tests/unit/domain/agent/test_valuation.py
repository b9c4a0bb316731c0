"""The values and the money that an agent may ask for."""

from decimal import Decimal

from factories import group, role, scenario

from econsim.agents.views import net_of, values
from econsim.domain.agent.population import population
from econsim.domain.agent.valuation import values_of


def test_an_agent_sees_a_value_for_each_unit_in_the_order_they_are_traded():
    (anna,) = population(scenario(group("anna", "external", roles=[role("bid", values=[[3, 2, 2, 1]])])))

    seen = values(values_of(anna)).roles["cpu"]

    assert (seen.side, seen.values) == ("bid", (3, 2, 2, 1))


def test_units_of_one_value_are_counted_together():
    (anna,) = population(
        scenario(group("anna", "external", roles=[role("ask", first=1, last=1, units=90_000)]))
    )

    assert len(values_of(anna).model_dump_json()) < 200


def test_debt_counts_against_credits():
    assert net_of(b'{"posted":5000000,"pending":1000000,"debt":2500000,"sequence":7}') == Decimal("2.5")
    assert net_of(b'{"posted":5000000,"pending":0,"sequence":7}') == 5
