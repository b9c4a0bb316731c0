"""Figures of one connection: what its service counts and times, whatever the number of agents and runs.

A connection belongs to one worker of one service, so its figures are found by it: handlers and requests are counted where they
pass (`short_path`, `rpc`), without a line of their own. Labels are templates of subjects, never subjects.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import Final

from nats.aio.client import Client

from econsim.schemas.metrics import (
    BOUNDS_S,
    CounterFigure,
    CounterName,
    FiguresReported,
    TimingFigure,
    TimingName,
)
from econsim.subjects import row_of

OTHER: Final = "other"
"""Template of a subject that is in no table: an agent's own, or JetStream's."""

SUBJECTS_MAX: Final = 1_024
"""Subjects of requests whose timings are kept: those that one service asks of some hundred agents."""

_KEPT: Final = "_econsim_figures"
"""Name under which a client holds its figures."""

_Labels = tuple[tuple[str, str], ...]


class Histogram:
    """A histogram of times."""

    __slots__ = ("counts", "total_s")

    def __init__(self) -> None:
        """Start without a time."""
        self.counts = [0] * (len(BOUNDS_S) + 1)
        """Number of times in each bucket; the last one has those above all bounds."""
        self.total_s = 0.0
        """Sum of all times, seconds."""

    def note(self, seconds: float) -> None:
        """Add a time."""
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.total_s += seconds


class Figures:
    """Counters and timings of one worker since it started.

    Their number is bounded by the tables of subjects, refusals and tasks: no label is made of what an agent sends.
    """

    def __init__(self) -> None:
        """Start with no figures."""
        self._counters: Counter[tuple[CounterName, _Labels]] = Counter()
        # There from the start: what begins with its first event has not increased for Prometheus.
        self.count(CounterName.TRACE_SPANS_DROPPED, 0)
        self._timings: dict[tuple[TimingName, _Labels], Histogram] = {}
        self._answered: dict[str, Histogram] = {}

    def count(self, name: CounterName, by: int = 1, /, **labels: str) -> None:
        """Add to a counter."""
        self._counters[name, tuple(labels.items())] += by

    def timing(self, name: TimingName, **labels: str) -> Histogram:
        """Return the timing of these labels, which the caller may keep."""
        return self._timings.setdefault((name, tuple(labels.items())), Histogram())

    def note_round_trip(self, subject: str, seconds: float, *, is_answered: bool = True) -> None:
        """Add the time of a request."""
        found = self._answered.get(subject) if is_answered else None
        if found is None:
            labels = {"subject": template_of(subject), "outcome": "answered" if is_answered else "unanswered"}
            found = self.timing(TimingName.ROUND_TRIP, **labels)
            if is_answered:
                self._keep(subject, found)
        found.note(seconds)

    def _keep(self, subject: str, found: Histogram) -> None:
        """Keep the timing of a subject: to look for it by its labels takes as long as all else that is done here."""
        if len(self._answered) >= SUBJECTS_MAX:
            self._answered.clear()
        self._answered[subject] = found

    def report(self, *, is_last: bool = False) -> FiguresReported:
        """Return all figures as they are now."""
        return FiguresReported(
            counters=tuple(
                CounterFigure(name=name, labels=dict(labels), value=value)
                for (name, labels), value in self._counters.items()
            ),
            timings=tuple(
                TimingFigure(
                    name=name, labels=dict(labels), counts=tuple(timing.counts), total_s=timing.total_s
                )
                for (name, labels), timing in self._timings.items()
                if any(timing.counts)
            ),
            is_last=is_last,
        )


def figures_of(client: Client) -> Figures:
    """Return the figures of a connection, from its first use on; they end with it."""
    found: Figures | None = vars(client).get(_KEPT)
    if found is None:
        found = vars(client)[_KEPT] = Figures()
    return found


def template_of(subject: str) -> str:
    """Return the template of a concrete subject, or of a pattern that is one run's; OTHER if no table has it."""
    row = row_of(subject)
    return row.template if row else OTHER
