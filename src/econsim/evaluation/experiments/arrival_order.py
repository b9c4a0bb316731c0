"""First-proposal bias: how often the first seller to arrive sells, by the way the buyer chooses, with its closed form.

Pure. The closed form knows nothing of the engine: it follows from the order of arrival alone, which is drawn uniformly
over the sellers. The buyer comes at tick 1 and, in the order of that tick, may find some of the sellers there already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from math import comb
from typing import Final

from econsim.evaluation.bench.results import MarketPeriod
from econsim.evaluation.experiments.runs import Runs, days
from econsim.evaluation.experiments.verdicts import Comparison, Expected, compare, mean_of

COSTS: Final = (1.0, 1.4, 1.8, 2.2)
"""Costs of the sellers of `first_proposal`, credits."""

VALUE: Final = 3.0
"""Value of the unit to the buyer, credits: every offer is acceptable."""

ACTIVITY: Final = 0.5
"""Chance of a seller that has not come yet to come at a tick."""

TICKS: Final = 8
"""Ticks of a round."""

CLOSED: Final = "closed form: arrivals in uniform order, the buyer among those of tick 1"
"""Source of the numbers of a buyer whose bid stands from tick 1."""

COLLECTED: Final = "closed form: the cheapest of those that come, at any place with equal chance"
"""Source of the numbers of a call."""


def sellers_before_buyer(sellers: int, activity: float) -> list[float]:
    """Return the chances that 0, 1, … sellers come before the buyer: a seller is at tick 1 with chance `activity`."""
    at_once = _binomial(sellers, activity)
    return [sum(at_once[come] / (come + 1) for come in range(k, sellers + 1)) for k in range(sellers + 1)]


def shares_by_arrival(sellers: int, activity: float) -> list[float]:
    """Return the chance of the first, second, … seller to arrive to sell to a standing bid.

    Without a seller before it, the bid takes the first that comes. Otherwise it takes the cheapest of those before it,
    which is at any of their places with equal chance.
    """
    before = sellers_before_buyer(sellers, activity)
    shares = [sum(before[k] / k for k in range(place, sellers + 1)) for place in range(1, sellers + 1)]
    return [shares[0] + before[0], *shares[1:]]


def standing_efficiency(costs: Sequence[float], value: float, activity: float) -> float:
    """Return the expected share of the highest possible surplus that a standing bid realises."""
    before = sellers_before_buyer(len(costs), activity)
    gains = [before[0] * sum(value - cost for cost in costs) / len(costs)]
    gains += [before[k] * _mean_of_best(costs, value, k) for k in range(1, len(costs) + 1)]
    return sum(gains) / (value - min(costs))


def collected_share(sellers: int, comes: float) -> float:
    """Return the chance of the first seller to sell to a buyer that waits: one over those that come, if any does."""
    come = _binomial(sellers, comes)
    return sum(come[k] / k for k in range(1, sellers + 1)) / (1 - come[0])


def collected_efficiency(costs: Sequence[float], value: float, comes: float) -> float:
    """Return the expected share of the highest possible surplus that a buyer realises that waits for all."""
    come = _binomial(len(costs), comes)
    gains = [come[k] * _mean_of_best(costs, value, k) for k in range(1, len(costs) + 1)]
    return sum(gains) / (value - min(costs))


def compare_first_proposal(studies: tuple[Runs, ...]) -> tuple[Comparison, ...]:
    """Compare shares of the first proposal and efficiencies with the closed forms."""
    (runs,) = studies
    comes = 1 - (1 - ACTIVITY) ** TICKS
    first = 100 * shares_by_arrival(len(COSTS), ACTIVITY)[0]
    standing = 100 * standing_efficiency(COSTS, VALUE, ACTIVITY)
    waiting = 100 * collected_share(len(COSTS), comes)
    collected = 100 * collected_efficiency(COSTS, VALUE, comes)
    return (
        compare(
            "standing bid: first proposal taken, %", _firsts(runs, "standing"), Expected(first, 0, CLOSED)
        ),
        compare(
            "model, answered by rules: first proposal taken, %",
            _firsts(runs, "model"),
            Expected(first, 0, f"{CLOSED}; rules bid below their value at once"),
        ),
        compare(
            "offers collected: first proposal taken, %",
            _firsts(runs, "collected"),
            Expected(waiting, 0, COLLECTED),
        ),
        compare(
            "standing bid: efficiency, %", _efficiencies(runs, "standing"), Expected(standing, 0, CLOSED)
        ),
        compare(
            "offers collected: efficiency, %",
            _efficiencies(runs, "collected"),
            Expected(collected, 0, COLLECTED),
        ),
    )


def _binomial(trials: int, chance: float) -> list[float]:
    return [comb(trials, k) * chance**k * (1 - chance) ** (trials - k) for k in range(trials + 1)]


def _mean_of_best(costs: Sequence[float], value: float, come: int) -> float:
    """Return the mean gain from the cheapest of `come` sellers, over all that these can be."""
    found = [value - min(those) for those in combinations(costs, come)]
    return sum(found) / len(found)


def _firsts(runs: Runs, resource: str) -> list[float]:
    return _means(runs, resource, lambda day: day.first_arrival)


def _efficiencies(runs: Runs, resource: str) -> list[float]:
    return _means(runs, resource, lambda day: day.efficiency)


def _means(runs: Runs, resource: str, measured: Callable[[MarketPeriod], float | None]) -> list[float]:
    means = [mean_of([measured(day) for day in days(run, resource)]) for run in runs]
    return [mean for mean in means if mean is not None]
