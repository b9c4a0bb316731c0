"""Agents that have others work for them: whether a delegated look-up is worth its price, and serving several pays. Pure."""

from __future__ import annotations

from typing import Final

from econsim.evaluation.experiments.runs import Runs
from econsim.evaluation.experiments.tool_market import net_gains
from econsim.evaluation.experiments.verdicts import Comparison, Expected, Rule, compare

DIRECTION: Final = "direction: what is delegated is worth more than its price, and costs its taker less"
"""Source of the signs of net gains."""


def compare_studio(studies: tuple[Runs, ...]) -> tuple[Comparison, ...]:
    """Compare the net gains of who delegates and who works alone, and of who serves them, all payments taken off."""
    (runs,) = studies
    loner, producer, researcher = (net_gains(runs, group) for group in ("loner", "producer", "researcher"))
    above = Expected(0, 0, DIRECTION, Rule.ABOVE)
    return (
        compare(
            "net gain, producer less loner, credits a period",
            [a - b for a, b in zip(producer, loner, strict=True)],
            above,
        ),
        compare("net gain, researcher, credits a period", researcher, above),
    )
