"""Reading of the log by services: a run from the start, endlessly as it grows, or the newest event of a subject.

Each reader has a short-lived consumer of its own, which is recreated from the last event seen whenever
the connection, the server or a delivery is lost. The client library's ordered consumer does the
same, but takes 11 to 18 s to notice a restarted server.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count
from typing import Final

import nats.errors
from nats.aio.client import Client

from econsim.adapters.jetstream import direct_get
from econsim.adapters.jetstream.ordered_push import DeliveryMissed, OrderedPush
from econsim.adapters.jetstream.provision import NotThere, request
from econsim.adapters.nats.connection import synchronize
from econsim.domain.audit.envelope import DIGEST, digest
from econsim.errors import CorruptLog, Unavailable
from econsim.schemas.subject import token
from econsim.subjects import AUDIT

HEARTBEAT_S: Final = 0.5
"""Seconds of silence after which the server sends a heartbeat."""
AGAIN_S: Final = 0.1
"""Pause before another try to make the consumer while the server is away."""
FORGOTTEN_S: Final = 10
"""Seconds after which the server removes the consumer of a reader that went away."""
AT_ONCE: Final = 20
"""Events yielded before other tasks get a turn: a service that recovers long runs must renew its leases meanwhile."""
REPLY_TIMEOUT_S: Final = 5.0
"""Longest to wait for a single event."""

_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event as the log holds it."""

    sequence: int
    """Place in the log; later events have higher ones, with gaps."""
    subject: str
    """Concrete subject."""
    payload: bytes
    """Wire form."""


async def read(
    client: Client, run: str, subjects: Sequence[str] = (), start: int = 1
) -> AsyncGenerator[StoredEvent, None]:
    """Yield a run's events from a sequence on, up to the newest the log's leader has now.

    `subjects` narrows to these patterns; the default is everything of the run. Raises NotThere if
    there is no log, Unavailable if the server does not answer.
    """
    patterns = _patterns(run, subjects)
    last = max([await _last_sequence(client, pattern) for pattern in patterns])
    if last < start:
        return
    async with aclosing(_events(client, patterns, start)) as events:
        async for event in events:
            yield event
            if event.sequence >= last:
                return


async def follow(
    client: Client, run: str, subjects: Sequence[str] = (), start: int = 1
) -> AsyncGenerator[StoredEvent, None]:
    """Yield a run's events from a sequence on, for ever, without gap or repeat over restarts.

    A restarted server is noticed within about two seconds.
    """
    async with aclosing(_events(client, _patterns(run, subjects), start)) as events:
        async for event in events:
            yield event


async def last_event(client: Client, subject: str) -> StoredEvent | None:
    """Return the newest event on a concrete subject; on a cluster possibly a moment old. Raises Unavailable."""
    try:
        reply = await client.request(f"$JS.API.DIRECT.GET.{AUDIT}.{subject}", timeout=REPLY_TIMEOUT_S)
    except (TimeoutError, nats.errors.Error) as error:
        message = f"the log did not answer within {REPLY_TIMEOUT_S:.0f} s"
        raise Unavailable(message) from error
    headers = reply.headers or {}
    if (status := headers.get("Status")) == "404":
        return None
    if status is not None:
        message = f"the log cannot be read now ({status} {headers.get('Description', '').strip()})"
        raise Unavailable(message)
    return StoredEvent(int(headers["Nats-Sequence"]), subject, reply.data)


async def digest_at(client: Client, sequence: int) -> str | None:
    """Return the digest of the record at a place, as the log's leader has it; none if there is none. Raises Unavailable."""
    found = await direct_get.get(client, AUDIT, sequence)
    return digest(found.subject, found.payload) if found else None


async def _events(client: Client, patterns: list[str], start: int) -> AsyncGenerator[StoredEvent, None]:
    """Yield events, making a new consumer from the next sequence whenever one is lost."""
    following = start
    while True:
        async with aclosing(_through_one_consumer(client, patterns, following)) as events:
            async for event in events:
                following = event.sequence + 1
                yield event


async def _through_one_consumer(
    client: Client, patterns: list[str], start: int
) -> AsyncGenerator[StoredEvent, None]:
    """Yield one consumer's deliveries until it is lost; nothing, after a pause, if it cannot be made."""
    async with _consumer(client, patterns, start) as deliveries:
        if deliveries is None:
            await asyncio.sleep(AGAIN_S)
            return
        async for event in checked_events(deliveries):
            yield event


async def checked_events(deliveries: OrderedPush) -> AsyncGenerator[StoredEvent, None]:
    """Yield the events of a consumer's deliveries, each compared with its digest, until a delivery is missing.

    Other tasks get a turn after every AT_ONCE events. Raises CorruptLog for a record that is not what was sent.
    """
    for number in count(1):
        sequence, message = await deliveries.get()
        expected = (message.headers or {}).get(DIGEST)
        if expected not in (None, digest(message.subject, message.data)):
            text = f"the record at place {sequence} of {AUDIT}, {message.subject}, is not what was sent"
            raise CorruptLog(text)
        yield StoredEvent(sequence, message.subject, message.data)
        if not number % AT_ONCE:
            await asyncio.sleep(0)


@asynccontextmanager
async def _consumer(client: Client, patterns: list[str], start: int) -> AsyncIterator[OrderedPush | None]:
    """Make a consumer for the time of the context, which ends when a delivery is missing; none if the server is away."""
    deliveries, name = OrderedPush(client, HEARTBEAT_S), f"reader-{secrets.token_hex(8)}"
    subscription = await client.subscribe(client.new_inbox(), cb=deliveries.receive)
    config = {
        "name": name,
        "deliver_policy": "by_start_sequence",
        "opt_start_seq": max(start, 1),
        "ack_policy": "none",
        "replay_policy": "instant",
        "filter_subjects": patterns,
        "deliver_subject": subscription.subject,
        "flow_control": True,
        "idle_heartbeat": int(HEARTBEAT_S * _NS),
        "inactive_threshold": FORGOTTEN_S * _NS,
        "max_deliver": 1,
        "mem_storage": True,
        "num_replicas": 1,
    }
    try:
        body = {"stream_name": AUDIT, "config": config, "action": "create"}
        try:
            await synchronize(client)
            await request(client, f"CONSUMER.CREATE.{AUDIT}.{name}", body)
        except NotThere:
            raise
        except (Unavailable, nats.errors.Error):
            yield None
        else:
            with suppress(DeliveryMissed):
                yield deliveries
    finally:
        if not client.is_closed:
            await subscription.unsubscribe()
            await client.publish(f"$JS.API.CONSUMER.DELETE.{AUDIT}.{name}")


async def _last_sequence(client: Client, pattern: str) -> int:
    """Return the sequence of the newest event of a pattern, as the log's leader knows it."""
    try:
        answer = await request(client, f"STREAM.MSG.GET.{AUDIT}", {"last_by_subj": pattern})
    except NotThere as error:
        if error.details.get("err_code") == "10037":
            return 0
        raise
    message = answer["message"]
    assert isinstance(message, dict)
    return int(message["seq"])


def _patterns(run: str, subjects: Sequence[str]) -> list[str]:
    return list(subjects) or [f"*.*.*.{token(run, 'run')}"]
