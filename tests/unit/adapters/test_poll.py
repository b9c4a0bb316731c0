"""The poll loop: the first round at once, a pause before each other, an end."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from econsim.adapters import poll
from econsim.adapters.poll import Poll

LONG_S = 3600.0
END_S = 60.0
"""Seconds after which a round that comes at once does not come."""


async def test_the_first_round_comes_at_once() -> None:
    async with asyncio.timeout(END_S):
        async for _ in Poll(LONG_S):
            break


async def test_rounds_go_on_until_the_caller_has_seen_enough() -> None:
    rounds = 0

    async for _ in Poll(0.0):
        rounds += 1
        if rounds == 3:
            break

    assert rounds == 3


async def test_one_round_comes_even_without_any_time() -> None:
    rounds = [_ async for _ in Poll(0.001, timeout_s=0.0)]

    assert len(rounds) == 1


async def test_rounds_end_at_the_deadline(monkeypatch) -> None:
    passing = iter(range(9))
    monkeypatch.setattr(poll, "time", SimpleNamespace(monotonic=lambda: next(passing)))

    rounds = [_ async for _ in Poll(0.0, timeout_s=2)]

    assert len(rounds) == 3


async def test_a_pause_ends_when_it_is_woken() -> None:
    wake = asyncio.Event()
    rounds = Poll(LONG_S, wake=wake)
    await anext(rounds)

    wake.set()

    async with asyncio.timeout(END_S):
        await anext(rounds)


async def test_a_wake_during_a_round_makes_another_at_once() -> None:
    wake = asyncio.Event()
    wakes_left = 2

    async with asyncio.timeout(END_S):
        async for _ in Poll(LONG_S, wake=wake):
            if not wakes_left:
                break
            wakes_left -= 1
            wake.set()

    assert not wakes_left


async def test_a_wake_ends_one_pause_only() -> None:
    wake = asyncio.Event()
    rounds = Poll(LONG_S, wake=wake)
    await anext(rounds)
    wake.set()
    await anext(rounds)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(rounds), 0.01)
