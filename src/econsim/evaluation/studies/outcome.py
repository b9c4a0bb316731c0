"""The numbers of a study: means over runs and paired differences on the same seeds, each with its 95 % interval. Pure.

The unit is the run, known by its seed: the periods of a run depend on each other, so they are averaged first and never counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import fsum
from typing import Final

from econsim.domain.measures.measures import Interval
from econsim.evaluation.bench.period_measures import period_measure, with_measures
from econsim.evaluation.bench.plan import StudyCondition, StudyPlan
from econsim.evaluation.bench.results import CellResult
from econsim.evaluation.bench.statistics import (
    PairedDifference,
    by_seed,
    by_treatment,
    differences_by_seed,
    mean_over_runs,
    measures_of,
    paired_difference,
    paired_differences,
)
from econsim.report.format import NOTHING

MEASURES_SHOWN_MAX: Final = 4
"""Measures that a terminal or a notebook shows of a study that names none: more than a screen of tables is no summary."""


@dataclass(frozen=True, slots=True)
class ConditionMean:
    """A measure under one condition."""

    condition: StudyCondition
    """Condition of the runs."""
    measure: str
    """Name of the measure."""
    mean: float
    """Mean over runs."""
    interval: Interval | None
    """The same with its 95 % interval; none for fewer than two runs."""
    n: int
    """Number of runs that have the measure."""


@dataclass(frozen=True, slots=True)
class ConditionDifference:
    """A measure under one condition, minus the same under its baseline."""

    condition: StudyCondition
    """Condition of the runs."""
    baseline: StudyCondition
    """Condition that it is compared with."""
    paired: PairedDifference
    """Difference, run by run on the same seeds."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """A difference between two treatments, or two values of the grid's first axis, at one point, minus the same difference at the first point."""

    difference: ConditionDifference
    """Difference at the point: its `paired` has both differences, and the second less the first, run by run on the same seeds."""
    reference: StudyCondition
    """Condition of the same treatment, or value of the first axis, at the first point."""


class StudyOutcome:
    """A study with the results of its runs so far."""

    def __init__(self, batch: str, study: StudyPlan, results: Sequence[CellResult]) -> None:
        """Take the results; runs that failed are counted and left out of every number."""
        self.batch = batch
        """Name of the batch."""
        self.study = study
        """Conditions of the study."""
        self.failed = tuple(each for each in results if each.failure)
        """Runs that ended early, or whose figures mislead."""
        wanted = [found for name in study.measures if (found := period_measure(name))]
        self.runs: Mapping[str, Sequence[CellResult]] = by_treatment(
            with_measures(each, wanted) for each in results if not each.failure
        )
        """Condition → its runs that came to their end."""

    @cached_property
    def measures(self) -> tuple[str, ...]:
        """Measures that are shown: those of the design, or else all; not the efficiency of the one market beside that of the run."""
        found = measures_of(run for runs in self.runs.values() for run in runs)
        if self.study.measures:
            return tuple(each for each in self.study.measures if each in found)
        of_markets = [each for each in found if each.endswith(" efficiency")]
        return tuple(each for each in found if len(of_markets) != 1 or each not in of_markets)

    @property
    def first_measures(self) -> tuple[str, ...]:
        """Measures for a look: those of the design, or else the first MEASURES_SHOWN_MAX."""
        return self.measures if self.study.measures else self.measures[:MEASURES_SHOWN_MAX]

    @cached_property
    def means(self) -> tuple[ConditionMean, ...]:
        """Mean of every measure under every condition that has it."""
        found = []
        for measure in self.measures:
            for condition in self.study.conditions:
                values = [*by_seed(self.runs.get(condition.name, ()), measure).values()]
                if values:
                    interval = mean_over_runs(self.runs[condition.name], measure)
                    mean = fsum(values) / len(values)
                    found.append(ConditionMean(condition, measure, mean, interval, len(values)))
        return tuple(found)

    @cached_property
    def differences(self) -> tuple[ConditionDifference, ...]:
        """Paired difference of every measure between every condition and its baseline, if both have it."""
        found = []
        for condition in self.study.conditions:
            baseline = self.baseline(condition)
            if baseline is not condition:
                pairs = paired_differences(*(self.runs.get(each.name, ()) for each in (baseline, condition)))
                found += [
                    ConditionDifference(condition, baseline, pair)
                    for pair in pairs
                    if pair.measure in self.measures
                ]
        return tuple(found)

    @cached_property
    def interactions(self) -> tuple[Interaction, ...]:
        """Difference of differences of every measure: what the other factors change in the difference of the first one, a treatment or an axis."""
        found = []
        first_with: dict[object, StudyCondition] = {}
        first_at: dict[object, StudyCondition] = {}
        for condition in self.study.conditions:
            factor, others = self._factors(condition)
            reference, baseline = (
                first_with.setdefault(factor, condition),
                first_at.setdefault(others, condition),
            )
            if condition in (reference, baseline):
                continue
            pairs = ((self.study.conditions[0], reference), (baseline, condition))
            for measure in self.measures:
                there, here = (
                    differences_by_seed(*(by_seed(self.runs.get(each.name, ()), measure) for each in pair))
                    for pair in pairs
                )
                if paired := paired_difference(measure, there, here):
                    found.append(Interaction(ConditionDifference(condition, baseline, paired), reference))
        return tuple(found)

    def _factors(self, condition: StudyCondition) -> tuple[object, object]:
        """Return a condition's treatment and its point of the grid; of one treatment, its value of the first axis and the point of the others."""
        if self.has_treatments:
            return condition.treatment, self.point(condition)
        axis = self._first_axis
        others = (condition.values[path] for path in self.study.grid if path not in axis)
        return tuple(condition.values[path] for path in axis), tuple(others)

    @cached_property
    def _first_axis(self) -> tuple[str, ...]:
        """Paths of the grid's first axis: one, or all that vary together."""
        first = self.study.grid[:1]
        return first if set(first).isdisjoint(self.study.together) else self.study.together

    @cached_property
    def crossing(self) -> str:
        """Sentence about treatments of which one is two others at once: of them no difference of differences is taken; empty without such."""
        first = self.study.conditions[0]
        changes = {
            each.treatment: set(each.values.items()) - set(first.values.items())
            for each in self.study.conditions
            if self.point(each) == self.point(first)
        }
        for one, other in combinations(filter(changes.get, changes), 2):
            for both, changed in changes.items():
                if changed == changes[one] | changes[other] and changes[one].isdisjoint(changes[other]):
                    return (
                        f"{both} is {one} and {other} at once; no difference of differences is taken of treatments: write one of the two "
                        "below [grid] for it"
                    )
        return ""

    def baseline(self, condition: StudyCondition) -> StudyCondition:
        """Return what a condition is compared with: the first treatment at the same point of the grid; of one treatment, its first point."""
        every = self.study.conditions
        if not self.has_treatments:
            return every[0]
        point = self.point(condition)
        return next(each for each in every if self.point(each) == point)

    @cached_property
    def has_treatments(self) -> bool:
        """Tell whether conditions differ in their treatment, not in the grid alone."""
        return len({each.treatment for each in self.study.conditions}) > 1

    @property
    def compared_with(self) -> str:
        """Name of what the differences are from: the first treatment, or the first point of the grid."""
        first = self.study.conditions[0]
        return first.treatment if self.has_treatments else self.first_point

    @property
    def first_point(self) -> str:
        """Name of the first point of the grid: its values."""
        return ", ".join(self._values(self.study.conditions[0])) or self.study.conditions[0].treatment

    @property
    def interaction(self) -> str:
        """Name of what the differences of differences are: of which difference, at a point minus at the first one."""
        if self.has_treatments:
            return f"minus that at {self.first_point}"
        first = self.study.conditions[0]
        of_axis, others = (
            ", ".join(
                shown_value(first.values[path])
                for path in self.columns
                if (path in self._first_axis) is wanted
            )
            for wanted in (True, False)
        )
        return f"minus {of_axis}, less that at {others}"

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Paths that tell a point of the grid: of those that vary together and say the same of the same key, one."""
        found: dict[object, str] = {}
        for path in self.study.grid:
            values = tuple(each.values[path] for each in self.study.conditions)
            same = (path.rpartition(".")[2], values) if path in self.study.together else path
            found.setdefault(same, path)
        return tuple(found.values())

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """Names of these paths: their last word if that will do."""
        lasts = [path.rpartition(".")[2] for path in self.columns]
        return tuple(
            last if lasts.count(last) == 1 else path for path, last in zip(self.columns, lasts, strict=True)
        )

    @property
    def headings(self) -> tuple[str, ...]:
        """Headings of the columns that tell a condition: its treatment, and the paths of the grid."""
        has_treatment = self.has_treatments or not self.columns
        return (("treatment",) if has_treatment else ()) + self.column_names

    def labels(self, condition: StudyCondition) -> tuple[str, ...]:
        """Return what these columns hold for a condition."""
        values = self._values(condition)
        return ((condition.treatment,) if self.has_treatments or not values else ()) + values

    def _values(self, condition: StudyCondition) -> tuple[str, ...]:
        return tuple(shown_value(condition.values[path]) for path in self.columns)

    def point(self, condition: StudyCondition) -> tuple[object, ...]:
        """Return a condition's values of the grid."""
        return tuple(condition.values[path] for path in self.study.grid)


def shown_value(value: object) -> str:
    """Return a condition's value as tables show it."""
    if value is None:
        return NOTHING
    return f"{value:g}" if isinstance(value, float) else str(value)
