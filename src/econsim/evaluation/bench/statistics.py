"""Statistics over the cells of batches: counts of verdicts, means over runs, paired differences, pass^k. Pure.

The unit of every sample is a seed: its repeats are averaged first, because repeats of one seed are the same run again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import comb, fsum

from econsim.domain.measures.measures import Interval, confidence_interval, mean
from econsim.evaluation.bench.results import HOLDS, CellResult, JudgedExpectation
from econsim.report.format import plus_minus


@dataclass(slots=True)
class ExpectationCount:
    """Verdicts on one expectation over the runs of a treatment."""

    treatment: str
    """Name of the treatment."""
    name: str
    """Name of the expectation."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """Outcome → runs."""
    first: tuple[CellResult, JudgedExpectation] | None = None
    """First cell that does not hold, with its verdict; none if all hold."""
    passes: dict[int, list[bool]] = field(default_factory=dict)
    """Seed → of each repeat, whether it holds."""

    def pass_all(self, repeats: int) -> float | None:
        """Return pass^k for k repeats, a share."""
        return pass_k(self.passes.values(), repeats)


def counts(results: Iterable[CellResult]) -> tuple[ExpectationCount, ...]:
    """Return the verdicts on every expectation, by treatment and in the order of the scenario."""
    found: dict[tuple[str, int, str], ExpectationCount] = {}
    for result in sorted(results, key=lambda each: each.number):
        for place, verdict in enumerate(result.verdicts):
            key = (result.treatment, place, verdict.name)
            count = found.setdefault(key, ExpectationCount(result.treatment, verdict.name))
            count.outcomes[verdict.outcome] += 1
            count.passes.setdefault(result.seed, []).append(verdict.outcome == HOLDS)
            if verdict.outcome != HOLDS and count.first is None:
                count.first = (result, verdict)
    return tuple(found.values())


def pass_k(trials: Iterable[Sequence[bool]], k: int) -> float | None:
    """Return pass^k: the chance that k trials of a task all pass, mean over tasks; none without a task of k trials.

    The unbiased estimate of Yao et al. 2024 (tau-bench): of n trials of a task with c passes, C(c, k) / C(n, k).
    """
    shares = [comb(sum(each), k) / comb(len(each), k) for each in trials if len(each) >= k]
    return fsum(shares) / len(shares) if shares else None


def by_seed(results: Iterable[CellResult], measure: str) -> dict[int, float]:
    """Return seed → mean of a measure over its repeats; seeds without a value are left out."""
    values: defaultdict[int, list[float]] = defaultdict(list)
    for result in results:
        if measure in result.measures:
            values[result.seed].append(result.measures[measure])
    means = {seed: mean(found) for seed, found in sorted(values.items())}
    return {seed: found for seed, found in means.items() if found is not None}


def measures_of(results: Iterable[CellResult]) -> tuple[str, ...]:
    """Return the names of the measures of results, in their order."""
    return tuple(dict.fromkeys(name for result in results for name in result.measures))


def by_treatment(results: Iterable[CellResult]) -> Mapping[str, list[CellResult]]:
    """Return treatment → its results, by number."""
    found: dict[str, list[CellResult]] = {}
    for result in sorted(results, key=lambda each: each.number):
        found.setdefault(result.treatment, []).append(result)
    return found


def mean_over_runs(results: Iterable[CellResult], measure: str) -> Interval | None:
    """Return the mean of a measure with its 95 % interval, where n is the number of seeds; none for fewer than two."""
    return confidence_interval([*by_seed(results, measure).values()])


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """A measure in two batches, on the seeds that both have."""

    measure: str
    """Name of the measure."""
    first: float
    """Mean of the first batch over the common seeds."""
    second: float
    """Mean of the second one."""
    difference: Interval | None
    """Second less first, seed by seed, with its 95 % interval; none for fewer than two common seeds."""
    seeds: int
    """Number of common seeds."""

    @property
    def text(self) -> str:
        """Difference with half its interval, as tables show it."""
        return plus_minus(self.second - self.first, self.difference.half_width if self.difference else None)

    @property
    def is_clear(self) -> bool:
        """Tell whether the interval of the difference leaves 0 out."""
        found = self.difference
        return found is not None and not found.low <= 0 <= found.high


def paired_differences(
    first: Sequence[CellResult], second: Sequence[CellResult]
) -> tuple[PairedDifference, ...]:
    """Return the paired difference of every measure that two lists of results share."""
    shared = set(measures_of(second))
    pairs = (
        paired_difference(measure, by_seed(first, measure), by_seed(second, measure))
        for measure in measures_of(first)
        if measure in shared
    )
    return tuple(pair for pair in pairs if pair)


def paired_difference(
    measure: str, first: Mapping[int, float], second: Mapping[int, float]
) -> PairedDifference | None:
    """Return the second of two mappings of seeds to values less the first, seed by seed; none without a common seed."""
    differences = differences_by_seed(first, second)
    before, after = (mean([side[seed] for seed in differences]) for side in (first, second))
    if before is None or after is None:
        return None
    return PairedDifference(
        measure, before, after, confidence_interval([*differences.values()]), len(differences)
    )


def differences_by_seed(first: Mapping[int, float], second: Mapping[int, float]) -> dict[int, float]:
    """Return seed → second value less the first one, for the seeds that both have."""
    return {seed: second[seed] - value for seed, value in first.items() if seed in second}


def differing_hashes(results: Iterable[CellResult]) -> tuple[tuple[str, int], ...]:
    """Return the treatments and seeds whose repeats have different canonical hashes: those runs are not reproducible."""
    hashes: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
    for result in results:
        if result.hash:
            hashes[result.treatment, result.seed].add(result.hash)
    return tuple(key for key, found in hashes.items() if len(found) > 1)
