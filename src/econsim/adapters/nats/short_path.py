"""The short path of a message through a FastStream subscriber: without the steps that no handler here has a use for.

With every switch of its own that helps, FastStream 0.7.8 takes about as long for a message as nats-py for a whole request and its
answer: 310 calls of functions, where this module takes 12 (`findings/faststream-steps.sh`). For each message it

1. enters a stack of asynchronous contexts: two scopes of variables for what handlers inject, and one for each middleware;
2. makes an object of each middleware, and a partial function of each step from one to the next, both of messages and of answers;
3. walks the subscriber's own subject character by character, for two lines of a log that is off;
4. matches the subject with a pattern, and draws a random id if the message has none;
5. gives answers headers with their type and that id, which the server and the asker then have to read;
6. with `max_workers`, passes messages through a stream, a group of tasks and a semaphore of anyio: more than all of the above.

`shorten` leaves these out. FastStream's are still the declaration, the documentation, start and stop, the wait of `stop` for what is
being handled, decoders, the `consume_scope` of middlewares, and answers. One object of a middleware serves all messages, so it
must keep nothing of one in itself; what it does at its start and end, and to answers, is not done. Headers of a message change nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, cast

from faststream.nats import NatsResponse
from faststream.nats.message import NatsMessage
from faststream.nats.subscriber.usecases import CoreSubscriber, LogicSubscriber
from faststream.response import Response
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import ConnectionClosedError, ConnectionDrainingError

from econsim.adapters.nats.figures import OTHER, Histogram, figures_of, template_of
from econsim.adapters.nats.reply_serializer import ReplySerializer
from econsim.adapters.nats.stopping_broker import BROKER_LOG
from econsim.schemas.metrics import TimingName

Step = Callable[[NatsMessage], Awaitable[object]]
"""One step on the path of a message; it returns the answer."""

_CLOSED: Final = (ConnectionClosedError, ConnectionDrainingError)

NO_ID: Final = "-"
"""Correlation id of every message: without one FastStream draws a random one, of which nothing here makes use."""


class ErrorResponse(NatsResponse):
    """An answer that tells of an error."""

    outcome = "error"
    """Outcome of the message: `refused` if the sender is told why, `error` if the service failed."""


def shorten(subscriber: LogicSubscriber[Any], at_once: int = 1) -> None:
    """Have a subscriber of core messages, which has one handler and a decoder, take the short path from its start on.

    `at_once` is the number of messages that it handles at once, in place of FastStream's `max_workers`.
    """
    # An object that FastStream has made and registered: there is no option for the class that it is of.
    subscriber.__class__ = ShortPathSubscriber
    assert isinstance(subscriber, ShortPathSubscriber)
    subscriber.prepare(at_once)


class ShortPathSubscriber(CoreSubscriber):
    """A subscriber whose messages take the short path; `shorten` makes it of another one."""

    __slots__ = ()

    def prepare(self, at_once: int) -> None:
        """Set what FastStream's own initialization does not know of."""
        self._at_once = at_once
        self._tasks: set[asyncio.Task[None]] = set()
        self._path: Step | None = None
        # Deliveries of a queue come under the subjects of what is in it.
        self._template = template_of(self.subject.template).replace(OTHER, "")
        self._handled_now = 0
        self._all_handled: asyncio.Event | None = None

    async def start(self) -> None:
        """Subscribe."""
        self._path = self._all_handled = None
        await super().start()

    async def consume(self, msg: Msg) -> None:
        """Take a message that has arrived; return when the next may come."""
        if not self.running:
            return
        if self._at_once == 1:
            try:
                await self.process_message(msg)
            except Exception as error:  # noqa: BLE001 - the next message is another's
                self._log_failure(error)
            return
        while len(self._tasks) >= self._at_once:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.create_task(self._take(msg))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Take no more, and wait for what is being handled as long as the broker's grace lasts."""
        self.running = False
        if self._handled_now:
            self._all_handled = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._outer_config.graceful_timeout or 0):
                    await self._all_handled.wait()
        await super().stop()
        for task in self._tasks:
            task.cancel()

    async def process_message(self, msg: Msg) -> Response:
        """Handle a message and answer it; raises what no middleware has made an answer of."""
        message = NatsMessage(msg, msg.data, reply_to=msg.reply, headers=msg.headers, correlation_id=NO_ID)
        # Joined with the first message, when the broker has its connection and all its middlewares.
        path = self._path or self._join_path()
        # A counter, because FastStream's lock for the same purpose is a queue of asyncio: 14 calls a message.
        self._handled_now += 1
        started, outcome = time.perf_counter(), "error"
        try:
            result = await path(message)
            response = result if isinstance(result, Response) else Response(result)
            outcome = response.outcome if isinstance(response, ErrorResponse) else "ok"
            if message.reply_to and not self._no_reply:
                body = response.body
                payload = (
                    body if isinstance(body, bytes) else b"" if body is None else ReplySerializer.encode(body)
                )
                await self._client.publish(message.reply_to, payload, headers=response.headers or None)
        finally:
            template = self._template or template_of(msg.subject)
            self._timing(template, outcome).note(time.perf_counter() - started)
            self._handled_now -= 1
            if self._all_handled and not self._handled_now:
                self._all_handled.set()
        return response

    async def _take(self, msg: Msg) -> None:
        try:
            await self.process_message(msg)
        except Exception as error:  # noqa: BLE001 - nobody awaits the task
            self._log_failure(error)

    def _log_failure(self, error: Exception) -> None:
        """Log what nobody awaits; not that the connection closed over an answer, which the end of its broker tells."""
        if self.running and not isinstance(error, _CLOSED):
            BROKER_LOG.error("%s: %s", type(error).__name__, error, exc_info=error)

    def _join_path(self) -> Step:
        """Join the broker's middlewares, the decoder and the handler to one function."""
        config, (call,) = self._outer_config, self.calls
        decode, handle = cast("Step", self._call_options.decoder), call.handler

        async def decode_and_handle(message: NatsMessage) -> object:
            return await handle(await decode(message))

        path: Step = decode_and_handle
        for middleware in reversed(config.broker_middlewares):
            path = partial(middleware(None, context=config.context).consume_scope, path)
        self._path = path
        self._client: Client = config.connection_state.connection
        self._timings: dict[tuple[str, str], Histogram] = {}
        return path

    def _timing(self, template: str, outcome: str) -> Histogram:
        """Return the timing of messages with an outcome, by the template of their subject."""
        found = self._timings.get((template, outcome))
        if found is None:
            labels = {"subject": template, "outcome": outcome}
            found = figures_of(self._client).timing(TimingName.HANDLING, **labels)
            self._timings[template, outcome] = found
        return found
