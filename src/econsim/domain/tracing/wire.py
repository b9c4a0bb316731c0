"""The JSON form of a span: times are integer nanoseconds, ids are OpenTelemetry's. Pure.

`schemas.trace` documents it; it is written and read without models, because a collector's bridge takes 20 000 a second.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic_core import from_json, to_json

from econsim.domain.tracing.span import Span, SpanKind, Value
from econsim.errors import InvalidMessage

_KINDS: Final = {str(kind): kind for kind in SpanKind}


def span_json(span: Span) -> str:
    """Return a span as one line of JSON."""
    return completed_json(span).decode()


def completed_json(span: Span, dropped: int = 0) -> bytes:
    """Return the message about the end of a span: the whole of it; `dropped` is the number that its service has dropped."""
    more = {"dropped": dropped} if dropped else {}
    return to_json(_begin(span) | {"end_time_unix_nano": span.end_ns, "error": span.error or None} | more)


def started_json(span: Span) -> bytes:
    """Return the message about the begin of a span."""
    return to_json(_begin(span))


def _begin(span: Span) -> dict[str, Any]:
    return {
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_span_id": span.parent_span_id,
        "span_name": span.name,
        "span_kind": span.kind,
        "service_name": span.service,
        "start_time_unix_nano": span.start_ns,
        "attributes": span.attributes,
    }


def read_completed(payload: bytes) -> Span:
    """Return the span in a message about its end, which a service of econsim wrote; raises InvalidMessage."""
    try:
        found = from_json(payload)
        return Span(
            found["trace_id"],
            found["span_id"],
            found["parent_span_id"],
            found["span_name"],
            found["start_time_unix_nano"],
            found["end_time_unix_nano"],
            _values(found["attributes"]),
            found["error"] or "",
            _KINDS[found["span_kind"]],
            found["service_name"],
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"this is no completed span: {type(error).__name__} {error}"
        raise InvalidMessage(message) from None


def _values(attributes: dict[str, Any]) -> dict[str, Value]:
    """Return attributes with their lists as tuples."""
    for key, value in attributes.items():
        if type(value) is list:
            attributes[key] = tuple(value)
    return attributes
