"""The bridge to a collector: it takes completed spans off NATS, and sends them as OTLP over HTTP in a thread of its own.

Workers share the spans by queue group. A collector that is slow or away costs nothing but spans, which are counted.

| Field | Holds | Entry comes | Entry goes | Bound |
| --- | --- | --- | --- | --- |
| `_queue` | completed spans as they came | `receive` | a request to the collector takes it | QUEUE_MAX |
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from typing import Final

import nats.errors
from nats.aio.msg import Msg

from econsim import subjects
from econsim.adapters.poll import Poll
from econsim.domain.tracing.wire import read_completed
from econsim.errors import InvalidMessage, Unavailable
from econsim.services.context import ServiceContext
from econsim.services.tracing import SpanCollector

QUEUE_MAX: Final = 50_000
"""Spans that wait for the collector: some seconds of the most that the bridge sends, 40 MB."""

BATCH_MAX: Final = 2_048
"""Spans that one turn of the thread takes."""

LINGER_S: Final = 0.1
"""Pause in which spans gather before they are sent."""

FINISH_S: Final = 2.0
"""Longest time that a stopping worker spends on spans that wait."""

LAST_S: Final = 0.3
"""Seconds in which services that stop at the same time send their last spans."""

_log = logging.getLogger(__name__)


class SpanBridge:
    """One worker's part of all spans, a component of the trace service."""

    def __init__(self, context: ServiceContext, collector: SpanCollector) -> None:
        """Send spans to this collector, from `start` to `stop`."""
        self._context = context
        self._collector = collector
        self._queue: deque[bytes] = deque()
        self._arrived = asyncio.Event()
        self._sending: asyncio.Task[None] | None = None
        self._is_away = False
        self.sent = self.dropped = 0
        """Numbers of spans that the collector took, and that were dropped."""

    async def start(self) -> None:
        """Begin to take spans."""
        self._subscription = await self._context.client.subscribe(
            subjects.SPAN_COMPLETED.pattern(),
            self._context.service,
            cb=self.receive,
            pending_msgs_limit=QUEUE_MAX,
            pending_bytes_limit=-1,
        )
        self._sending = asyncio.create_task(self._send_all())

    async def stop(self) -> None:
        """Send what waits, for FINISH_S at most, and tell what was dropped."""
        await asyncio.sleep(LAST_S)
        with suppress(nats.errors.Error):
            await self._subscription.unsubscribe()
        async for _ in Poll(LINGER_S, FINISH_S):
            if not self._queue:
                break
        if self._sending:
            self._sending.cancel()
            await asyncio.wait({self._sending}, timeout=FINISH_S)
        self._collector.close()
        dropped = self.dropped + len(self._queue)
        level = logging.WARNING if dropped else logging.INFO
        _log.log(level, "the bridge sent %d spans to the collector and dropped %d", self.sent, dropped)

    async def receive(self, message: Msg) -> None:
        """Queue a span, or count it as dropped."""
        if len(self._queue) >= QUEUE_MAX:
            self.dropped += 1
            return
        self._queue.append(message.data)
        self._arrived.set()

    async def _send_all(self) -> None:
        """Send whatever comes, until cancelled; one request at a time."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._queue:
                if len(self._queue) < BATCH_MAX:
                    await asyncio.sleep(LINGER_S)
                batch = [self._queue.popleft() for _ in range(min(BATCH_MAX, len(self._queue)))]
                await self._send(batch)

    async def _send(self, batch: list[bytes]) -> None:
        try:
            sent = await asyncio.to_thread(self._parse_and_send, batch)
        except Unavailable as error:
            self.dropped += len(batch)
            if not self._is_away:
                _log.warning("%s; spans are dropped until it does", error)
            self._is_away = True
        else:
            self.sent += sent
            self.dropped += len(batch) - sent
            self._is_away = False

    def _parse_and_send(self, batch: list[bytes]) -> int:
        """Send a batch, in the thread; return the number of spans in it that could be read."""
        spans = []
        for payload in batch:
            with suppress(InvalidMessage):
                spans.append(read_completed(payload))
        self._collector.send(spans)
        return len(spans)
