"""The entrance: where what agents send from their own accounts is checked, counted, stored, and answered.

Nothing an agent sends reaches a stream as it is: an order or report is made anew here, under an id of ours and
without the agent's headers, so no header of an agent (message id, batch, schedule, expected sequence) ever
acts in a stream. What one worker hears of an agent keeps its order, and agents do not wait for each other; with
several workers an agent that needs an order waits for each answer. Listens below FastStream, because what is over
a quota must cost next to nothing (ADR 0010).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import nats.errors
import nats.js.errors
from nats.aio.msg import Msg
from nats.js.api import PubAck

from econsim import subjects
from econsim.adapters.clock import random_id
from econsim.adapters.jetstream.audit_log import last
from econsim.adapters.jetstream.queue_depth import RETRY_MS
from econsim.domain.admission.command_ids import CommandIds
from econsim.domain.admission.orders import (
    AdmittedOrder,
    check_agent,
    command_content,
    is_reserved,
    parse_order,
)
from econsim.domain.admission.quota import QuotaKind
from econsim.domain.admission.reports import report_event
from econsim.domain.audit.decoding import event_of
from econsim.domain.audit.envelope import DIGEST, Envelope, digest, message_number
from econsim.domain.market.commands import parse_agent_command
from econsim.errors import Conflict, EconsimError, NotAllowed, NotFound, Unavailable
from econsim.schemas.admission import Admitted
from econsim.schemas.base import Message
from econsim.schemas.clock import Ticked
from econsim.schemas.subject import Parsed, fields
from econsim.services.context import ServiceContext
from econsim.services.handlers import entry_refusal

QUEUE: Final = "admission"
"""Queue group: one worker takes each message."""

WAITING_MAX: Final = 256
"""Messages of one agent waiting here: more than two seconds of its default rate."""

WAITING_BYTES_MAX: Final = 2**20
"""Bytes of the same: sixteen of the largest the server lets through, which are never admitted."""

PENDING_MESSAGES_MAX: Final = 65_536
"""Messages the client holds for all agents before it drops what comes; at 1 kB each 64 MiB."""

PENDING_BYTES_MAX: Final = 64 * 2**20
"""Bytes of the same."""

FLOOD_MAX: Final = 5_000
"""Messages of one agent in one second after which its account is taken away, by the gate before this (`app`): fifty
times the default rate."""

STORE_TIMEOUT_S: Final = 5.0
"""Longest to wait for a stream's acknowledgement; the agent is then told that nobody knows."""

FINISH_S: Final = 5.0
"""Longest a stopping worker sees to what it has taken in; what is left its agents send again."""

TIDY_S: Final = 5.0
"""Pause between looks for allowance that nobody uses."""

PATTERN: Final = subjects.REPORT.pattern()
"""Everything agents send: reports and orders alike."""

Key = tuple[str, str]
"""Run and agent."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class AgentQueue:
    """The messages of one agent, oldest first."""

    waiting: deque[tuple[Msg, bool]] = field(default_factory=deque)
    """With each, whether it is counted against the rate already."""
    bytes: int = 0
    """Their payloads."""


class Sent(NamedTuple):
    """A message on its way to its stream."""

    message_id: str
    """Id under which it is stored, once."""
    stored: asyncio.Future[PubAck]
    """The stream's acknowledgement, when it comes."""
    unknown: AdmittedOrder | None = None
    """The order, if this worker did not know its command id before."""


class AdmissionGateway:
    """Takes in what agents send, for one worker of the admission service."""

    def __init__(self, context: ServiceContext) -> None:
        """Admit messages about the context's runs; `start` once its broker is connected."""
        self._context = context
        self._lines: dict[Key, AgentQueue] = {}
        self._commands = CommandIds()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen from now on."""
        self._stream = self._context.jetstream
        self._meter, self._rejections = self._context.meter, self._context.rejections
        self._depth = self._context.depth
        self._standing = [self._soon(self._depth.watch()), self._soon(self._tidy())]
        self._subscription = await self._context.client.subscribe(
            PATTERN,
            QUEUE,
            cb=self._hear,
            pending_msgs_limit=PENDING_MESSAGES_MAX,
            pending_bytes_limit=PENDING_BYTES_MAX,
        )

    async def stop(self) -> None:
        """Listen no more, and finish what was heard, for FINISH_S at most."""
        for task in self._standing:
            task.cancel()
        with suppress(TimeoutError, nats.errors.Error):
            async with asyncio.timeout(FINISH_S):
                await self._subscription.drain()  # type: ignore[no-untyped-call]  # the library says no type
                while self._tasks:
                    await asyncio.wait(self._tasks)
        for task in self._tasks:
            task.cancel()
        with suppress(Unavailable):
            await self._meter.close()

    async def _tidy(self) -> None:
        """Give back what idle agents' blocks hold, from time to time."""
        while True:
            await asyncio.sleep(TIDY_S)
            with suppress(Unavailable):
                await self._meter.return_idle()

    async def _hear(self, message: Msg) -> None:
        """Put a message into its agent's line; what is over the agent's rate is refused here already."""
        where = fields(message.subject)
        key = where.run, where.agent
        try:
            paid = self._early(key, message)
        except EconsimError as error:
            await self._refuse(message, where, error)
            return
        message.headers = None  # nobody reads an agent's, so nobody keeps them
        if line := self._lines.get(key):
            line.waiting.append((message, paid))
            line.bytes += len(message.data)
        else:
            self._lines[key] = AgentQueue(deque([(message, paid)]), len(message.data))
            self._soon(self._serve(key, self._lines[key]))

    def _early(self, key: Key, message: Msg) -> bool:
        """Count a message if that takes no waiting; raises if it is over its agent's rate or share of the line."""
        line = self._lines.get(key)
        if line and (len(line.waiting) >= WAITING_MAX or line.bytes + len(message.data) > WAITING_BYTES_MAX):
            what = f"{len(line.waiting)} messages of this agent wait to be admitted"
            raise Unavailable(what, code="agent_sends_too_fast", retry_after_ms=RETRY_MS)
        allowed = self._meter.allow(QuotaKind.PUBLISH_RATE, *key)
        # Not `take`, which may ask the server: all agents' messages pass here one after the other.
        if allowed is False and (refused := self._meter.certain_refusal(QuotaKind.PUBLISH_RATE, *key)):
            raise refused
        return allowed is True

    async def _serve(self, key: Key, line: AgentQueue) -> None:
        """See to an agent's messages one after the other until none is left."""
        while line.waiting:
            message, paid = line.waiting.popleft()
            line.bytes -= len(message.data)
            await self._see_to(key, message, paid=paid)
        del self._lines[key]

    async def _see_to(self, key: Key, message: Msg, *, paid: bool) -> None:
        """Admit or refuse one message; whatever happens, those behind it get their turn."""
        where = fields(message.subject)
        try:
            if not paid:
                await self._meter.take(QuotaKind.PUBLISH_RATE, *key)
            sent = await self._admit(where, message.data)
        except EconsimError as error:
            await self._refuse(message, where, error)
        except Exception:  # noqa: BLE001 - whatever it is, the agent's next message must be seen to
            _log.exception("seeing to a message on %r failed", message.subject)
            failed = Unavailable("the service failed; its log says why", code="service_failed")
            await self._refuse(message, where, failed)
        else:
            self._soon(self._answer(message, where, sent))

    async def _admit(self, where: Parsed, payload: bytes) -> Sent:
        """Check one message and send what it becomes to its stream."""
        if is_reserved(where):
            message = f"there is no service yet for {where.action}; the name is reserved"
            raise NotFound(message, code="no_such_service_yet")
        run = self._context.runs.require(where.run)
        agent = check_agent(run, where.agent)
        if order := parse_order(where, payload, run):
            await self._meter.take(QuotaKind.ORDER_RATE, where.run, where.agent)
            self._depth.take(where.run, where.agent)
            return await self._place(where, order, payload)
        envelope = Envelope(run.name, run.data.salt, await self._tick(run.name), self._context.clock.now())
        event = report_event(envelope, where, payload, agent, random_id())
        body = event.json()
        await self._meter.take(QuotaKind.STREAM_BYTES, where.run, where.agent, len(body))
        return await self._send(event.subject, body, event.event.event_id)

    async def _place(self, where: Parsed, order: AdmittedOrder, payload: bytes) -> Sent:
        """Send an order to its market's queue; raises Conflict if its command id stands for another."""
        message_id = f"{where.run}.{where.agent}.{order.command_id}"
        known = message_id in self._commands
        if not self._commands.remember(message_id, order.content):
            raise _taken(order)
        sent = await self._send(order.subject, payload, message_id)
        return sent if known else sent._replace(unknown=order)

    async def _check(self, order: AdmittedOrder, sent: Sent, sequence: int) -> None:
        """Compare an order with the one that another worker stored under its command id, if that still waits.

        Raises Conflict if they differ.
        """
        try:
            stored = await self._stream.get_msg(subjects.ORDERS, sequence)
        except nats.js.errors.NotFoundError:
            return
        subject = stored.subject or ""
        first = parse_agent_command(fields(subject).action, fields(subject).agent, stored.data or b"")
        if command_content(subject, first) != order.content:
            self._commands.forget(sent.message_id)
            raise _taken(order)

    async def _tick(self, run: str) -> int:
        """Return a run's logical time; a worker that was not there when it ticked last asks the log once."""
        runs = self._context.runs
        if runs.tick(run) is None:
            stored = await last(self._context.client, subjects.TICKED(run=run))
            ticked = event_of(Ticked, stored.subject, stored.payload) if stored else None
            if runs.tick(run) is None:
                runs.note_tick(run, ticked.tick if ticked else 0)
        return runs.tick(run) or 0

    async def _send(self, subject: str, payload: bytes, message_id: str) -> Sent:
        if not self._context.client.is_connected:
            # What overflows the client's buffer, the library would count as under way for ever.
            raise _unknown(subject)
        try:
            headers = {"Nats-Msg-Id": message_id, DIGEST: digest(subject, payload)}
            stored = await self._stream.publish_async(subject, payload, headers=headers)
        except (nats.errors.Error, nats.js.errors.Error) as error:
            raise _unknown(subject) from error
        return Sent(message_id, stored)

    async def _answer(self, message: Msg, where: Parsed, sent: Sent) -> None:
        """Tell an agent that its message is stored, when it is."""
        try:
            ack = await asyncio.wait_for(sent.stored, STORE_TIMEOUT_S)
        except (TimeoutError, nats.errors.Error, nats.js.errors.Error):
            await self._refuse(message, where, _unknown(message.subject))
            return
        try:
            if ack.duplicate and sent.unknown:
                await self._check(sent.unknown, sent, ack.seq)
        except (EconsimError, TimeoutError, nats.errors.Error, nats.js.errors.Error) as error:
            refusal = error if isinstance(error, EconsimError) else _unknown(message.subject)
            await self._refuse(message, where, refusal)
            return
        told = Admitted(stream=ack.stream, seq=message_number(sent.message_id), duplicate=bool(ack.duplicate))
        await self._reply(message, told, None)

    async def _refuse(self, message: Msg, where: Parsed, error: EconsimError) -> None:
        """Answer a message that is not admitted, and tell of it if it tried what is not allowed."""
        self._rejections.about(where, message.subject, error)
        await self._reply(message, entry_refusal(error), {"status": "error"})

    async def _reply(self, message: Msg, body: Message, headers: dict[str, str] | None) -> None:
        """Answer a message that asks for it; who cannot be reached now sends again."""
        if message.reply:
            with suppress(nats.errors.Error, NotAllowed):
                await self._context.client.publish(
                    message.reply, body.model_dump_json().encode(), headers=headers
                )

    def _soon(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _log.error("the entrance lost a task", exc_info=error)


def _taken(order: AdmittedOrder) -> Conflict:
    message = (
        f"command_id {order.command_id!r} stands for another command; each command needs an id of its own"
    )
    return Conflict(message, code="command_id_exists_with_different_fields")


def _unknown(subject: str) -> Unavailable:
    message = f"the stream did not acknowledge {subject}; it may or may not be stored: send it again as it is"
    return Unavailable(message, code="outcome_is_unknown", retry_after_ms=RETRY_MS)
