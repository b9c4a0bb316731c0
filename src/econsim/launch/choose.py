"""A scenario as the command line wants it: other seed, other length, guests, real time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from econsim.schemas.scenario import Expectation, Group, Mode, PolicyName, Scenario

GUEST_CREDITS: Final = 100
"""Credits a guest is dealt: as much as an agent of the shipped scenarios."""


def chosen(  # noqa: PLR0913 - each is an option of the command
    scenario: Scenario,
    *,
    seed: int | None = None,
    periods: int | None = None,
    hosts: int | None = None,
    guests: Sequence[str] = (),
    real_time: bool = False,
) -> Scenario:
    """Return the scenario with what was asked for instead of its own.

    Expectations that no longer apply are left out: those of periods it does not come to, and all of them
    with guests or in real time.
    """
    clock = scenario.clock
    if periods is not None:
        clock = clock.model_copy(update={"periods": periods})
    if real_time:
        clock = clock.model_copy(update={"mode": Mode.REAL_TIME})
    joined = tuple(Group(name=name, policy=PolicyName.EXTERNAL, credits=GUEST_CREDITS) for name in guests)
    kept = () if guests or real_time else _reached(scenario, clock.periods)
    changed = scenario.model_copy(
        update={
            "seed": scenario.seed if seed is None else seed,
            "clock": clock,
            "hosts": scenario.hosts if hosts is None else hosts,
            "agents": (*scenario.agents, *joined),
            "expectations": kept,
        }
    )
    return Scenario.model_validate_json(changed.model_dump_json())


def _reached(scenario: Scenario, periods: int) -> tuple[Expectation, ...]:
    return tuple(e for e in scenario.expectations if max(e.first_period, e.last_period or 1) <= periods)
