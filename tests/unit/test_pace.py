"""How a run is paced: when a period ends."""

from __future__ import annotations

import pytest

from econsim.domain.pace import Moment, ends_period, exhausted
from econsim.schemas.agent import Limits
from econsim.schemas.scenario import Clock, Until


def limits(*pairs):
    """Return one host's limits a pair (bid, ask) of the one market."""
    return [{"cpu": Limits(bid=bid, ask=ask)} for bid, ask in pairs]


def test_a_period_has_its_ticks_and_no_more() -> None:
    clock = Clock(ticks_per_period=3)

    ended = [ends_period(clock, Moment(tick, 1, tick), limits((2, 1))) for tick in (1, 2, 3)]

    assert ended == [False, False, True]


def test_an_exhausted_period_ends_before_its_last_tick() -> None:
    clock = Clock(ticks_per_period=3, until=Until.EXHAUSTED)

    assert ends_period(clock, Moment(1, 1, 1), limits((1, 2)))
    assert not ends_period(clock, Moment(1, 1, 1), limits((2, 1)))


def test_a_period_is_not_exhausted_while_limits_are_unknown() -> None:
    clock = Clock(ticks_per_period=3, until=Until.EXHAUSTED)

    assert not ends_period(clock, Moment(1, 1, 1), None)
    assert ends_period(clock, Moment(3, 1, 3), None)


@pytest.mark.parametrize(
    ("bid", "ask", "over"), [(199, 200, True), (200, 200, True), (201, 200, False), (None, 1, True)]
)
def test_a_pair_must_gain_something_to_keep_a_period_open(bid, ask, over) -> None:
    assert exhausted(limits((bid, ask))) is over


def test_buyer_and_seller_may_sit_at_different_hosts() -> None:
    assert not exhausted(limits((200, None), (None, 100)))
    assert exhausted(limits((100, None), (None, 200)))


def test_one_market_with_gains_left_keeps_the_period_open() -> None:
    done, open_ = Limits(bid=1, ask=2), Limits(bid=2, ask=1)

    assert not exhausted([{"cpu": done, "memory": open_}])


def test_a_new_period_counts_its_own_ticks() -> None:
    moment = Moment().next_tick().next_tick().next_period().next_tick()

    assert moment == Moment(tick=3, period=2, tick_of_period=1)
