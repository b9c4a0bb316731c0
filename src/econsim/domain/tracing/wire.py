"""The JSON form of a span: times are integer nanoseconds, ids are OpenTelemetry's. Pure."""

from __future__ import annotations

import json

from econsim.domain.tracing.span import Span


def span_json(span: Span) -> str:
    """Return a span as one line of JSON."""
    return json.dumps(
        {
            "trace_id": span.trace_id,
            "span_id": span.span_id,
            "parent_span_id": span.parent_span_id,
            "span_name": span.name,
            "start_time_unix_nano": span.start_ns,
            "end_time_unix_nano": span.end_ns,
            "error": span.error or None,
            "attributes": span.attributes,
        },
        ensure_ascii=False,
    )
