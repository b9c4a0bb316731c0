"""First-proposal bias: the closed form against every order of arrival, counted one by one."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import permutations, product

import pytest

from econsim.evaluation.experiments.arrival_order import (
    ACTIVITY,
    COSTS,
    TICKS,
    VALUE,
    collected_efficiency,
    collected_share,
    shares_by_arrival,
    standing_efficiency,
)
from econsim.runs import scenario_file

BUYER = "buyer"


def sales(costs):
    """Yield (chance, place, cost) of the seller that a standing bid takes, over all orders of arrival at even chances.

    Each seller is at tick 1 or not, as a coin falls; those of tick 1 and the buyer come in any order, the others later.
    """
    orders = [*permutations(range(len(costs)))]
    for coins in product((True, False), repeat=len(costs)):
        for order in orders:
            at_once = [seller for seller in order if coins[seller]]
            later = [seller for seller in order if not coins[seller]]
            for before in range(len(at_once) + 1):
                arrival = [*at_once, *later]
                seller = min(arrival[:before], key=costs.__getitem__) if before else arrival[0]
                chance = Fraction(1, 2 ** len(costs) * len(orders) * (len(at_once) + 1))
                yield chance, arrival.index(seller), costs[seller]


def test_the_share_of_each_place_is_that_of_all_orders_of_arrival() -> None:
    counted: Counter[int] = Counter()
    for chance, place, _ in sales(COSTS):
        counted[place] += chance

    shares = shares_by_arrival(len(COSTS), 0.5)

    assert shares == pytest.approx([float(counted[place]) for place in range(len(COSTS))])
    assert sum(shares) == pytest.approx(1)


def test_what_a_standing_bid_realises_is_the_mean_over_all_orders_of_arrival() -> None:
    gained = sum(float(chance) * (VALUE - cost) for chance, _, cost in sales(COSTS))

    assert standing_efficiency(COSTS, VALUE, 0.5) == pytest.approx(gained / (VALUE - min(COSTS)))


def test_a_buyer_that_waits_for_all_sellers_has_no_bias_and_loses_nothing() -> None:
    assert collected_share(4, 1) == pytest.approx(1 / 4)
    assert collected_efficiency(COSTS, VALUE, 1) == pytest.approx(1)


def test_the_closed_form_is_of_the_shipped_scenario() -> None:
    shipped = scenario_file.load("first_proposal")

    sellers = [group for group in shipped.agents if group.count == len(COSTS)]

    assert len(sellers) == len(shipped.markets) == 3
    assert {group.activity_percent for group in sellers} == {100 * ACTIVITY}
    assert {(group.roles[0].first, group.roles[0].last) for group in sellers} == {
        (COSTS[0] * 1e6, COSTS[-1] * 1e6)
    }
    assert shipped.clock.ticks_per_period == TICKS
