"""Comparison of a measured number with a published one: by intervals or exactly, never within a bare tolerance.

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
"""Rule → its condition in words."""


class Rule(StrEnum):
    """Condition on a measured number."""

    AGREES = "agrees"
    """The measured interval and the published one overlap."""
    EXACTLY = "exactly"
    """Every run gives the number."""
    ABOVE = "above"
    """The measured interval lies wholly above."""
    BELOW = "below"
    """The measured interval lies wholly below."""
    BESIDE = "beside"
    """No condition: the published number was measured under other rules."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Published number, or number that follows from the definitions."""

    value: float
    """Value in the measure's unit."""
    half_width: float
    """Half the 95 % interval of the value; 0 for identities and directions."""
    source: str
    """Paper or independent implementation, with the origin of its interval."""
    rule: Rule = Rule.AGREES
    """Rule of the comparison."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Measured number beside the expected one."""

    measure: str
    """Measure with its unit."""
    expected: Expected
    """Expected number."""
    measured: Interval
    """Mean over runs with its 95 % interval; half-width 0 if all runs agree."""
    exact: bool
    """True if every run gave exactly the expected value."""

    @property
    def holds(self) -> bool:
        """Tell whether the number meets its rule."""
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
        """Return the verdict in a word; a dash for a rule without condition."""
        if self.expected.rule is Rule.BESIDE:
            return NOTHING
        return str(self.expected.rule) if self.holds else "differs"


def compare(measure: str, sample: Sequence[float], expected: Expected) -> Comparison:
    """Return the comparison of a sample of runs; raises ValueError for fewer than two runs."""
    interval = confidence_interval(sample)
    if interval is None:
        message = f"{measure}: an interval needs at least two runs, not {len(sample)}"
        raise ValueError(message)
    return Comparison(measure, expected, interval, all(value == expected.value for value in sample))


def mean_of(values: Sequence[float | None]) -> float | None:
    """Return the mean of the values that are not none; none if there is none."""
    return mean([value for value in values if value is not None])
