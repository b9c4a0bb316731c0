"""Collect dead letters from the server: messages that were delivered too often, and messages that a worker terminated.

A crash raises nothing, so no handler can store the message that crashes it. The server publishes an advisory about such a
message. Stream `advisories` keeps the advisory until it is handled here, also while no admin service runs. One
worker at a time handles advisories; every step is idempotent, so a new leader repeats the last one.

================================  ===============================================================================
crash                             afterwards
================================  ===============================================================================
before the letter is stored       the advisory is handled again
letter stored, message in queue   the letter is found by its origin; the message is deleted
message deleted, advisory kept    the message is gone and has a letter; the advisory is deleted
================================  ===============================================================================

Two cases are not covered: a message that no worker takes goes away with its age limit, and a crash of the server
itself may lose an advisory. A terminated message has left its queue when its advisory arrives: unless the worker stored a
dead letter before, the letter records only that the message existed.
"""

from __future__ import annotations

import json
import logging
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from econsim.adapters.jetstream import direct_get
from econsim.adapters.jetstream.dead_letters import (
    UNKNOWN,
    DeadLetterReason,
    each_dead_letter,
    store_as_dead_letter,
)
from econsim.adapters.jetstream.direct_get import StoredMessage
from econsim.adapters.poll import Poll
from econsim.services.context import ServiceContext
from econsim.streams import ADVISORIES, QUEUES

LEASE: Final = "dead_letter_collector.admin"
"""Lease of the task's leader."""

POLL_INTERVAL_S: Final = 1.0
"""Pause between two looks for advisories."""

SERVER: Final = "server"
"""Handler of the dead letters that are collected here."""

TERMINATED: Final = "message_was_terminated"
"""Code of a message that a worker refused for good."""

EXHAUSTED: Final = "message_was_delivered_too_often"
"""Code of a message none of whose deliveries was acknowledged."""

_TERMINATED_TYPE: Final = "io.nats.jetstream.advisory.v1.terminated"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Advisory:
    """The server's advisory about a message that it does not deliver again."""

    queue: str
    """Stream of the message."""
    sequence: int
    """Sequence number of the message in its stream."""
    terminated: bool
    """True if a worker terminated the message, false if it was delivered too often."""
    reason: str
    """Reason, for people."""

    @property
    def origin(self) -> str:
        """Return the origin of the message, as its dead letter records it."""
        return f"{self.queue}:{self.sequence}"

    @property
    def verdict(self) -> DeadLetterReason:
        """Return the reason of the message's dead letter."""
        return DeadLetterReason(TERMINATED if self.terminated else EXHAUSTED, self.reason, SERVER)


def parse_advisory(payload: bytes) -> Advisory | None:
    """Return an advisory; None if it is not about a message of a work queue."""
    try:
        content = json.loads(payload)
        queue, sequence = str(content["stream"]), int(content["stream_seq"])
        consumer, deliveries = content["consumer"], content["deliveries"]
    except (ValueError, KeyError, TypeError):
        return None
    if queue not in QUEUES:
        return None
    terminated = content.get("type") == _TERMINATED_TYPE
    what = "terminated it" if terminated else "never acknowledged it"
    why = f": {content['reason']}" if content.get("reason") else ""
    reason = f"consumer {consumer} of {queue} {what}, delivered {deliveries} times{why}"
    return Advisory(queue, sequence, terminated, reason)


async def serve(context: ServiceContext, poll_interval_s: float = POLL_INTERVAL_S) -> None:
    """Handle advisories until cancelled."""
    async for _ in Poll(poll_interval_s):
        await collect(context)


async def collect(context: ServiceContext) -> None:
    """Store a dead letter of every message the server has an advisory about; idempotent."""
    async with aclosing(direct_get.each(context.client, ADVISORIES.name)) as found:
        messages = [message async for message in found]
    # Read only if there is an advisory: the letter's message id deduplicates for ten minutes, its origin for ever.
    origins = await _origins(context) if messages else set()
    for message in messages:
        advisory = parse_advisory(message.payload)
        if advisory is None:
            _log.warning("an advisory on %s is not understood and is dropped", message.subject)
        else:
            await store_dead_letter(context, advisory, is_stored=advisory.origin in origins)
        await direct_get.delete(context.client, ADVISORIES.name, message.sequence)


async def store_dead_letter(context: ServiceContext, advisory: Advisory, *, is_stored: bool) -> None:
    """Store a message as a dead letter unless it is stored already, then delete it from its queue."""
    message = await direct_get.get(context.client, advisory.queue, advisory.sequence)
    if message is None:
        # A message that was not terminated and is gone was acknowledged late, so it was done; or it has a letter.
        if advisory.terminated and not is_stored:
            gone = StoredMessage(advisory.sequence, f"{UNKNOWN}.{advisory.queue}", b"", "")
            lacks = "everything: it was gone before its advisory was read"
            await store_as_dead_letter(context.jetstream, advisory.queue, gone, advisory.verdict, lacks)
        return
    if not is_stored:
        await store_as_dead_letter(context.jetstream, advisory.queue, message, advisory.verdict)
    await direct_get.delete(context.client, advisory.queue, advisory.sequence)


async def _origins(context: ServiceContext) -> set[str]:
    """Return the origins of all dead letters."""
    async with aclosing(each_dead_letter(context.client)) as found:
        return {letter.origin async for letter in found}
