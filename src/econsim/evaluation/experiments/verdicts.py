"""How a measured number meets a published one: by intervals or exactly, never within a bare tolerance.

Pure. The unit of every sample is one run (a seed), because periods of a run may depend on each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from econsim.domain.measures.measures import Interval, confidence_interval, mean
from econsim.report.format import NOTHING

RULES = {
    "agrees": "the measured 95 % interval and the expected one overlap",
    "exactly": "every single run gives this number, without tolerance",
    "above": "the measured 95 % interval lies wholly above",
    "below": "the measured 95 % interval lies wholly below",
    "beside": "shown beside the other, not judged: it was measured under other rules",
}
"""Rule → what it asks for."""


class Rule(StrEnum):
    """What is asked of a measured number."""

    AGREES = "agrees"
    """Its interval and the published one overlap."""
    EXACTLY = "exactly"
    """Every run gives the number."""
    ABOVE = "above"
    """Its interval lies wholly above."""
    BELOW = "below"
    """Its interval lies wholly below."""
    BESIDE = "beside"
    """Nothing: a published number under other rules, for comparison."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A published number, or an identity."""

    value: float
    """In the measure's unit."""
    half_width: float
    """Half its 95 % interval; 0 for identities and yardsticks."""
    source: str
    """Paper or independent implementation, and how its interval came about."""
    rule: Rule = Rule.AGREES
    """What is asked."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measured number beside what was expected."""

    measure: str
    """What was measured, with its unit."""
    expected: Expected
    """What was expected."""
    measured: Interval
    """Mean over runs with its 95 % interval; half-width 0 if every run gave the same."""
    exact: bool
    """Whether every run gave exactly the expected value."""

    @property
    def holds(self) -> bool:
        """Tell whether the number is as its rule asks."""
        value, reach = self.expected.value, self.expected.half_width
        match self.expected.rule:
            case Rule.EXACTLY:
                return self.exact
            case Rule.ABOVE:
                return self.measured.low > value + reach
            case Rule.BELOW:
                return self.measured.high < value - reach
            case Rule.AGREES:
                return self.measured.low <= value + reach and value - reach <= self.measured.high
            case Rule.BESIDE:
                return True

    @property
    def verdict(self) -> str:
        """Return the verdict in a word; a dash where nothing was asked."""
        if self.expected.rule is Rule.BESIDE:
            return NOTHING
        return str(self.expected.rule) if self.holds else "differs"


def compare(measure: str, sample: Sequence[float], expected: Expected) -> Comparison:
    """Return the finding of a sample of runs; raises ValueError for fewer than two runs."""
    interval = confidence_interval(sample)
    if interval is None:
        message = f"{measure}: an interval needs at least two runs, not {len(sample)}"
        raise ValueError(message)
    return Comparison(measure, expected, interval, all(value == expected.value for value in sample))


def mean_of(values: Sequence[float | None]) -> float | None:
    """Return the mean of what could be measured; none if nothing could."""
    return mean([value for value in values if value is not None])
