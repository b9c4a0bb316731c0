"""One worker of the gateway: it keeps the tool servers open, takes calls off the queue, and tells runs of the servers' tools."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from itertools import product
from typing import Final

from econsim.adapters.clock import unix_nanoseconds
from econsim.adapters.jetstream.counters import StreamCounters
from econsim.adapters.jetstream.key_table import BucketKeyTable
from econsim.adapters.jetstream.work_queue import SharedConsumer, WorkQueue
from econsim.adapters.nats.connection import reliable_publish
from econsim.adapters.poll import Poll
from econsim.domain.admission.quota import MILLISECOND_NS
from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.domain.cognition.breaker import Breaker
from econsim.domain.mcp.server_events import breaker_event, listed_event
from econsim.errors import EconsimError
from econsim.ports import ToolServer
from econsim.services.context import ServiceContext
from econsim.services.mcp.breakers import SharedBreakers
from econsim.services.mcp.caller import ToolCaller
from econsim.services.mcp.gateway import ToolGateway
from econsim.services.mcp.journal import ToolJournal
from econsim.services.mcp.rates import CallRates
from econsim.services.mcp.result_cache import ResultCache
from econsim.streams import TOOL_CALLS
from econsim.streams.tools import MCP_CACHE, MCP_OUTCOMES, MCP_SERVERS

CALLS_AT_ONCE_MAX: Final = 1_024
"""Calls under way at one worker; most of them wait for a server."""

CALLS_PENDING_MAX: Final = 16_384
"""Calls under way at all workers."""

WORKERS: Final = SharedConsumer(TOOL_CALLS.name, "mcp_workers", CALLS_PENDING_MAX)
"""Consumer for which the workers compete."""

LIST_INTERVAL_S: Final = 1.0
"""Pause between two looks for open runs that were not told of a server's tools."""

_log = logging.getLogger(__name__)


class GatewayWorker:
    """One worker of the gateway, a component of its service."""

    def __init__(self, context: ServiceContext) -> None:
        """Serve the tool servers of a context, from `start` to `stop`."""
        self._context = context
        self._servers = context.tool_servers
        self._told: set[tuple[str, str, str]] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Open the servers' sessions in the background, and begin to take calls."""
        context = self._context
        client, jetstream = context.client, context.jetstream
        self._breakers = SharedBreakers(
            BucketKeyTable(client, MCP_SERVERS, jetstream, deadline_s=1.0), _unix_milliseconds
        )
        cache = ResultCache(BucketKeyTable(client, MCP_CACHE, jetstream, deadline_s=1.0))
        self.journal = ToolJournal(context, BucketKeyTable(client, MCP_OUTCOMES, jetstream))
        """Durable steps of the calls."""
        rates = CallRates(context.meter, StreamCounters(client), unix_nanoseconds)
        caller = ToolCaller(self._breakers, cache, self._tell_breaker)
        gateway = ToolGateway(context, self._servers, self.journal, rates, caller)
        for server in self._servers.values():
            server.start()
        self._queue = WorkQueue(client, WORKERS, gateway.handle, CALLS_AT_ONCE_MAX)
        await self._queue.start()
        self._tasks = [
            asyncio.create_task(self._breakers.watch()),
            asyncio.create_task(self._tell_tools()),
        ]

    async def stop(self) -> None:
        """Finish the calls under way, for a few seconds at most, and close the servers' sessions."""
        await self._queue.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(server.stop() for server in self._servers.values()))

    async def _tell_tools(self) -> None:
        """Tell each open run of each server's tools, once and whenever they change; equal events have one id."""
        async for _ in Poll(LIST_INTERVAL_S):
            for run, server in product(tuple(self._context.runs), self._servers.values()):
                await self._tell_server(run, server)
            self._told = {key for key in self._told if key[0] in self._context.runs}

    async def _tell_server(self, run: str, server: ToolServer) -> None:
        key, envelope = (run, server.name, server.listing), self._envelope(run, 0)
        if server.listing and envelope and key not in self._told:
            self._told.add(key)
            tools = tuple(sorted(server.tools))
            await self._publish(listed_event(envelope, server.name, tools, server.listing))

    async def _tell_breaker(self, run: str, server: str, breaker: Breaker, said: str) -> None:
        """Tell the run of the call with which a breaker opened or closed."""
        if envelope := self._envelope(run, self._context.runs.tick(run) or 0):
            await self._publish(breaker_event(envelope, server, breaker, said, _unix_milliseconds()))

    def _envelope(self, run: str, tick: int) -> Envelope | None:
        found = self._context.runs.get(run)
        return Envelope(run, found.data.salt, tick, self._context.clock.now()) if found else None

    async def _publish(self, addressed: AddressedEvent) -> None:
        with suppress(EconsimError):
            await reliable_publish(
                self._context.jetstream,
                addressed.subject,
                addressed.json(),
                addressed.event.event_id,
            )


def _unix_milliseconds() -> int:
    return unix_nanoseconds() // MILLISECOND_NS
