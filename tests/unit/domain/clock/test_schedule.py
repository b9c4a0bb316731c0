"""How a run is paced: when a period ends."""

from __future__ import annotations

import pytest
from factories import group, role, scenario

from econsim.domain.agent.population import population
from econsim.domain.agent.prospects import external_limits, limits_of
from econsim.domain.agent.random_draws import Draws
from econsim.domain.agent.traders import TraderPosition
from econsim.domain.agent.traders.zi_u import ZiU
from econsim.domain.clock.schedule import LogicalTime, ends_period, exhausted
from econsim.schemas.orders import Side
from econsim.schemas.scenario import Clock, Market, Until

MARKET = Market(resource="cpu", tick_size="0.01", price_min="0.01", price_max="2.00")
CENT = 10_000


def limits(*pairs, market=MARKET):
    """Return one host's limits a pair (value, cost), in cents, of the one market."""
    return [{"cpu": limits_of(market, micros(value), micros(cost))} for value, cost in pairs]


def micros(cents):
    return None if cents is None else round(cents * CENT)


def test_a_period_has_its_ticks_and_no_more() -> None:
    clock = Clock(ticks_per_period=3)

    ended = [ends_period(clock, LogicalTime(tick, 1, tick), limits((2, 1))) for tick in (1, 2, 3)]

    assert ended == [False, False, True]


def test_an_exhausted_period_ends_before_its_last_tick() -> None:
    clock = Clock(ticks_per_period=3, until=Until.EXHAUSTED)

    assert ends_period(clock, LogicalTime(1, 1, 1), limits((1, 2)))
    assert not ends_period(clock, LogicalTime(1, 1, 1), limits((2, 1)))


def test_a_period_is_not_exhausted_while_limits_are_unknown() -> None:
    clock = Clock(ticks_per_period=3, until=Until.EXHAUSTED)

    assert not ends_period(clock, LogicalTime(1, 1, 1), None)
    assert ends_period(clock, LogicalTime(3, 1, 3), None)


@pytest.mark.parametrize(
    ("value", "cost", "over"),
    [(99, 100, True), (100, 100, True), (101, 100, False), (None, 1, True), (100.5, 100.4, True)],
)
def test_a_pair_must_gain_something_to_keep_a_period_open(value, cost, over) -> None:
    assert exhausted(limits((value, cost))) is over


@pytest.mark.parametrize(
    ("value", "cost", "over"),
    [(300, 200, False), (300, 201, True), (300, 100, False), (0.5, 0.1, True), (1, 0.1, False)],
)
def test_price_limits_decide_whether_a_pair_can_trade_but_not_what_it_gains(value, cost, over) -> None:
    assert exhausted(limits((value, cost))) is over


def test_a_trader_at_every_price_keeps_a_period_open_even_with_one_price() -> None:
    fixed = Market(resource="cpu", tick_size=2, price_min=2, price_max=2)
    buyer, seller = (ZiU(TraderPosition("a", 0, side, (1,), fixed), Draws()).limits(1) for side in Side)

    assert not exhausted([{"cpu": buyer}, {"cpu": seller}])
    assert exhausted([{"cpu": buyer}])


EXTERNALS = population(
    scenario(
        group("buyer", "external", roles=[role("bid", values=[[3, 2]])]),
        group("seller", "external", roles=[role("ask", values=[[1, 2]])]),
        group("dealer", "external"),
    )
)


@pytest.mark.parametrize(
    ("units", "value", "cost"),
    [
        ({"seller": 2}, 300, 100),
        ({"buyer": 1, "seller": 1}, 200, 200),
        ({"buyer": 2}, 200, 200),
        ({"dealer": 2}, 300, 0),
        ({"seller": 3}, 300, 0),
        ({}, 300, None),
    ],
)
def test_external_agents_may_buy_units_of_value_and_sell_the_units_they_have(units, value, cost) -> None:
    found = external_limits(EXTERNALS, [MARKET], lambda agent, _: units.get(agent, 0))["cpu"]

    assert (found.value, found.cost) == (micros(value), micros(cost))


def test_buyer_and_seller_may_be_at_different_hosts() -> None:
    assert not exhausted(limits((200, None), (None, 100)))
    assert exhausted(limits((100, None), (None, 200)))


def test_one_market_with_gains_left_keeps_the_period_open() -> None:
    done, open_ = limits((1, 2)), limits((2, 1))

    assert not exhausted([{"cpu": done[0]["cpu"], "memory": open_[0]["cpu"]}])


def test_a_new_period_counts_its_own_ticks() -> None:
    now = LogicalTime().next_tick().next_tick().next_period().next_tick()

    assert now == LogicalTime(tick=3, period=2, tick_of_period=1)
