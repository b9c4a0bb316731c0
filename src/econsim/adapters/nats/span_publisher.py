"""Spans on their way from a service to its connection: a bounded queue that drops and counts, and never waits.

| Field | Holds | Entry comes | Entry goes | Bound |
| --- | --- | --- | --- | --- |
| `_queue` | begins and ends of spans | a span begins or ends | it is published | QUEUE_MAX |
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

import nats.errors
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.trace import format_span_id, format_trace_id

from econsim import subjects
from econsim.adapters.poll import Poll
from econsim.domain.tracing.span import Span, SpanKind
from econsim.domain.tracing.span_names import Own
from econsim.domain.tracing.wire import completed_json, started_json

QUEUE_MAX: Final = 10_000
"""Begins and ends of spans that wait: some 20 MB, and seconds of all that a busy service does."""

AT_ONCE: Final = 100
"""Messages sent before other tasks get a turn."""

LOOK_S: Final = 0.01
"""Pause between two looks whether all is sent."""

FINISH_S: Final = 1.0
"""Longest time that a stopping service spends on what waits."""

NO_ENTITY: Final = "none"
"""Word for the entity of a span that is about none."""

Send = Callable[[str, bytes], Awaitable[None]]
"""Publishes a payload on a subject."""

_log = logging.getLogger(__name__)


class SpanCounts(NamedTuple):
    """Numbers of begins and ends of a service's spans, by what became of them."""

    published: int
    """Number that was published."""
    dropped: int
    """Number that was dropped: the queue was full, or the connection refused it."""
    waiting: int
    """Number that waits."""


class SpanPublisher(SpanProcessor):
    """Publishes the begin and the end of each span of one service."""

    def __init__(self, service: str) -> None:
        """Take spans of this service; they wait until `start`."""
        self._service = service
        self._queue: deque[tuple[ReadableSpan, bool]] = deque()
        self._arrived = asyncio.Event()
        self._published = self._dropped = 0
        self._publishing: asyncio.Task[None] | None = None

    @property
    def counts(self) -> SpanCounts:
        """Return the counts so far."""
        return SpanCounts(self._published, self._dropped, len(self._queue))

    def start(self, send: Send) -> None:
        """Begin to publish."""
        self._publishing = asyncio.create_task(self._publish_all(send))

    async def stop(self) -> None:
        """Publish what waits, for FINISH_S at most, and tell of what was dropped."""
        if self._publishing is None:
            return
        async for _ in Poll(LOOK_S, FINISH_S):
            if not self._queue:
                break
        self._publishing.cancel()
        published, dropped, waiting = self.counts
        level = logging.WARNING if dropped or waiting else logging.INFO
        _log.log(
            level,
            "%s published %d messages about spans and dropped %d",
            self._service,
            published,
            dropped + waiting,
        )

    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:  # noqa: ARG002 - OpenTelemetry's signature
        """Queue the begin of a span."""
        self._put(span, ended=False)

    def on_end(self, span: ReadableSpan) -> None:
        """Queue the end of a span."""
        self._put(span, ended=True)

    def _put(self, span: ReadableSpan, *, ended: bool) -> None:
        if len(self._queue) >= QUEUE_MAX:
            self._dropped += 1
            return
        self._queue.append((span, ended))
        self._arrived.set()

    async def _publish_all(self, send: Send) -> None:
        """Publish whatever comes, until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._queue:
                for _ in range(min(AT_ONCE, len(self._queue))):
                    await self._publish(send, *self._queue.popleft())
                await asyncio.sleep(0)

    async def _publish(self, send: Send, found: ReadableSpan, ended: bool) -> None:  # noqa: FBT001 - an item of the queue
        span = self._of_domain(found)
        entity = str(span.attributes.get(Own.ENTITY, NO_ENTITY))
        row = subjects.SPAN_COMPLETED if ended else subjects.SPAN_STARTED
        payload = completed_json(span, self._dropped) if ended else started_json(span)
        try:
            await send(row(service=self._service, entity=entity), payload)
        except nats.errors.Error:
            # The connection is gone, and what it buffers is full.
            self._dropped += 1
        else:
            self._published += 1

    def _of_domain(self, span: ReadableSpan) -> Span:
        own = span.get_span_context()
        assert own is not None
        return Span(
            format_trace_id(own.trace_id),
            format_span_id(own.span_id),
            format_span_id(span.parent.span_id) if span.parent else None,
            span.name,
            span.start_time or 0,
            span.end_time or 0,
            dict(span.attributes or {}),  # type: ignore[arg-type]  # of the values that `tracing` sets
            span.status.description or "",
            SpanKind(span.kind.name.lower()),
            self._service,
        )
