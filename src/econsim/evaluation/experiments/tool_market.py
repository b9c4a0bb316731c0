"""Agents that pay for tools: whether a price looked up, and a mean computed from it, are worth what they cost. Pure."""

from __future__ import annotations

from typing import Final

from econsim.domain.measures.measures import mean
from econsim.evaluation.experiments.runs import Runs, group_days
from econsim.evaluation.experiments.verdicts import Comparison, Expected, Rule, compare

DIRECTION: Final = "direction: information about the price is worth more than its cost"
"""Source of differences between groups."""


def compare_tool_market(studies: tuple[Runs, ...]) -> tuple[Comparison, ...]:
    """Compare the net gains of the groups, each agent's own payments taken off."""
    (runs,) = studies
    plain, informed, reckoning = (net_gains(runs, group) for group in ("plain", "informed", "reckoning"))
    return (
        compare(
            "net gain, informed less plain, credits a period",
            _differences(informed, plain),
            Expected(0, 0, DIRECTION, Rule.ABOVE),
        ),
        compare(
            "net gain, reckoning less informed, credits a period",
            _differences(reckoning, informed),
            Expected(0, 0, DIRECTION, Rule.ABOVE),
        ),
    )


def net_gains(runs: Runs, group: str) -> list[float]:
    """Return each run's mean net gain of a group's agents in a period, credits."""
    return [
        found for run in runs if (found := mean([day.net_gain for day in group_days(run, group)])) is not None
    ]


def _differences(first: list[float], second: list[float]) -> list[float]:
    return [a - b for a, b in zip(first, second, strict=True)]
