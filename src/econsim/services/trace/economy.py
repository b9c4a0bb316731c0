"""Spans of the economy while a run goes on: the same that `econsim trace` makes from its log afterwards.

Theory of operation. The trace service's leader of a run calls `serve`. It follows the run's log from its beginning, makes the spans
of each tick whose trace is taken, and sends them when the tick is complete. The last entries of the ledger come into the log
after the run's closing, by which leadership cancels the task; so the task ends only when it has read them. A worker that
takes over sends everything again: ids are derived, so what comes twice is there once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing, suppress
from functools import lru_cache
from typing import Final

import nats.errors

from econsim import subjects
from econsim.adapters.jetstream.audit_log import StoredEvent, follow, last_event
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.audit.facts import record
from econsim.domain.audit.run_records import RunRecords
from econsim.domain.tracing.derivation import TOLD_ALWAYS, SpanMaker
from econsim.domain.tracing.span import Span, is_sampled, trace_id
from econsim.domain.tracing.span_names import Own
from econsim.domain.tracing.wire import completed_json
from econsim.errors import EconsimError, InvalidMessage
from econsim.services.context import ServiceContext

FINISH_S: Final = 0.9
"""Longest time that the last spans of a closed run take; leadership cancels a task again after a second."""

TICKS_MAX: Final = 8
"""Ticks of which it is kept whether they are taken."""

_log = logging.getLogger(__name__)


async def serve(context: ServiceContext, run: ActiveRun) -> None:
    """Send the spans of a run until it is read to its end, or another worker leads."""
    following = asyncio.create_task(_follow(context, run.name))
    try:
        await asyncio.shield(following)
    except asyncio.CancelledError:
        if await _has_closed(context, run.name):
            await asyncio.wait({following}, timeout=FINISH_S)
        raise
    finally:
        following.cancel()


async def _follow(context: ServiceContext, run: str) -> None:
    @lru_cache(TICKS_MAX)
    def is_taken(tick: int) -> bool:
        return is_sampled(trace_id(run, tick), context.tracing.share)

    maker, records = SpanMaker(is_taken), RunRecords()
    async with aclosing(follow(context.client, run)) as stored_events:
        async for stored in stored_events:
            await _send(context, _spans(stored, maker, records, is_taken))
            if records.end.reached:
                break
    await _send(context, maker.close())


async def _send(context: ServiceContext, spans: list[Span]) -> None:
    for span in spans:
        subject = subjects.SPAN_COMPLETED(service=span.service, entity=str(span.attributes[Own.ENTITY]))
        await context.client.publish(subject, completed_json(span))


async def _has_closed(context: ServiceContext, run: str) -> bool:
    with suppress(EconsimError, nats.errors.Error):
        return await last_event(context.client, subjects.RUN_CLOSED(run=run)) is not None
    return False


def _spans(
    stored: StoredEvent, maker: SpanMaker, records: RunRecords, is_taken: Callable[[int], bool]
) -> list[Span]:
    """Return the spans that an event completes; none for an unreadable one, which `econsim ledger verify` names.

    What happened in a tick that is not taken is left undecoded.
    """
    try:
        found = record(stored.subject, stored.payload)
        if found.tick and not is_taken(found.tick) and found.type not in TOLD_ALWAYS:
            records.end.see(found)
            return []
        entry = records.take(found)
        return maker.add(entry) if entry else []
    except InvalidMessage as error:
        _log.warning("no span of the record at place %d: %s", stored.sequence, error)
        return []
