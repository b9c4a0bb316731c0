"""Whole runs over a real server, with every service in this process, and the same runs in memory."""

from __future__ import annotations

from contextlib import AsyncExitStack, aclosing

from run_builders import canonical_hash
from superuser import superuser

from econsim.adapters.nats.connection import connect
from econsim.app import Server, running
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import as_record
from econsim.domain.execution import in_memory
from econsim.routers import SERVICES
from econsim.runs import scenario_file
from econsim.runs.remote import open_run, run_events
from econsim.schemas.executor import Execution


def shortened(name, periods=1, ticks=60):
    """Return a shipped scenario of a few periods, each of so many ticks at most; without expectations and changes."""
    found = scenario_file.load(name)
    ticks = min(ticks, found.clock.ticks_per_period)
    clock = found.clock.model_copy(update={"periods": periods, "ticks_per_period": ticks})
    return found.model_copy(update={"clock": clock, "expectations": (), "changes": ()})


async def over_nats(server, scenario, name, execution=Execution.SHARED) -> list[AddressedEvent]:
    """Return the events of a run of a scenario over a server, in log order."""
    client = await connect(server.url, superuser(server), "test-run")
    try:
        async with running(tuple(SERVICES), Server(server.url, server.creds)):
            await open_run(client, name, scenario, execution=execution)
            async with aclosing(run_events(client, name)) as events:
                return [addressed async for addressed in events]
    finally:
        await client.close()


def hash_in_memory(scenario) -> str:
    """Return the canonical hash of the same scenario without a server."""
    return canonical_hash(in_memory.run(scenario))


class RestartableServices:
    """All services of this process, each of which can be started again."""

    def __init__(self, server):
        self._here, self._stacks = Server(server.url, server.creds), {}

    async def restart(self, name):
        await self.stop(name)
        self._stacks[name] = AsyncExitStack()
        await self._stacks[name].enter_async_context(running((name,), self._here))

    async def stop(self, name):
        if name in self._stacks:
            await self._stacks.pop(name).aclose()


async def played(server, run, scenario, restarts) -> list[AddressedEvent]:
    """Return the events of a run in which services are started again at these events."""
    services = RestartableServices(server)
    client = await connect(server.url, superuser(server), "test-run")
    for name in SERVICES:
        await services.restart(name)
    await open_run(client, run, scenario)
    events, left = [], dict(restarts)
    async with aclosing(run_events(client, run)) as log:
        async for addressed in log:
            events.append(addressed)
            if name := left.pop((as_record(addressed).type, addressed.event.tick), None):
                await services.restart(name)
    for name in SERVICES:
        await services.stop(name)
    await client.close()
    assert not left
    return events
