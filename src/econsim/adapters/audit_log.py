"""Read events back from the log, for services: a run from the start, endlessly as it grows, or the newest of a subject.

Reads through a short-lived consumer of its own, which is made again from the last event seen whenever
the connection, the server or a delivery is lost. The client library's ordered consumer does the
same, but takes 11 to 18 s to notice a restarted server.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Final

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from econsim.adapters.connection import ready
from econsim.adapters.jetstream import NotThere, request
from econsim.errors import Unavailable
from econsim.grammar import token
from econsim.subjects import AUDIT

HEARTBEAT_S: Final = 0.5
"""Silence after which the server says that it is still there."""
SILENCE_S: Final = 1.5
"""Silence after which the consumer counts as lost: three heartbeats missed."""
LOOK_S: Final = 0.1
"""How often a waiting reader looks whether the connection was made anew."""
AGAIN_S: Final = 0.1
"""Pause before another try to make the consumer while the server is away."""
FORGOTTEN_S: Final = 10
"""Seconds after which the server removes a reader that went away without a word."""
AT_ONCE: Final = 20
"""Events handed on before others get a turn: a service that recovers many long runs must renew its leases meanwhile."""
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


async def last(client: Client, subject: str) -> StoredEvent | None:
    """Return the newest event on a concrete subject; on a cluster possibly a moment old."""
    try:
        reply = await client.request(f"$JS.API.DIRECT.GET.{AUDIT}.{subject}", timeout=REPLY_TIMEOUT_S)
    except (TimeoutError, nats.errors.Error) as error:
        message = f"the log did not answer within {REPLY_TIMEOUT_S:.0f} s"
        raise Unavailable(message) from error
    headers = reply.headers or {}
    if "Nats-Sequence" not in headers:
        return None
    return StoredEvent(int(headers["Nats-Sequence"]), subject, reply.data)


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
    async with _consumer(client, patterns, start) as inbox:
        if inbox is None:
            await asyncio.sleep(AGAIN_S)
            return
        delivered = 0
        while await inbox.filled(client):
            message = inbox.messages.popleft()
            if message.headers and message.headers.get("Status"):
                await _keep_up(client, message)
                continue
            sequence, place = _metadata(message.reply)
            delivered += 1
            if place != delivered:
                return
            yield StoredEvent(sequence, message.subject, message.data)
            if not delivered % AT_ONCE:
                await asyncio.sleep(0)


async def _keep_up(client: Client, status: Msg) -> None:
    """Answer the server's question whether we keep up: in turn, so that it waits while we do not."""
    asked = status.reply or (status.headers or {}).get("Nats-Consumer-Stalled")
    if asked:
        await client.publish(asked)


class _Inbox:
    """What a consumer delivered and nobody has taken yet."""

    def __init__(self, client: Client) -> None:
        self.messages: deque[Msg] = deque()
        self._arrived = asyncio.Event()
        self._heard = time.monotonic()
        self._reconnects = client.stats["reconnects"]

    async def hear(self, message: Msg) -> None:
        self.messages.append(message)
        self._heard = time.monotonic()
        self._arrived.set()

    async def filled(self, client: Client) -> bool:
        """Wait for a message; false if the consumer must be presumed lost, or the client was closed."""
        while not self.messages:
            self._arrived.clear()
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._arrived.wait()
            except TimeoutError:
                if client.is_closed:
                    message = "the connection was closed while reading the log"
                    raise Unavailable(message) from None
                if (
                    client.stats["reconnects"] != self._reconnects
                    or time.monotonic() - self._heard > SILENCE_S
                ):
                    return False
        return True


@asynccontextmanager
async def _consumer(client: Client, patterns: list[str], start: int) -> AsyncIterator[_Inbox | None]:
    """Make a consumer and its inbox for the time of the context; none if the server is away."""
    inbox, name = _Inbox(client), f"reader-{secrets.token_hex(8)}"
    subscription = await client.subscribe(client.new_inbox(), cb=inbox.hear)
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
            await ready(client)
            await request(client, f"CONSUMER.CREATE.{AUDIT}.{name}", body)
        except NotThere:
            raise
        except (Unavailable, nats.errors.Error):
            yield None
        else:
            yield inbox
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


def _metadata(reply: str) -> tuple[int, int]:
    """Return the place in the stream and in the consumer from a delivery's acknowledgement subject."""
    parts = reply.split(".")
    # Nine tokens, or more with the account's domain and hash in front of the stream.
    first = 5 if len(parts) == 9 else 7
    return int(parts[first]), int(parts[first + 1])
