"""Messages about spans: what a service did from when until when, by the conventions of OpenTelemetry."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from econsim.schemas.base import Message

TraceId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
"""Id of a trace: 32 hex digits."""

SpanId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
"""Id of a span: 16 hex digits."""

Nanoseconds = Annotated[int, Field(ge=0, le=2**64 - 1)]
"""Time as whole nanoseconds since 1970: a float of seconds would lose some."""


class SpanStarted(Message):
    """The begin of a span: for live views, because the message about its end has all of it."""

    trace_id: TraceId
    """Trace of the span: of a tick, or of a request that belongs to none."""
    span_id: SpanId
    """Id of the span."""
    parent_span_id: SpanId | None
    """Span that led to it; none for the root of a trace."""
    span_name: str
    """Name of the span, one of few: it has the template of a subject, never a concrete one."""
    span_kind: str
    """Kind of the span: `internal`, `client`, `server`, `producer` or `consumer`."""
    service_name: str
    """Service that did it."""
    start_time_unix_nano: Nanoseconds
    """Begin of the span."""
    attributes: dict[str, str | int | float | bool | tuple[str, ...]]
    """Attributes by name."""


class SpanCompleted(SpanStarted):
    """A whole span, at its end."""

    end_time_unix_nano: Nanoseconds
    """End of the span."""
    error: str | None
    """Reason why it failed; none if it did not."""
    dropped: Annotated[int, Field(ge=0)] = 0
    """Messages about spans that the service has dropped since its start, because its queue was full."""
