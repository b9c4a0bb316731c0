"""The oracle against schedules worked out by hand, and against trying every price."""

from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from econsim.domain.measures.equilibrium import (
    Equilibrium,
    demand_curve,
    find_constrained,
    find_equilibrium,
    supply_curve,
)
from econsim.schemas.orders import Side
from econsim.schemas.scenario import Market

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


@pytest.mark.parametrize(
    ("values", "costs", "surplus"),
    [
        ([1005], [1004], 0),
        ([1005], [1000], 5),
        ([1010], [1004], 6),
        ([2000, 1005], [500, 1004], 1501),
        ([1009, 1008], [1001, 1002], 0),
    ],
)
def test_a_pair_without_a_price_of_the_grid_between_value_and_cost_gains_nothing(values, costs, surplus):
    assert find_equilibrium(values, costs, tick_size=10).surplus_max == surplus


def by_hand(values, costs, size):
    """Return the most surplus of any pairing in which each pair has a price of the grid."""

    def gain(pairs):
        fits = all(value // size * size >= cost for value, cost in pairs)
        return sum(value - cost for value, cost in pairs) if fits else 0

    fewer = range(min(len(values), len(costs)) + 1)
    matched = (
        zip(v, c, strict=True) for k in fewer for v in combinations(values, k) for c in permutations(costs, k)
    )
    return max(gain(list(pairs)) for pairs in matched)


FEW = st.lists(st.integers(1, 30), max_size=4)


@given(FEW, FEW, st.integers(1, 9))
def test_no_pairing_at_prices_of_the_grid_gains_more(values, costs, size):
    assert find_equilibrium(values, costs, size).surplus_max == by_hand(values, costs, size)


def smith(**terms):
    """Return the equilibrium of Smith's schedule that a market's limits and taxes leave."""
    return find_constrained(SMITH_VALUES, SMITH_COSTS, Market(resource="cpu", **terms))


def test_limits_and_taxes_that_do_not_bind_leave_the_free_equilibrium():
    assert smith() == find_equilibrium(SMITH_VALUES, SMITH_COSTS, 10_000)


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({"price_max": "1.50"}, Equilibrium(4, 1_500_000, 1_500_000, 7_000_000)),
        ({"price_min": "2.50"}, Equilibrium(4, 2_500_000, 2_500_000, 7_000_000)),
        ({"tax": "0.50"}, Equilibrium(5, 1_750_000, 1_750_000, 7_500_000)),
        ({"tax": "0.50", "tax_side": "ask"}, Equilibrium(5, 2_250_000, 2_250_000, 7_500_000)),
        # At one price three units gain the tax; at a price for each pair five do, the lowest value with the lowest cost.
        ({"tax": "1.50"}, Equilibrium(3, 1_250_000, 1_250_000, 7_500_000)),
        ({"tax": "-1.00"}, Equilibrium(8, 2_500_000, 2_500_000, 7_500_000)),
    ],
)
def test_smiths_schedule_under_a_ceiling_a_floor_a_tax_and_a_subsidy(terms, expected):
    assert smith(**terms) == expected


@settings(max_examples=150)
@given(
    st.lists(st.integers(1, 30), max_size=4),
    st.lists(st.integers(1, 30), max_size=4),
    st.tuples(st.integers(1, 30), st.integers(1, 30)).map(sorted),
    st.integers(-6, 6),
    st.sampled_from(Side),
)
def test_the_constrained_optimum_is_the_best_of_all_pairings_at_prices_allowed(
    values, costs, limits, tax, side
):
    low, high = limits
    market = Market.model_construct(
        resource="cpu", tick_size=1, price_min=low, price_max=high, tax=tax, tax_side=side
    )
    bid_tax, ask_tax = (tax, 0) if side is Side.BID else (0, tax)
    prices = range(max(low, ask_tax), high + 1)

    def gain(value, cost):
        allowed = any(value - bid_tax >= price >= cost + ask_tax for price in prices)
        return value - cost if allowed else 0

    short, long = sorted((values, costs), key=len)
    best = max(
        sum(
            max(gain(*(pair if short is values else reversed(pair))), 0)
            for pair in zip(short, order, strict=False)
        )
        for order in permutations(long, len(short))
    )

    assert find_constrained(values, costs, market).surplus_max == best
