"""What holds in each period: markets, agents and clock, with the changes of the period and no others."""

import pytest
from economies import changing
from factories import group, role, scenario

from econsim.domain.agent.conditions import Conditions, check_conditions
from econsim.domain.agent.population import population
from econsim.errors import ScenarioError
from econsim.schemas.scenario import Market

PERIODS = {"periods": 4}


def conditions(*changes, roles=({"side": "bid", "resource": "cpu", "values": [[3, 2]]},), **fields):
    lab = group("lab", roles=list(roles), **fields)
    return Conditions(scenario(lab, group("other"), clock=PERIODS, changes=list(changes)))


def values(found):
    """Return the values of the first agent in each period, in credits."""
    return [[v / 1_000_000 for v in found.agents(period)[0].roles[0].values] for period in range(1, 5)]


def test_a_scenario_without_changes_is_the_same_object_in_every_period():
    wanted = scenario(group("lab"), clock=PERIODS)

    found = Conditions(wanted)

    assert found.in_period(3) is wanted
    assert not found.change
    assert found.agents(1) is found.agents(4)


def test_values_are_scaled_then_shifted_in_the_periods_of_the_change_alone():
    found = conditions(
        {"first_period": 2, "last_period": 3, "group": "lab", "scale_percent": 150},
        {"first_period": 3, "group": "lab", "shift": -2.5},
    )

    assert values(found) == [[3, 2], [4.5, 3], [2, 0.5], [0.5, 0]]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({"values": [[5]]}, [5]),
        ({"first": 1, "last": 1, "units": 3}, [1, 1, 1]),
        ({"draw": {"low": 2, "high": 2}, "units": 2}, [2, 2]),
    ],
)
def test_a_change_gives_a_role_another_schedule(schedule, expected):
    found = conditions({"first_period": 3, "last_period": 3, "group": "lab", **schedule})

    assert values(found) == [[3, 2], [3, 2], expected, [3, 2]]


def test_an_end_of_the_schedule_may_change_alone():
    roles = [role("bid", first=3, last=3, units=2)]

    assert values(conditions({"first_period": 2, "group": "lab", "first": 1}, roles=roles))[1] == [1, 1]


def test_a_group_that_is_not_there_has_no_units():
    found = conditions({"first_period": 3, "group": "lab", "present": True}, present=False)

    assert values(found) == [[], [], [3, 2], [3, 2]]
    assert [found.agents(period)[0].present for period in range(1, 5)] == [False, False, True, True]


def test_a_market_and_the_clock_change():
    found = conditions(
        {"first_period": 2, "market": "cpu", "price_floor": 1, "price_ceiling": 2, "tax": 0.5},
        {"first_period": 3, "ticks_per_period": 7},
    )

    market = found.market("cpu", 2)
    assert (market.price_min, market.price_max, market.tax) == (1_000_000, 2_000_000, 500_000)
    assert [found.clock(period).ticks_per_period for period in range(1, 5)] == [60, 60, 7, 7]


def test_a_tax_lowers_what_a_unit_is_worth_at_the_market_price():
    found = conditions({"first_period": 2, "market": "cpu", "tax": 0.5})

    assert [found.agents(period)[0].roles[0].net_values for period in (1, 2)] == [
        (3_000_000, 2_000_000),
        (2_500_000, 1_500_000),
    ]
    assert found.fiscal_holders == ("fiscal_tax",)


def test_a_taxed_seller_may_ask_no_less_than_the_tax():
    taxed = Market(resource="cpu", tax="0.025", tax_side="ask")

    assert (taxed.ask_min, taxed.reserved_tax) == (30_000, 0)


def test_agents_are_the_same_however_they_are_asked_for():
    wanted = changing()
    found = Conditions(wanted)

    for period in (1, 5, 2, 6, 3, 4, 1):
        assert found.agents(period) == population(wanted, period)


def test_a_call_auction_that_a_change_brings_must_have_room_for_the_units_of_those_who_are_there() -> None:
    seller = group("seller", "truthful", count=2, roles=[role("ask", first=1, last=2, units=3)])
    call = {"first_period": 2, "market": "cpu", "mechanism": "call_auction", "open_orders_max": 2}
    away = {"first_period": 2, "group": "seller", "present": False}

    check_conditions(scenario(seller, clock={"periods": 2}, changes=[call, away]))
    with pytest.raises(
        ScenarioError, match=r"in period 2 agent 'seller_001' quotes for all its 3 units"
    ) as error:
        check_conditions(scenario(seller, clock={"periods": 2}, changes=[call]))
    assert error.value.details["change"] == "0"
