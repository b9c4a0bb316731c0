"""Stuck orders: commands in the order queue that no book waits for, because their run is not open or has no such market.

One worker of the market service at a time turns them into dead letters. The log says which runs are open, not this
process's memory: a command becomes a dead letter only if no worker could process it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Final

from econsim import subjects
from econsim.adapters.clock import random_name
from econsim.adapters.jetstream import provision
from econsim.adapters.jetstream.audit_log import last_event
from econsim.adapters.jetstream.order_consumers import book_consumer, stuck_consumer
from econsim.adapters.jetstream.ordered_push import Delivery, OrderedPush
from econsim.adapters.poll import Poll
from econsim.domain.agent.active_run import active_run, run_is_not_open
from econsim.domain.audit.decoding import event_of
from econsim.errors import InvalidSubject, NotFound, Refused, ScenarioError
from econsim.schemas.clock import RunOpened
from econsim.schemas.market import TickCleared
from econsim.schemas.subject import fields, token
from econsim.services.context import ServiceContext
from econsim.services.market.reject import ACK, dead_letter_command
from econsim.subjects import ORDERS

LEASE: Final = "stuck_orders.market"
"""Lease of the task."""

POLL_INTERVAL_S: Final = 3.0
"""Seconds between two looks at the queue."""

GRACE_S: Final = 10.0
"""Seconds a command may wait for its run to open, since it was first seen."""

QUIET_S: Final = 0.5
"""Seconds without a delivery after which a sweep is complete."""

Address = tuple[str, str]
"""Run and resource of a command, as its sender wrote them."""


async def serve(
    context: ServiceContext, grace_s: float = GRACE_S, poll_interval_s: float = POLL_INTERVAL_S
) -> None:
    """Look at the queue every POLL_INTERVAL_S until cancelled."""
    first_seen: dict[Address, float] = {}
    async for _ in Poll(poll_interval_s):
        now = time.monotonic()
        waiting = await _waiting(context)
        first_seen = {address: first_seen.get(address, now) for address in waiting}
        for address, since in first_seen.items():
            if now - since < grace_s:
                continue
            refusal = await _refusal(context, *address)
            if refusal:
                await sweep(context, *address, refusal)


async def sweep(context: ServiceContext, run: str, resource: str, reason: Refused) -> int:
    """Turn every command to this market into a dead letter; return how many.

    A command that the market's book had processed is only acknowledged.
    """
    # A resource that cannot stand in a subject never had a book.
    had_book = not isinstance(reason, InvalidSubject)
    done = await _sequence_processed(context, run, resource) if had_book else 0
    consumer = stuck_consumer(run, resource, random_name(context.service))
    deliveries = OrderedPush(context.client, consumer.idle_heartbeat_s)
    subscription = await context.client.subscribe(consumer.deliver_subject, cb=deliveries.receive)
    count = 0
    try:
        # A work queue allows one consumer for each message, so the consumer of the book, if there was one, has to go.
        if had_book:
            await provision.delete_consumer(context.client, book_consumer(run, resource))
        await provision.recreate_consumer(context.client, consumer)
        while delivery := await _next(deliveries):
            sequence, message = delivery
            if sequence <= done:
                await context.client.publish(message.reply, ACK)
            else:
                await dead_letter_command(context, message, reason)
                count += 1
    finally:
        await subscription.unsubscribe()
        await provision.delete_consumer(context.client, consumer)
    return count


async def _next(deliveries: OrderedPush) -> Delivery | None:
    try:
        async with asyncio.timeout(QUIET_S):
            return await deliveries.get()
    except TimeoutError:
        return None


async def _waiting(context: ServiceContext) -> set[Address]:
    """Return the addresses in the queue for which this worker knows no open book."""
    found = await provision.subject_counts(context.client, ORDERS, ">")
    return {address for address in _addresses(found) if not _open(context, *address)}


def _addresses(found: Iterable[str]) -> set[Address]:
    parsed = (fields(subject) for subject in found)
    return {(subject.run, subject.entity) for subject in parsed}


def _open(context: ServiceContext, run: str, resource: str) -> bool:
    found = context.runs.get(run)
    return found is not None and resource in found.markets


async def _refusal(context: ServiceContext, run: str, resource: str) -> Refused | None:
    """Return the refusal of commands to this address; none if, by the log, a book takes them."""
    try:
        token(resource, "resource")
        opened = await last_event(context.client, subjects.RUN_OPENED(run=run))
        closed = await last_event(context.client, subjects.RUN_CLOSED(run=run))
    except InvalidSubject as error:
        return error
    event = event_of(RunOpened, opened.subject, opened.payload) if opened else None
    if event is None or closed is not None:
        return run_is_not_open(run)
    try:
        active_run(event).market(resource)
    except NotFound as error:
        return error
    except ScenarioError:  # no worker can open such a run
        return run_is_not_open(run)
    return None


async def _sequence_processed(context: ServiceContext, run: str, resource: str) -> int:
    """Return the queue's sequence up to which the market's book had processed commands."""
    stored = await last_event(context.client, subjects.TICK_CLEARED(run=run, resource=resource))
    event = event_of(TickCleared, stored.subject, stored.payload) if stored else None
    return event.data.last_sequence if event else 0
