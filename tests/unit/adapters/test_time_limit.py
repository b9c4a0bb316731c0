"""Calls of somebody else's code end: at once, or when they take too long, and no later stop reaches what comes after."""

import time

import pytest

from econsim.adapters.time_limit import TimeLimit, TookTooLong


def for_ever():
    while True:
        try:
            sum(range(1_000))
        except Exception:  # noqa: BLE001 - as careless code does
            continue


def test_a_call_returns_and_raises_what_its_function_does():
    limit = TimeLimit(60)

    assert limit.call(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        limit.call(lambda: 1 // 0)


def test_a_loop_that_never_ends_is_ended():
    with pytest.raises(TookTooLong, match=r"longer than 0\.2 s"):
        TimeLimit(0.2).call(for_ever)


def test_a_call_after_one_that_was_ended_is_undisturbed():
    limit = TimeLimit(0.2)
    with pytest.raises(TookTooLong):
        limit.call(for_ever)

    assert limit.call(lambda: 7) == 7
    time.sleep(0.3)
