"""Reporter of a worker's figures: tells them to the metrics service every few seconds, without waiting for anybody."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

import nats.errors

from econsim import subjects
from econsim.adapters.cancellation import cancel_until_done
from econsim.adapters.nats.figures import figures_of
from econsim.adapters.poll import Poll
from econsim.schemas.metrics import CounterName
from econsim.services.context import ServiceContext

REPORT_INTERVAL_S: Final = 5.0
"""Pause between two reports: Prometheus reads every 15 s."""

CANCEL_AGAIN_S: Final = 1.0
"""Pause before the reporter is cancelled again."""


class FiguresReporter:
    """Component of every worker that reports its figures."""

    def __init__(self, context: ServiceContext) -> None:
        """Report for this context, from `start` to `stop`."""
        self._context = context
        self._reporting: asyncio.Task[None] | None = None
        self._dropped = 0
        """Messages about spans that were dropped until the newest report."""

    async def start(self) -> None:
        """Begin to report."""
        self._reporting = asyncio.create_task(self._report())

    async def stop(self) -> None:
        """End with a last report, so that the worker is not missed."""
        if self._reporting:
            await cancel_until_done([self._reporting], CANCEL_AGAIN_S)
            await self._publish(is_last=True)

    async def _report(self) -> None:
        async for _ in Poll(REPORT_INTERVAL_S):
            await self._publish()

    async def _publish(self, *, is_last: bool = False) -> None:
        """Publish; what cannot be sent now is in the next report."""
        client, dropped = self._context.client, self._context.tracing.dropped
        figures_of(client).count(CounterName.TRACE_SPANS_DROPPED, dropped - self._dropped)
        self._dropped = dropped
        subject = subjects.FIGURES_REPORTED(service=self._context.service, worker=self._context.holder)
        with suppress(nats.errors.Error):
            report = figures_of(client).report(is_last=is_last)
            await client.publish(subject, report.model_dump_json().encode())
