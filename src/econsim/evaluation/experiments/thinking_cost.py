"""Agents that pay for each thought: who can no longer afford one, and who earns. Pure."""

from __future__ import annotations

from typing import Final

from econsim.domain.measures.measures import mean
from econsim.evaluation.experiments.runs import Runs, group_days
from econsim.evaluation.experiments.verdicts import Comparison, Expected, Rule, compare

SOON: Final = slice(2, None)
"""Days 3 and later, when the first credits are spent."""

KEPT: Final = "identity: an agent that keeps 5 credits can pay for a thought, which costs less than 0.5"
"""Source of the share of prudent agents that are priced out."""

DIRECTION: Final = "direction: thoughts that gain nothing cost as much as the others"
"""Source of differences between groups."""


def compare_thinking_is_dear(studies: tuple[Runs, ...]) -> tuple[Comparison, ...]:
    """Compare the groups: shares of agents that are priced out, costs of thinking, profits."""
    (runs,) = studies
    hasty, prudent, coded = (profits(runs, group) for group in ("hasty", "prudent", "coded"))
    return (
        compare(
            "prudent: agents priced out, %",
            _priced_out_shares(runs, "prudent"),
            Expected(0, 0, KEPT, Rule.EXACTLY),
        ),
        compare(
            "hasty: agents priced out from day 3, %",
            _priced_out_shares(runs, "hasty"),
            Expected(50, 0, "direction: more than half", Rule.ABOVE),
        ),
        compare("profit of hasty agents, credits", hasty, Expected(0, 0, DIRECTION, Rule.BELOW)),
        compare("profit of prudent agents, credits", prudent, Expected(0, 0, DIRECTION, Rule.ABOVE)),
        compare(
            "profit, coded less prudent, credits",
            [a - b for a, b in zip(coded, prudent, strict=True)],
            Expected(0, 0, "direction: a trader that is code pays for no thought", Rule.ABOVE),
        ),
    )


def profits(runs: Runs, group: str) -> list[float]:
    """Return each run's mean profit of a group's agents, credits."""
    return [run.measures[f"{group} profit"] for run in runs]


def _priced_out_shares(runs: Runs, group: str) -> list[float]:
    shares = ([day.priced_out or 0.0 for day in group_days(run, group)[SOON]] for run in runs)
    return [found for share in shares if (found := mean(share)) is not None]
