"""Subscribers for the time of a post: started together, stopped together, deaf after a reconnect.

A message on its way when a connection breaks is gone for ever on core NATS, and held back for the
acknowledgement time on a push consumer. So a post that depends on deliveries is told of a reconnect
and starts over; everything it does again is a repeat and changes nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Generic, TypeVar

from faststream.nats.subscriber.usecases import LogicSubscriber

from econsim.adapters.connection import ready
from econsim.errors import Unavailable
from econsim.link import Link

Delivery = TypeVar("Delivery")
Subscriber = LogicSubscriber[Any]
"""A subscriber of a broker, started and stopped by hand."""

LOOK_S: Final = 0.1
"""How often to look whether the connection was made anew."""


@asynccontextmanager
async def serving(link: Link, subscribers: Sequence[Subscriber]) -> AsyncIterator[None]:
    """Run subscribers for the time of the context; the server knows them when it is entered."""
    for subscriber in subscribers:
        await subscriber.start()
    await ready(link.client)
    try:
        yield
    finally:
        for subscriber in subscribers:
            await subscriber.stop()


class Reconnected(Unavailable):
    """The connection was made anew; deliveries may be lost, so the post starts over."""

    code = "connection_was_made_anew"


class Inbox(Generic[Delivery]):
    """Deliveries nobody has taken yet."""

    def __init__(self, link: Link) -> None:
        """Start empty, on the connection as it is now."""
        self._client = link.client
        self._reconnects = link.client.stats["reconnects"]
        self._waiting: deque[Delivery] = deque()
        self._arrived = asyncio.Event()

    def put(self, delivery: Delivery) -> None:
        """Take in a delivery."""
        self._waiting.append(delivery)
        self._arrived.set()

    async def get(self) -> Delivery:
        """Wait for the next delivery; raises Reconnected if the connection was made anew."""
        while not self._waiting:
            self._arrived.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._arrived.wait()
            if self._client.stats["reconnects"] != self._reconnects:
                raise Reconnected
        return self._waiting.popleft()

    def rest(self, most: int) -> list[Delivery]:
        """Take what has arrived, without waiting, at most so many."""
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
