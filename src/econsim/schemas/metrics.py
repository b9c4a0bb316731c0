"""Figures of services: what each worker counts and times, and the report in which it tells them.

A name, its meaning and its unit stand here alone; the exporter adds the service and the worker, and knows no name.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Self

from pydantic import Field

from econsim.schemas.base import SCHEMA_VERSION, Message, Version, Word

BOUNDS_S: Final = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025),
    *(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
"""Upper bounds of a timing's buckets, seconds: from a tenth of a usual round trip to the time-out of a request."""

Count = Annotated[int, Field(ge=0)]
"""A number that only grows while its worker runs."""


class FigureName(Word):
    """Name of a figure, and its meaning."""

    meaning: ClassVar[str]

    def __new__(cls, name: str, meaning: str) -> Self:
        """Make a name with its meaning, one sentence."""
        made = str.__new__(cls, name)
        made._value_ = name
        made.meaning = meaning  # type: ignore[misc]  # of the member, which is the only one of its name
        return made


class CounterName(FigureName):
    """Names of what workers count."""

    REFUSALS = "econsim_refusals", "Messages that were refused, by code of the refusal."
    LEASES_TAKEN = (
        "econsim_leases_taken",
        "Leases that a worker took, by kind of task: one at each start of it.",
    )
    TASKS_FAILED = "econsim_tasks_failed", "Leader tasks that failed and are tried again, by kind of task."
    TRACE_SPANS_DROPPED = "econsim_trace_spans_dropped", "Spans dropped because their queue was full."


class TimingName(FigureName):
    """Names of what workers time."""

    HANDLING = (
        "econsim_message_handling_seconds",
        "Time a handler takes for a message, by subject and outcome: ok, refused or error.",
    )
    ROUND_TRIP = (
        "econsim_request_round_trip_seconds",
        "Time from a request to its answer, measured where it is asked, by subject and outcome: answered or unanswered.",
    )


class CounterFigure(Message):
    """The state of one counter."""

    name: CounterName
    """Name of the counter."""
    labels: dict[str, str]
    """Labels of the counter: name → value, of which there are few whatever the number of agents."""
    value: Count
    """Count since the worker started."""


class TimingFigure(Message):
    """The state of one timing: a histogram."""

    name: TimingName
    """Name of the timing."""
    labels: dict[str, str]
    """Labels of the timing: name → value."""
    counts: tuple[Count, ...]
    """Number of times in each bucket of `BOUNDS_S`; the last one has what is longer than all bounds."""
    total_s: float
    """Sum of all times, seconds."""


class FiguresReported(Message):
    """The figures of one worker of a service, since it started; a later report replaces an earlier one."""

    schema_version: Version = SCHEMA_VERSION
    """Version of the report's schema."""
    counters: tuple[CounterFigure, ...] = ()
    """Counters, those that are zero among them if there is reason to expect them."""
    timings: tuple[TimingFigure, ...] = ()
    """Timings of what happened at least once."""
    is_last: bool = False
    """True if the worker stops: it is forgotten at once."""
