"""A scenario with what the command line asked for instead of its own."""

from __future__ import annotations

from econsim import scenario_files
from econsim.launch.choose import chosen
from econsim.schemas.scenario import Mode

GENESIS = scenario_files.load("genesis")


def test_nothing_asked_for_changes_nothing() -> None:
    assert chosen(GENESIS) == GENESIS


def test_a_guest_is_dealt_a_hundred_credits() -> None:
    guest = chosen(GENESIS, guests=["ana"]).agents[-1]

    assert (guest.name, guest.policy, guest.credits) == ("ana", "external", 100_000_000)


def test_expectations_of_periods_that_are_not_reached_are_left_out() -> None:
    short = chosen(GENESIS, periods=1)

    assert {e.measure for e in GENESIS.expectations} - {e.measure for e in short.expectations} == {"alpha"}


def test_real_time_expects_nothing() -> None:
    live = chosen(GENESIS, real_time=True)

    assert (live.clock.mode, live.expectations) == (Mode.REAL_TIME, ())
