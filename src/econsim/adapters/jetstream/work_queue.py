"""Messages of a work queue for which workers compete: one pull consumer that all of them share.

A worker asks for as many messages as it has free places, and gets each exactly when it can begin with it. It tells the server every
third of ACK_WAIT_S that it is still busy with a message. If the worker dies, the message comes to another one after ACK_WAIT_S.
A message is acknowledged when its handler returns; a handler that raises has it again after a pause that grows.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from econsim.adapters.cancellation import CANCEL_AGAIN_S, cancel_until_done
from econsim.adapters.jetstream import provision
from econsim.adapters.poll import Poll
from econsim.errors import EconsimError

ACK_WAIT_S: Final = 5
"""Seconds after which the message of a silent worker goes to another one."""

BUSY_INTERVAL_S: Final = ACK_WAIT_S / 3
"""Pause between two notices that a worker is busy with its messages."""

EXPIRES_S: Final = 5.0
"""Seconds that a question for messages is open."""

LATE_S: Final = 2.0
"""Seconds after that in which the server says that the question is over; a silent one is asked anew."""

PAUSE_S: Final = 0.5
"""Pause after a question that the server refused."""

AGAIN_MAX_S: Final = 30
"""Longest pause before a failed message comes again, seconds."""

FINISH_S: Final = 5.0
"""Longest time that a stopping worker spends on messages it has begun with."""

_ACK: Final = b"+ACK"
_BUSY: Final = b"+WPI"
_NOT: Final = b"-NAK"

Handler = Callable[[Msg], Awaitable[None]]
"""Handler of one message; the message is done when it returns."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SharedConsumer:
    """A pull consumer of a work queue, shared by the workers of a service."""

    stream: str
    """Stream of the queue."""
    name: str
    """Durable name of the consumer."""
    pending_max: int
    """Messages under way at all workers together."""

    def config(self) -> dict[str, object]:
        """Return the configuration that the server takes."""
        return {
            "durable_name": self.name,
            "ack_policy": "explicit",
            "ack_wait": ACK_WAIT_S * 10**9,
            "max_ack_pending": self.pending_max,
            # A message that is delivered again and again is the handler's to give up, with an answer to its sender.
            "max_deliver": -1,
            "max_waiting": 512,
        }


class WorkQueue:
    """One worker's part of the messages of a queue."""

    def __init__(self, client: Client, consumer: SharedConsumer, handler: Handler, places: int) -> None:
        """Handle at most `places` messages at once; `start` once the client is connected."""
        self._client = client
        self._consumer = consumer
        self._handler = handler
        self._places = places
        self._under_way: dict[asyncio.Task[None], Msg] = {}
        self._freed = asyncio.Event()
        self._answered = asyncio.Event()
        self._expected = 0
        self._refused = False
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to take messages."""
        inbox = self._client.new_inbox()
        self._inbox = inbox
        self._subscription: Subscription = await self._client.subscribe(inbox, cb=self._receive)
        self._tasks = [asyncio.create_task(self._ask()), asyncio.create_task(self._tell_busy())]

    async def stop(self) -> None:
        """Take no more messages, finish those begun with for FINISH_S at most, and give the others back."""
        # A question that is answered in the moment of the cancellation drops it.
        await cancel_until_done(self._tasks, CANCEL_AGAIN_S)
        if self._under_way:
            await asyncio.wait(tuple(self._under_way), timeout=FINISH_S)
        left = dict(self._under_way)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        with suppress(nats.errors.Error):
            for message in left.values():
                await self._client.publish(message.reply, _NOT)
            await self._subscription.unsubscribe()

    async def _ask(self) -> None:
        """Ask for messages as long as there are free places."""
        await self._declare()
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._consumer.stream}.{self._consumer.name}"
        while True:
            while (free := self._places - len(self._under_way)) <= 0:
                self._freed.clear()
                await self._freed.wait()
            question = {"batch": free, "expires": int(EXPIRES_S * 10**9)}
            self._expected, self._refused = free, False
            self._answered.clear()
            with suppress(nats.errors.Error):
                await self._client.publish(subject, json.dumps(question).encode(), reply=self._inbox)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._answered.wait(), EXPIRES_S + LATE_S)
            if self._refused:
                await asyncio.sleep(PAUSE_S)
                await self._declare()

    async def _declare(self) -> None:
        """Create the consumer, unless it is there; try until the server answers."""
        body = {"stream_name": self._consumer.stream, "config": self._consumer.config()}
        async for _ in Poll(PAUSE_S):
            try:
                await provision.request(
                    self._client, f"CONSUMER.CREATE.{self._consumer.stream}.{self._consumer.name}", body
                )
            except (EconsimError, nats.errors.Error) as error:
                _log.warning("consumer %s cannot be created yet: %s", self._consumer.name, error)
            else:
                return

    async def _receive(self, message: Msg) -> None:
        status = (message.headers or {}).get("Status")
        if status is not None:
            # 404 and 408: no message in time. Any other says that the consumer is gone or cannot answer.
            self._refused = status not in ("404", "408", "100")
            if status != "100":
                self._answered.set()
            return
        self._expected -= 1
        if self._expected <= 0:
            self._answered.set()
        task = asyncio.create_task(self._handle(message))
        self._under_way[task] = message
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        del self._under_way[task]
        self._freed.set()

    async def _handle(self, message: Msg) -> None:
        try:
            await self._handler(message)
        except Exception:  # noqa: BLE001 - whatever it is, the message comes again
            _log.exception("handling a message on %r failed; it comes again", message.subject)
            pause_s = min(2 ** min(message.metadata.num_delivered, 10), AGAIN_MAX_S)
            await self._respond(message, _NOT + json.dumps({"delay": pause_s * 10**9}).encode())
        else:
            await self._respond(message, _ACK)

    async def _respond(self, message: Msg, what: bytes) -> None:
        with suppress(nats.errors.Error):
            await self._client.publish(message.reply, what)

    async def _tell_busy(self) -> None:
        async for _ in Poll(BUSY_INTERVAL_S):
            for message in tuple(self._under_way.values()):
                await self._respond(message, _BUSY)
