"""The oracle against schedules worked out by hand, and against trying every price."""

from hypothesis import given
from hypothesis import strategies as st

from econsim.domain.equilibrium import Equilibrium, demand_curve, find_equilibrium, supply_curve

SMITH_VALUES = [3_250_000 - 250_000 * i for i in range(11)]
SMITH_COSTS = [750_000 + 250_000 * i for i in range(11)]
UNITS = st.lists(st.integers(1, 40), max_size=12)


def test_smiths_first_schedule_has_its_published_equilibrium():
    found = find_equilibrium(SMITH_VALUES, SMITH_COSTS)

    assert found == Equilibrium(6, 2_000_000, 2_000_000, 7_500_000)
    assert found.price == 2_000_000.0


def test_the_price_interval_keeps_in_the_traded_and_out_the_others():
    found = find_equilibrium([100, 90, 50], [10, 20, 80])

    assert found == Equilibrium(quantity=2, price_low=50, price_high=80, surplus_max=160)
    assert found.price == 65.0


def test_without_gains_from_trade_the_price_lies_between_value_and_cost():
    found = find_equilibrium([10], [30])

    assert (found.quantity, found.surplus_max, found.price) == (0, 0, 20.0)


def test_a_missing_side_leaves_the_price_open():
    assert find_equilibrium([10], []) == Equilibrium(0, 10, None, 0)
    assert find_equilibrium([], [10]) == Equilibrium(0, None, 10, 0)
    assert find_equilibrium([], []).price is None


def test_curves_are_stairs_from_the_first_unit_to_the_last():
    assert demand_curve([5, 9, 5]) == ((0, 9), (1, 9), (1, 5), (3, 5))
    assert supply_curve([4, 2]) == ((0, 2), (1, 2), (1, 4), (2, 4))
    assert demand_curve([]) == ()


@given(UNITS, UNITS)
def test_at_every_price_of_the_interval_and_no_other_demand_can_meet_supply(values, costs):
    found = find_equilibrium(values, costs)

    for price in range(42):
        buy_gladly, sell_gladly = sum(v > price for v in values), sum(c < price for c in costs)
        buy_at_all, sell_at_all = sum(v >= price for v in values), sum(c <= price for c in costs)
        meets = buy_gladly <= sell_at_all and sell_gladly <= buy_at_all
        inside = (found.price_low is None or found.price_low <= price) and (
            found.price_high is None or price <= found.price_high
        )
        assert meets == inside


@given(UNITS, UNITS)
def test_no_other_number_of_trades_has_more_surplus(values, costs):
    best_first = list(zip(sorted(values, reverse=True), sorted(costs), strict=False))

    totals = [sum(v - c for v, c in best_first[:k]) for k in range(len(best_first) + 1)]

    assert find_equilibrium(values, costs).surplus_max == max(totals)
