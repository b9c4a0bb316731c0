"""A span, and the ids of spans and traces. Pure.

Ids are derived from what a span is about, so that the same run gives the same trace whenever and wherever it is made.
"""

from __future__ import annotations

from enum import StrEnum
from hashlib import blake2b
from typing import Final

from econsim.schemas.immutable import immutable

Value = str | int | float | bool | tuple[str, ...]
"""Value of an attribute."""

_HALF: Final = 2**64
"""Number of values of the lower half of a trace's id."""


def trace_id(run: str, tick: int) -> str:
    """Return the id of the trace of one tick, 32 hex digits; tick 0 stands for the run and its periods."""
    return blake2b(f"{run}/{tick}".encode(), digest_size=16, person=b"trace").hexdigest()


def span_id(run: str, name: str) -> str:
    """Return the id of the span of a fact with this id, 16 hex digits."""
    return blake2b(f"{run}/{name}".encode(), digest_size=8, person=b"span").hexdigest()


def is_sampled(trace: str, share: float) -> bool:
    """Tell whether a trace is among the `share` of all traces that are taken, by its id alone: so all services agree.

    It is the rule of OpenTelemetry's own sampler by trace id.
    """
    return int(trace[16:], 16) < round(share * _HALF)


class SpanKind(StrEnum):
    """Place of a span between those who ask and those who answer, as OpenTelemetry has it."""

    INTERNAL = "internal"
    """Something inside a service."""
    CLIENT = "client"
    """A request, until its answer."""
    SERVER = "server"
    """The answering of a request."""
    PRODUCER = "producer"
    """The sending of a message."""
    CONSUMER = "consumer"
    """The handling of a message."""


@immutable
class Span:
    """Something that took place between two times, with its place in a trace."""

    trace_id: str
    """Trace of the span, 32 hex digits."""
    span_id: str
    """Id of the span, 16 hex digits."""
    parent_span_id: str | None
    """Span that led to it, of the same trace; none for the root."""
    name: str
    """Name of the span, one of few."""
    start_ns: int
    """Begin, nanoseconds since 1970."""
    end_ns: int
    """End, nanoseconds since 1970."""
    attributes: dict[str, Value]
    """Attributes by name."""
    error: str = ""
    """Reason why it failed; empty if it did not."""
    kind: SpanKind = SpanKind.INTERNAL
    """Place of the span between those who ask and those who answer."""
    service: str = "econsim"
    """Service that did it."""
