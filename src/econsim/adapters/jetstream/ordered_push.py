"""Deliveries of one push consumer, each message once and in order, or an error that one is missing.

Messages get lost on their way: with a connection that breaks, or with a server of a cluster between the consumer and
the client. The server counts them as delivered and goes on, so the next message looks like the expected one: for example,
a reader gets the mark that closes a tick, but not the tick's orders. Every delivery is numbered, and a heartbeat in silence has the last
number; the reader starts over as soon as the numbers do not fit.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import Final, NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg

from econsim.errors import Unavailable

POLL_INTERVAL_S: Final = 0.1
"""Pause between two looks whether the connection was replaced, in seconds."""

HEARTBEATS_MISSED: Final = 3
"""Heartbeats missing in a row after which the consumer counts as lost."""

_DELIVERED: Final = "$JS.ACK."
_LAST: Final = "Nats-Last-Consumer"
_STALLED: Final = "Nats-Consumer-Stalled"


class DeliveryMissed(Unavailable):
    """A delivery is missing, or the consumer is gone: recreate it, and read its deliveries from the start."""

    code = "deliveries_were_missed"


class Delivery(NamedTuple):
    """One message of the consumer."""

    sequence: int
    """Place of the message in the stream."""
    message: Msg
    """Message as it came."""


class OrderedPush:
    """Deliveries of a consumer that serves this reader alone, until they are taken."""

    def __init__(self, client: Client, heartbeat_s: float) -> None:
        """Start empty, before the consumer is created; it sends a heartbeat every `heartbeat_s` seconds."""
        self._client = client
        self._reconnects = client.stats["reconnects"]
        self._looks = round(HEARTBEATS_MISSED * heartbeat_s / POLL_INTERVAL_S)
        self._waiting: deque[Msg] = deque()
        self._arrived = asyncio.Event()
        self._taken = 0

    async def receive(self, message: Msg) -> None:
        """Queue a message of the consumer's deliver subject."""
        self._waiting.append(message)
        self._arrived.set()

    async def get(self) -> Delivery:
        """Wait for the next delivery. Raises DeliveryMissed, or Unavailable if the connection was closed."""
        while (delivery := await self._next()) is None:
            await self._arrival()
        return delivery

    async def rest(self, most: int) -> list[Delivery]:
        """Take what has arrived, without waiting, at most so many; raises DeliveryMissed."""
        found: list[Delivery] = []
        while len(found) < most and (delivery := await self._next()):
            found.append(delivery)
        return found

    async def _next(self) -> Delivery | None:
        """Take a delivery from the queue; answer each flow control message when all deliveries before it are taken."""
        while self._waiting:
            message = self._waiting.popleft()
            if message.reply.startswith(_DELIVERED):
                sequence, place = _places(message.reply)
                self._taken += 1
                self._expect(place)
                return Delivery(sequence, message)
            status = message.headers or {}
            if _LAST in status:
                self._expect(int(status[_LAST]))
            # The server waits for this answer while the reader does not keep up (backpressure).
            if asked := message.reply or status.get(_STALLED):
                await self._client.publish(asked)
        return None

    def _expect(self, place: int) -> None:
        if place != self._taken:
            message = f"the consumer is at its delivery {place}, and {self._taken} came; it is made anew"
            raise DeliveryMissed(message)

    async def _arrival(self) -> None:
        """Wait until a message came; count looks, not seconds, because a suspended process has missed no heartbeat."""
        for _ in range(self._looks):
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_INTERVAL_S):
                    await self._arrived.wait()
            if self._arrived.is_set():
                self._arrived.clear()
                return
            self._check_connection()
        message = f"the consumer was silent for {HEARTBEATS_MISSED} heartbeats; it is made anew"
        raise DeliveryMissed(message)

    def _check_connection(self) -> None:
        if self._client.is_closed:
            message = "the connection was closed while waiting for deliveries"
            raise Unavailable(message)
        if self._client.stats["reconnects"] != self._reconnects:
            message = "the connection was made anew; so is the consumer"
            raise DeliveryMissed(message)


def _places(reply: str) -> tuple[int, int]:
    """Return the place in the stream and among the consumer's deliveries, from a delivery's acknowledgement subject."""
    parts = reply.split(".")
    # Nine tokens, or more with the account's domain and hash in front of the stream.
    first = 5 if len(parts) == 9 else 7
    return int(parts[first]), int(parts[first + 1])
