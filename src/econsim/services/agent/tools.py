"""Calls of tools by a host's agents over NATS: commands to the gateway's queue, and the replies that it delivers.

A call has an id that follows from its agent, cycle and ordinal, so a host that takes over, or asks again after a lost reply, gets
the outcome that was paid for. The gateway answers every call within its deadline.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from nats.aio.msg import Msg
from pydantic import ValidationError

from econsim import subjects
from econsim.adapters.clock import random_id
from econsim.adapters.nats.connection import reliable_publish
from econsim.domain.audit.envelope import Envelope
from econsim.domain.runtime.effects import HostedFile, HostedSocial, HostedToolCall, Use, UseReply
from econsim.errors import Unavailable
from econsim.schemas.mcp import ToolReply
from econsim.schemas.subject import fields
from econsim.services.agent.own_uses import use_file, use_social
from econsim.services.context import ServiceContext

ASK_AGAIN_S: Final = 5.0
"""Seconds without a reply after which a call is sent again."""

PAUSE_S: Final = 0.2
"""Pause before a call is sent again whose reply was that a service is away."""


@dataclass(frozen=True, slots=True)
class HostTools:
    """The calls of tools of one host."""

    context: ServiceContext
    """Context of the host's service."""
    waiting: dict[tuple[str, str], asyncio.Future[ToolReply]] = field(default_factory=dict)
    """Agent and id of a call → its reply."""

    @asynccontextmanager
    async def listening(self, run: str) -> AsyncIterator[None]:
        """Receive the replies to agents of a run for the time of the context."""
        pattern = subjects.TOOL_REPLIED.pattern(run=run)
        subscription = await self.context.client.subscribe(pattern, cb=self.receive)
        try:
            yield
        finally:
            if not self.context.client.is_closed:
                await subscription.unsubscribe()

    def at(self, envelope: Envelope) -> TickTools:
        """Return the calls of one tick."""
        return TickTools(self, envelope)

    async def receive(self, message: Msg) -> None:
        """Note a reply that is waited for."""
        try:
            reply = ToolReply.model_validate_json(message.data)
        except ValidationError:
            return
        with self.context.tracing.message(message):
            waiting = self.waiting.get((fields(message.subject).agent, reply.msg_id))
            if waiting and not waiting.done():
                waiting.set_result(reply)


@dataclass(frozen=True, slots=True)
class TickTools:
    """The calls of tools of one host in one tick."""

    host: HostTools
    """Calls of the host."""
    envelope: Envelope
    """Run, tick and cause of the calls."""

    async def use(self, requests: Sequence[Use]) -> Iterator[UseReply]:
        """Make requests, those of one agent one after the other; return their replies in the order given."""
        places: defaultdict[str, list[int]] = defaultdict(list)
        for place, request in enumerate(requests):
            places[request.agent].append(place)
        replies: dict[int, UseReply] = {}

        async def use_of_agent(own: Sequence[int]) -> None:
            for place in own:
                replies[place] = await self._use(requests[place])

        async with asyncio.TaskGroup() as group:
            for own in places.values():
                group.create_task(use_of_agent(own))
        return iter([replies[place] for place in range(len(requests))])

    async def _use(self, request: Use) -> UseReply:
        match request:
            case HostedFile():
                return await use_file(self.host.context, self.envelope, request)
            case HostedSocial():
                return await use_social(self.host.context, self.envelope, request)
        return await self._call(request)

    async def _call(self, request: HostedToolCall) -> ToolReply:
        key = request.agent, request.command.msg_id
        waiting: asyncio.Future[ToolReply] = asyncio.get_running_loop().create_future()
        self.host.waiting[key] = waiting
        try:
            while True:
                await self._send(request)
                await asyncio.wait({waiting}, timeout=ASK_AGAIN_S)
                if waiting.done() and not _is_undecided(waiting.result()):
                    return waiting.result()
                if waiting.done():
                    self.host.waiting[key] = waiting = asyncio.get_running_loop().create_future()
                    await asyncio.sleep(PAUSE_S)
        finally:
            del self.host.waiting[key]

    async def _send(self, request: HostedToolCall) -> None:
        """Send a command as a message of its own, because the queue drops what it had before."""
        envelope, command = self.envelope, request.command
        subject = subjects.CALL_TOOL(server=request.server, run=envelope.run, agent=request.agent)
        update = {"causation_id": envelope.causation_id, "tick": envelope.tick}
        payload = command.model_copy(update=update).model_dump_json().encode()
        await reliable_publish(self.host.context.jetstream, subject, payload, random_id())


def _is_undecided(reply: ToolReply) -> bool:
    """Return whether a part of the gateway was away: whether the call will be made is open, and a repeat finds out."""
    return reply.error is not None and reply.error.code == Unavailable.code
