"""Admission gateway: check, count, store and answer all messages that external agents send from their own accounts.

Theory of operation
-------------------
Every worker of the admission service has one gateway. It subscribes below FastStream, because a message over a quota must
cost next to nothing (decision 0010). It makes every order, call and report anew, under an id of econsim and
without the agent's headers, so no header of an agent (message id, batch, schedule, expected sequence) ever acts in a stream.

One worker handles the messages of one agent in their order, and agents do not wait for each other. With several workers,
an agent that needs an order waits for each answer.

States of a message:

=============  ==========================================  =================================================
state          place                                       next state, and reason
=============  ==========================================  =================================================
received       buffer of the subscription                  refused: over the rate, as far as memory knows (rate limit);
                                                           refused: the agent's queue is full (backpressure); else queued
queued         `AgentQueue`                                uncounted or counted, when all earlier ones are handled
uncounted      `_handle`: the meter asks the server        refused: over the rate; else counted
counted        `_admit`: checks of run, agent, market,     refused: a check, a quota, or no room in the orders' queue
               form; order rate or bytes; queue depth      (backpressure); else sent
sent           `_answer`: waits for the stream             stored; unknown: no acknowledgement; compared: a duplicate
                                                           of an order that this worker does not know
compared       `AdmissionStore.confirm`                    stored: same content; refused: other content; unknown
stored         answer `Admitted`                           end
refused        answer `EntryRefused`, with a code          end; the log records attempts at what is not allowed
unknown        answer `outcome_is_unknown`                 end; the agent sends again, which is idempotent but for a
                                                           report without an id of its own
=============  ==========================================  =================================================

A worker that crashes forgets messages up to `counted`: the agent gets no answer and sends again. A message in `sent` may
be stored: sent again, it is a duplicate for ten minutes. A worker that stops finishes its messages, for FINISH_S at most.

Life cycle of the collections
-----------------------------
=============  ============================  ======================  ========================  =============================
collection     holds                         an entry comes          an entry goes             bound
=============  ============================  ======================  ========================  =============================
`_queues`      queued messages of an agent   first queued message    last message is handled   QUEUE_MESSAGES_MAX and
                                                                                               QUEUE_BYTES_MAX per agent
`_tasks`       one task per agent in         with the queue, or      it ends                   agents; 10 000 unacknowledged
               `_queues` and per message     with state sent                                   messages; `_return_idle`
               in state sent
command ids    fingerprints of commands      first order of an id    100 000 newer ids         100 000, 250 bytes each
=============  ============================  ======================  ========================  =============================
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
from nats.aio.msg import Msg

from econsim import subjects
from econsim.adapters.clock import random_id
from econsim.adapters.jetstream.queue_depth import RETRY_MS
from econsim.adapters.poll import Poll
from econsim.domain.admission.command_ids import CommandIds
from econsim.domain.admission.orders import check_agent, parse_order, parse_task
from econsim.domain.admission.quota import QuotaKind
from econsim.domain.admission.reports import report_event
from econsim.domain.admission.tool_calls import parse_tool_call
from econsim.domain.audit.envelope import Envelope
from econsim.errors import EconsimError, NotAllowed, Unavailable
from econsim.schemas.base import Message
from econsim.schemas.subject import Parsed, fields
from econsim.services.admission.store import AdmissionStore, PendingStore
from econsim.services.context import ServiceContext
from econsim.services.handlers import count_refusal, entry_refusal

QUEUE_GROUP: Final = "admission"
"""Queue group of the workers: one worker gets each message."""

QUEUE_MESSAGES_MAX: Final = 256
"""Queued messages of one agent: more than two seconds of its default rate."""

QUEUE_BYTES_MAX: Final = 2**20
"""Queued bytes of one agent: sixteen messages of the largest size the server lets through, none of which is admitted."""

PENDING_MESSAGES_MAX: Final = 65_536
"""Received messages of all agents that the client buffers before it drops new ones; at 1 kB each 64 MiB."""

PENDING_BYTES_MAX: Final = 64 * 2**20
"""Received bytes of all agents that the client buffers before it drops new messages."""

FLOOD_MAX: Final = 5_000
"""Messages of one agent in one second after which its account is revoked: fifty times the default rate. The rate gate
(`app`) counts them before this gateway does."""

FINISH_S: Final = 5.0
"""Longest time a stopping worker spends on messages it has received; agents send the rest again."""

RETURN_INTERVAL_S: Final = 5.0
"""Pause between two returns of idle allowance."""

PATTERN: Final = subjects.REPORT.pattern()
"""Pattern of all messages of agents: reports and orders."""

_log = logging.getLogger(__name__)


class QueuedMessage(NamedTuple):
    """A message of an agent that waits to be handled."""

    message: Msg
    """Message as it was received."""
    where: Parsed
    """Subject of the message, parsed."""
    rate_counted: bool
    """True if the message is counted against the agent's rate already."""


@dataclass(slots=True)
class AgentQueue:
    """Queue of one agent's messages, oldest first."""

    messages: deque[QueuedMessage] = field(default_factory=deque)
    """Messages that wait."""
    bytes: int = 0
    """Sum of the payload sizes of the messages."""

    def has_room(self, size: int) -> bool:
        """Tell whether a message of so many bytes fits."""
        return len(self.messages) < QUEUE_MESSAGES_MAX and self.bytes + size <= QUEUE_BYTES_MAX

    def add(self, queued: QueuedMessage) -> None:
        """Add a message at the end."""
        self.messages.append(queued)
        self.bytes += len(queued.message.data)

    def take(self) -> QueuedMessage:
        """Remove and return the oldest message."""
        queued = self.messages.popleft()
        self.bytes -= len(queued.message.data)
        return queued


class AdmissionGateway:
    """Admits or refuses the messages of external agents, in one worker of the admission service."""

    def __init__(self, context: ServiceContext) -> None:
        """Admit messages about the context's runs; `start` once its broker is connected."""
        self._context = context
        self._queues: dict[tuple[str, str], AgentQueue] = {}
        self._command_ids = CommandIds()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def agents_queued(self) -> int:
        """Number of agents some of whose messages are not handled yet."""
        return len(self._queues)

    async def start(self) -> None:
        """Subscribe to the messages of agents."""
        self._meter, self._rejections = self._context.meter, self._context.rejections
        self._depth = self._context.depth
        self._store = AdmissionStore(self._context, self._command_ids)
        self._returning = self._start_task(self._return_idle())
        self._subscription = await self._context.client.subscribe(
            PATTERN,
            QUEUE_GROUP,
            cb=self.receive,
            pending_msgs_limit=PENDING_MESSAGES_MAX,
            pending_bytes_limit=PENDING_BYTES_MAX,
        )

    async def stop(self) -> None:
        """Unsubscribe, and finish the received messages, for FINISH_S at most."""
        self._returning.cancel()
        with suppress(TimeoutError, nats.errors.Error):
            async with asyncio.timeout(FINISH_S):
                await self._subscription.drain()  # type: ignore[no-untyped-call]  # the library says no type
                while self._tasks:
                    await asyncio.wait(self._tasks)
        for task in self._tasks:
            task.cancel()
        with suppress(Unavailable):
            await self._meter.close()

    async def receive(self, message: Msg) -> None:
        """Queue a message, or refuse it at once if its agent is over its rate or its queue is full."""
        where = fields(message.subject)
        key = where.run, where.agent
        queue = self._queues.get(key)
        try:
            if queue and not queue.has_room(len(message.data)):
                text = f"{len(queue.messages)} messages of this agent wait to be admitted"
                raise Unavailable(text, code="agent_sends_too_fast", retry_after_ms=RETRY_MS)
            rate_counted = self._count_without_waiting(key)
        except EconsimError as error:
            await self._refuse(message, where, error)
            return
        message.headers = None  # never read, so not kept
        queued = QueuedMessage(message, where, rate_counted)
        if queue:
            queue.add(queued)
            return
        self._queues[key] = queue = AgentQueue()
        queue.add(queued)
        self._start_task(self._serve(key, queue))

    def _count_without_waiting(self, key: tuple[str, str]) -> bool:
        """Count a message against its agent's rate; false if only the server can decide, raises QuotaExceeded.

        Not `take`, which may ask the server: all agents' messages pass here one after the other.
        """
        allowed = self._meter.allow(QuotaKind.PUBLISH_RATE, *key)
        if allowed is False and (refusal := self._meter.certain_refusal(QuotaKind.PUBLISH_RATE, *key)):
            raise refusal
        return allowed is True

    async def _serve(self, key: tuple[str, str], queue: AgentQueue) -> None:
        """Handle an agent's messages one after the other until its queue is empty."""
        while queue.messages:
            await self._handle(key, queue.take())
        del self._queues[key]

    async def _handle(self, key: tuple[str, str], queued: QueuedMessage) -> None:
        """Admit or refuse one message; no error of it holds up the messages behind it."""
        message, where, rate_counted = queued
        try:
            if not rate_counted:
                await self._meter.take(QuotaKind.PUBLISH_RATE, *key)
            with self._context.tracing.message(message):
                pending = await self._admit(where, message.data)
        except EconsimError as error:
            await self._refuse(message, where, error)
        except Exception:  # noqa: BLE001 - whatever it is, the agent's next message must be handled
            _log.exception("handling a message on %r failed", message.subject)
            failure = Unavailable("the service failed; its log says why", code="service_failed")
            await self._refuse(message, where, failure)
        else:
            self._start_task(self._answer(message, where, pending))

    async def _admit(self, where: Parsed, payload: bytes) -> PendingStore:
        """Check one message and send its order or report to the stream."""
        run = await self._context.require_run(where.run)
        agent = check_agent(run, where.agent)
        if call := parse_tool_call(where, payload):
            return await self._store.send_call(call, payload)
        if order := parse_order(where, payload, run):
            await self._meter.take(QuotaKind.ORDER_RATE, where.run, where.agent)
            self._depth.take(where.run, where.agent)
            return await self._store.send_order(where, order, payload)
        if task := parse_task(where, payload, run):
            return await self._store.send_order(where, task, payload)
        envelope = Envelope(
            run.name, run.data.salt, await self._context.tick(run.name), self._context.clock.now()
        )
        addressed = report_event(envelope, where, payload, agent, random_id())
        body = addressed.json()
        await self._meter.take(QuotaKind.STREAM_BYTES, where.run, where.agent, len(body))
        return await self._store.send_report(addressed, body)

    async def _answer(self, message: Msg, where: Parsed, pending: PendingStore) -> None:
        """Answer a message when it is stored."""
        try:
            receipt = await self._store.confirm(pending)
        except EconsimError as error:
            await self._refuse(message, where, error)
        else:
            await self._reply(message, receipt, None)

    async def _refuse(self, message: Msg, where: Parsed, error: EconsimError) -> None:
        """Answer a message that is not admitted; the log gets an event if the agent tried what is not allowed."""
        self._rejections.publish_attempt(where, message.subject, error)
        count_refusal(self._context, error.error_code)
        await self._reply(message, entry_refusal(error), {"status": "error"})

    async def _reply(self, message: Msg, body: Message, headers: dict[str, str] | None) -> None:
        """Answer a message that asks for it; an agent that cannot be reached now sends again."""
        if message.reply:
            with suppress(nats.errors.Error, NotAllowed):
                await self._context.client.publish(
                    message.reply, body.model_dump_json().encode(), headers=headers
                )

    async def _return_idle(self) -> None:
        """Return allowance of idle agents from time to time, until cancelled."""
        async for _ in Poll(RETURN_INTERVAL_S):
            with suppress(Unavailable):
                await self._meter.return_idle()

    def _start_task(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._end_task)
        return task

    def _end_task(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _log.error("a task of the admission gateway failed", exc_info=error)
