"""A metric as Prometheus has it: a name, a kind, and samples with labels. Pure; knows neither Prometheus' text nor its library."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

Kind = Literal["counter", "gauge", "histogram"]
"""Kinds of metrics."""

COUNTER: Final[Kind] = "counter"
"""A number that only grows while its source runs."""
GAUGE: Final[Kind] = "gauge"
"""A number that goes up and down."""
HISTOGRAM: Final[Kind] = "histogram"
"""Counts of times up to each bound, their number and their sum."""


class Sample(NamedTuple):
    """One number."""

    suffix: str
    """End of the sample's name after the metric's: `_total`, `_bucket`, …"""
    labels: Mapping[str, str]
    """Labels by name."""
    value: float
    """The number."""


@dataclass(slots=True)
class Family:
    """One metric with all its samples."""

    name: str
    """Name of the metric, without the suffix of its samples."""
    kind: Kind
    """Kind of the metric."""
    meaning: str
    """Meaning and unit, one sentence."""
    samples: list[Sample] = field(default_factory=list)
    """Samples, each with other labels."""

    def add(self, value: float | None, /, suffix: str = "", **labels: str) -> None:
        """Add a sample; a value that is not there is left out, so that nobody averages a zero."""
        if value is not None:
            self.samples.append(Sample("_total" if self.kind == COUNTER else suffix, labels, value))


class Families(dict[str, Family]):
    """Metrics by name, while they are filled."""

    def declare(self, kind: Kind, meanings: Mapping[str, str]) -> None:
        """Declare metrics of one kind: name → meaning."""
        for name, meaning in meanings.items():
            self[name] = Family(name, kind, meaning)

    def with_samples(self) -> Iterable[Family]:
        """Return those that have samples."""
        return [family for family in self.values() if family.samples]
