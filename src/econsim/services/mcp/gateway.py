"""Calls of outside tools in one worker of the gateway, from the queue to the reply.

Theory of operation. Workers compete for the messages of the queue (`adapters/jetstream/work_queue.py`), and a message is
acknowledged when all of its effects are durable. A crash, or a lost answer, at each step:

    step      written to                      after a crash right here
    check     nothing                         the message comes again, to any worker
    find      nothing                         as above
    limits    counters                        the call is counted twice
    reserve   ledger: `<receipt>`             a repeat finds the reservation made
    claim     bucket `mcp_outcomes`           only of a tool that may not be called twice: the repeat ends as `call_outcome_is_unknown`
    call      the tool's own effects          any other tool may be called again; the agent pays once
    record    bucket `mcp_outcomes`           the repeat finds the outcome and goes on from here
    event     log: `mcp.<server>.completed`   the repeat publishes it again, under the same id
    settle    ledger: `<receipt>.settled`     the repeat submits it again; the ledger deduplicates
    reply     core NATS, in real time before  the repeat sends it again; the agent may also ask for it (`mcp.get_result`)
              the event

A refusal before `reserve` is a reply and no more: it has no outcome, so that the agent may repeat the call under the same id. The
caller is answered within its deadline, whatever does not: while the ledger is away the worker stays busy with the call after that.

    collection   holds                                  entry comes       entry goes             bound
    _locks       receipt -> lock of its messages here   `_serve`          with its last message  messages under way
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Final

from nats.aio.msg import Msg

from econsim import subjects
from econsim.adapters.clock import unix_nanoseconds
from econsim.adapters.jetstream.dead_letters import store_dead_letter
from econsim.adapters.poll import Poll
from econsim.domain.admission.quota import SECOND_NS
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.mcp.outcome import ACTOR, failed_outcome, refused_reply, tool_reply
from econsim.domain.mcp.payment import is_ledger_refusal, repeat_conflict, reservation, reservation_refusal
from econsim.domain.mcp.request import AskedCall, asked_call
from econsim.domain.mcp.terms import check_arguments, require_server, require_terms, server_is_absent
from econsim.errors import EconsimError, InvalidMessage, Refused, ToolCallFailed, Unavailable
from econsim.ports import ToolServer
from econsim.schemas.ledger import Refusal
from econsim.schemas.mcp import CALL_BYTES_MAX, ToolFailure, ToolOutcome, ToolReply
from econsim.schemas.subject import Parsed, fields
from econsim.services.context import ServiceContext
from econsim.services.mcp.caller import MILLISECONDS, PlannedCall, ToolCaller
from econsim.services.mcp.journal import ToolJournal, reply_waits
from econsim.services.mcp.rates import CallRates
from econsim.services.mcp.recorded_server import RecordedServer, recorded_names, servers_of_run

PATIENCE_S: Final = 1.0
"""Longest time that a reply in lock-step waits for the event and the settlement of an outcome; both are made sure of afterwards."""

LISTED_S: Final = 20.0
"""Longest time that a call waits for a server that is being started, within its deadline."""

LISTED_INTERVAL_S: Final = 0.05
"""Pause between two looks whether such a server has listed its tools."""

RESERVED_MAYBE: Final = 1
"""Amount in the outcome of a call of which nobody knows whether anything is reserved: it has a settlement all the same."""

RESERVE_INTERVAL_S: Final = 0.5
"""Pause before the ledger is asked again that did not answer, or refuses what it may have reserved."""

CLAIMED_INTERVAL_S: Final = 0.1
"""Pause between two looks for the outcome of a call that another worker has claimed."""

CRASHES_MAX: Final = 20
"""Deliveries of one message after which its worker is taken to crash of it: the call then ends without a result."""

DEAD_LETTERS: Final = frozenset(
    {ToolFailure.TOOL_SERVER_FAILED, ToolFailure.RESULT_IS_MALFORMED, ToolFailure.CALL_OUTCOME_IS_UNKNOWN}
)
"""Failures that an operator should see: the command becomes a dead letter with the reason."""

_log = logging.getLogger(__name__)


class ToolGateway:
    """Calls of outside tools, in one worker."""

    def __init__(
        self,
        context: ServiceContext,
        servers: Mapping[str, ToolServer],
        journal: ToolJournal,
        rates: CallRates,
        caller: ToolCaller,
    ) -> None:
        """Call these servers."""
        self._context = context
        self._servers = servers
        self._journal = journal
        self._rates = rates
        self._caller = caller
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    async def handle(self, message: Msg) -> None:
        """Handle one message of the queue: answer its caller whatever happens; done when this returns."""
        with self._context.tracing.message(message):
            await self._handle(message)

    async def _handle(self, message: Msg) -> None:
        tokens = fields(message.subject)
        where, server = Parsed("mcp", "request", tokens.action, tokens.run, tokens.agent), tokens.action
        try:
            call = self._readable(where, server, message.data)
            run = await self._context.require_run(call.run)
            run.agent(call.agent)
        except InvalidMessage as error:
            await store_dead_letter(self._context.jetstream, message, error, ACTOR)
            await self._reply(where, server, refused_reply(where.run, server, error))
        except EconsimError as error:
            await self._reply(where, server, refused_reply(where.run, server, error))
        else:
            await self._serve(run, call, message)

    def _readable(self, where: Parsed, server: str, payload: bytes) -> AskedCall:
        if len(payload) > CALL_BYTES_MAX:
            text = f"the command has {len(payload)} bytes; at most {CALL_BYTES_MAX} are taken"
            raise InvalidMessage(text, code="message_is_too_large")
        return asked_call(where, server, payload)

    async def _serve(self, run: ActiveRun, call: AskedCall, message: Msg) -> None:
        """Bring a call to its end, one message of a receipt after the other."""
        async with self._alone(call.id):
            try:
                outcome = await self._outcome(run, call, message)
            except EconsimError as error:
                await self._refuse(call, error)
            else:
                await self._finish(run, call, outcome, message)

    async def _outcome(self, run: ActiveRun, call: AskedCall, message: Msg) -> ToolOutcome:
        """Return the stored outcome of a call, made now if there is none; raises EconsimError for a refused one."""
        outcome = await self._journal.find(call.run, call.agent, call.command.msg_id)
        if outcome is None:
            return await self._new_outcome(run, call, message)
        if outcome.request_digest != call.digest:
            raise repeat_conflict(call)
        return outcome

    async def _new_outcome(self, run: ActiveRun, call: AskedCall, message: Msg) -> ToolOutcome:
        """Check, count, pay, make and store a call; raises EconsimError for one that is refused before it is made."""
        stored, deliveries = message.metadata.timestamp, message.metadata.num_delivered
        tick = call.command.tick or await self._context.tick(run.name)
        try:
            ended = await self._paid_outcome(run, call, tick, message)
        except EconsimError as error:
            if deliveries == 1 or _leaves_nothing(run, call, error):
                raise
            # An earlier life may have reserved the price: a refusal would leave it reserved.
            why = f"a worker ended during the call, and it cannot be made again ({error})"
            ended = failed_outcome(call, RESERVED_MAYBE, _unknown(why))
        took_ms = max(0, int(_age_s(stored) * MILLISECONDS))
        update = {"took_ms": took_ms, "tick": tick, "ended_at": self._context.clock.now()}
        return await self._store(run, ended.model_copy(update=update))

    async def _paid_outcome(self, run: ActiveRun, call: AskedCall, tick: int, message: Msg) -> ToolOutcome:
        """Return how a call ends that is checked, counted and paid for; raises EconsimError before it is paid for."""
        servers, deliveries = servers_of_run(self._servers, run), message.metadata.num_delivered
        server = require_server(servers, call.server)
        terms = require_terms(server.name, server.table, call.command.tool)
        timeout_ms = min(call.command.timeout_ms, terms.timeout_ms)
        left_s = timeout_ms / MILLISECONDS - max(0.0, _age_s(message.metadata.timestamp))
        if isinstance(server, RecordedServer):
            # It has no deadline: a run with recorded tools ends alike, however long its services are away.
            left_s = math.inf
        planned = PlannedCall(call, server, terms, asyncio.get_running_loop().time() + left_s, tick)
        await self._check(planned)
        with self._rates.at_once(call, server.table):
            if deliveries == 1:
                await self._rates.take(run, call, server.table)
            await self._reserve(run, planned)
            return await self._make(planned, deliveries)

    async def _check(self, planned: PlannedCall) -> None:
        """Check the arguments of a call; wait for a server that is just being started. Raises Refused or Unavailable."""
        if not planned.server.listing:
            await _wait_until_listed(planned)
        check_arguments(planned.asked, planned.server.tools)

    async def _reserve(self, run: ActiveRun, planned: PlannedCall) -> None:
        """Reserve the price of a call; raises Refused. A caller whose deadline passes meanwhile is answered at once."""
        call, price = planned.asked, planned.terms.price
        if not price:
            return
        late: list[asyncio.Task[None]] = []

        def answer() -> None:
            message = "the time of the call passed before the ledger had answered; whether the call will be made is unknown"
            late.append(asyncio.create_task(self._refuse(call, Unavailable(message))))

        timer = asyncio.get_running_loop().call_at(planned.end, answer)
        try:
            refusal = await self._answered_reservation(run, planned)
        finally:
            timer.cancel()
        for answering in late:
            await answering
        if refusal is not None:
            raise reservation_refusal(call, price, refusal)

    async def _answered_reservation(self, run: ActiveRun, planned: PlannedCall) -> Refusal | None:
        """Return the ledger's answer, however long it takes while the run is open.

        Raises a refusal of the submission itself, unless an attempt before it may have reserved.
        """
        may_be_reserved = False
        while True:
            try:
                return await self._journal.reserve(
                    run, reservation(planned.asked, planned.terms.price), planned.tick
                )
            except EconsimError as error:
                # With a time to wait the ledger said that it reserved nothing: the period is being settled.
                if error.retry_after_ms is not None or run.name not in self._context.runs:
                    raise
                if not (error.retryable or may_be_reserved):
                    raise
                may_be_reserved = True
            await asyncio.sleep(RESERVE_INTERVAL_S)

    async def _make(self, planned: PlannedCall, deliveries: int) -> ToolOutcome:
        """Return how a call ends; a tool that may not be called twice is called by the one worker that claims it."""
        call, price = planned.asked, planned.terms.price
        if deliveries > CRASHES_MAX:
            return failed_outcome(call, price, _unknown("the workers that made it ended again and again"))
        try:
            if planned.terms.may_repeat or await self._journal.claim(call):
                return await self._caller.outcome(planned)
        except Unavailable as error:
            message = f"the call was not made: {error}"
            return failed_outcome(call, price, ToolCallFailed(message))
        return await self._claimed_outcome(planned)

    async def _claimed_outcome(self, planned: PlannedCall) -> ToolOutcome:
        """Return the outcome of a call that another life claimed, if that one stores it before the deadline."""
        call = planned.asked
        async for _ in Poll(CLAIMED_INTERVAL_S, timeout_s=max(0.0, planned.left_s)):
            with suppress(Unavailable):
                if found := await self._journal.find(call.run, call.agent, call.command.msg_id):
                    return found
        why = "the worker that made it ended during the call, and the tool may not be called twice"
        return failed_outcome(call, planned.terms.price, _unknown(why))

    async def _store(self, run: ActiveRun, outcome: ToolOutcome) -> ToolOutcome:
        """Return the outcome that counts, stored however long the store takes: the call is made and cannot be unmade."""
        while True:
            try:
                return await self._journal.record(run.name, outcome)
            except Unavailable as error:
                _log.warning("the outcome of %s is not stored yet: %s", outcome.id, error)

    async def _finish(self, run: ActiveRun, call: AskedCall, outcome: ToolOutcome, message: Msg) -> None:
        """Publish, settle and deliver a stored outcome; the reply waits for the others where it matters, PATIENCE_S at most."""
        if reply_waits(run, outcome):
            durable = asyncio.gather(self._journal.publish(run, outcome), self._journal.settle(run, outcome))
            try:
                await asyncio.wait({durable}, timeout=PATIENCE_S)
                await self._deliver(call, tool_reply(run.name, outcome))
            finally:
                await durable
        else:
            await self._deliver(call, tool_reply(run.name, outcome))
            # One after the other, for the settlement waits for a reservation to go with anyway.
            try:
                await self._journal.publish(run, outcome)
            finally:
                await self._journal.settle(run, outcome)
        if outcome.failure in DEAD_LETTERS:
            reason = Refused(outcome.message, code=outcome.failure.value)
            await store_dead_letter(self._context.jetstream, message, reason, ACTOR)

    async def _refuse(self, call: AskedCall, error: EconsimError) -> None:
        command = call.command
        await self._deliver(call, refused_reply(call.run, call.server, error, command.msg_id, command.tool))

    async def _deliver(self, call: AskedCall, reply: ToolReply) -> None:
        where = Parsed("mcp", "request", call.server, call.run, call.agent)
        await self._reply(where, call.server, reply)

    async def _reply(self, where: Parsed, server: str, reply: ToolReply) -> None:
        subject = subjects.TOOL_REPLIED(server=server, run=where.run, agent=where.agent)
        await self._context.client.publish(subject, reply.model_dump_json().encode())

    @asynccontextmanager
    async def _alone(self, receipt: str) -> AsyncIterator[None]:
        """Let the messages of one receipt pass one after the other."""
        lock, waiting = self._locks.get(receipt, (asyncio.Lock(), 0))
        self._locks[receipt] = lock, waiting + 1
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._locks.pop(receipt)
            if waiting > 1:
                self._locks[receipt] = lock, waiting - 1


async def _wait_until_listed(planned: PlannedCall) -> None:
    """Wait for a server that is just being started; raises Unavailable."""
    async for _ in Poll(LISTED_INTERVAL_S, timeout_s=min(LISTED_S, max(0.0, planned.left_s))):
        if planned.server.listing:
            return
    raise server_is_absent(planned.server.name)


def _age_s(stored: datetime) -> float:
    """Return the seconds since a message was stored."""
    return unix_nanoseconds() / SECOND_NS - stored.timestamp()


def _leaves_nothing(run: ActiveRun, call: AskedCall, error: EconsimError) -> bool:
    """Return whether no earlier life of a refused call can have left a reservation that nobody ends."""
    if error.error_code == Unavailable.code:
        # A host repeats the call until it is decided.
        return call.command.tick > 0
    return is_ledger_refusal(error) or call.server in recorded_names(run)


def _unknown(why: str) -> ToolCallFailed:
    return ToolCallFailed(why, code=ToolFailure.CALL_OUTCOME_IS_UNKNOWN.value)
