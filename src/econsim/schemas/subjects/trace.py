"""Subjects of spans. Each service sends its own; the trace service sends those that it makes from the log."""

from __future__ import annotations

from typing import Final

from econsim.schemas.subject import Subject, SubjectKind

__all__ = ["SPAN_COMPLETED", "SPAN_STARTED"]


def _span(action: str, message: str, description: str) -> Subject:
    return Subject(
        f"trace.{{service}}.{{entity}}.{action}", SubjectKind.SPAN, "trace", message, description=description
    )


SPAN_STARTED: Final = _span("span_started", "SpanStarted", "A service began something that takes time.")
SPAN_COMPLETED: Final = _span(
    "span_completed", "SpanCompleted", "A service ended something that took time; the whole span."
)

SPANS: Final = (SPAN_STARTED, SPAN_COMPLETED)
"""Spans, in the order of the table."""
