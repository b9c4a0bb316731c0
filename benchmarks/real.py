"""One real run in a process of its own: server, all services, a light observer; prints JSON.

`python -m benchmarks.real crowd AGENTS TICKS [TRACE]` in lock-step; `… thinkers AGENTS TICKS` with agents that ask
`rules` at every tick; `… crowd_without_cognition AGENTS TICKS` without the service that answers them;
`… books AGENTS TICKS BOOKS` on several books, `… books_spread AGENTS TICKS BOOKS` with a process for each service; or
`… orders COUNT [TRACE]` for single orders in real time. With TRACE, everything published is recorded there, which costs time.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from nats.aio.client import Client

from benchmarks import loads, rig
from benchmarks.trace import recording
from econsim import subjects
from econsim.adapters.jetstream.audit_log import follow
from econsim.adapters.nats.rpc import ask
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.app import Server
from econsim.domain.audit.decoding import decode
from econsim.routers import SERVICES
from econsim.runs.launch import processes
from econsim.runs.remote import open_run
from econsim.schemas.clock import PeriodOpened, RunClosed, Ticked
from econsim.schemas.ledger import Balance, GetBalance
from econsim.schemas.market import TickCleared
from econsim.schemas.scenario import Scenario

OBSERVED = (
    subjects.PERIOD_OPENED(run=rig.RUN),
    subjects.TICKED(run=rig.RUN),
    subjects.RUN_CLOSED(run=rig.RUN),
    subjects.TICK_CLEARED.pattern(run=rig.RUN),
)
"""Enough to time a run without decoding its orders and its thoughts."""

LOCK_STEP = {"crowd": "zi_c", "thinkers": "llm", "crowd_without_cognition": "zi_c"}
"""Load in lock-step → policy of its agents."""

AGENTS = 100
"""External agents of the real-time load."""


async def lock_step(
    server: EmbeddedServer, client: Client, scenario: Scenario, services: Collection[int] = ()
) -> dict[str, Any]:
    """Run a scenario; return orders, trades, and times from its first tick to its journal in the log."""
    orders = trades = 0
    moments: list[float] = []
    await open_run(client, rig.RUN, scenario)
    watch = rig.Watch.start(server, services)
    async with aclosing(follow(client, rig.RUN, OBSERVED)) as events:
        async for stored in events:
            data = decode(stored.subject, stored.payload).event.data
            if isinstance(data, Ticked):
                watch = watch if moments else rig.Watch.start(server, services)
                moments.append(perf_counter())
            elif isinstance(data, TickCleared):
                orders, trades = orders + data.orders, trades + data.trades
            elif isinstance(data, RunClosed):
                moments.append(perf_counter())
                await rig.journal_in_log(client, rig.has_sequence(data.journal_sequence))
                break
    ticks = [after - before for before, after in pairwise(moments)]
    return watch.read() | {"orders": orders, "trades": trades, "ticks": ticks}


async def real_time(server: EmbeddedServer, client: Client, scenario: Scenario, count: int) -> dict[str, Any]:
    """Send single orders; return times from the first to the last settled trade in the log."""
    orders = trades = 0
    messages = loads.orders(scenario, rig.RUN, count)
    await open_run(client, rig.RUN, scenario)
    sending: asyncio.Task[None] | None = None
    async with aclosing(follow(client, rig.RUN, OBSERVED)) as events:
        async for stored in events:
            data = decode(stored.subject, stored.payload).event.data
            if isinstance(data, PeriodOpened):
                watch = rig.Watch.start(server)
                sending = asyncio.create_task(rig.pour(client.jetstream(), messages))
            elif isinstance(data, TickCleared):
                orders, trades = orders + data.orders, trades + data.trades
                if orders == count:
                    break
    assert sending
    await sending
    subject = subjects.GET_BALANCE(run=rig.RUN, agent="buyer_001")
    balance = await ask(client, subject, GetBalance(), Balance)
    await rig.journal_in_log(client, rig.has_sequence(balance.sequence))
    return watch.read() | {"orders": orders, "trades": trades}


@asynccontextmanager
async def _services(
    server: EmbeddedServer, without: Collection[str], *, spread: bool
) -> AsyncIterator[Collection[int]]:
    """Run the services in this process, or each in one of its own; return the ids of those processes."""
    if not spread:
        async with rig.all_services(server, without):
            yield ()
        return
    with TemporaryDirectory() as state:
        async with processes.spread(
            tuple(SERVICES), Server(server.url, server.creds), Path(state), print
        ) as found:
            while len(found.running) < len(SERVICES):
                await asyncio.sleep(0.01)
            yield tuple(process.pid for process in found.running.values())


async def main(load: str, numbers: list[int], trace: Path | None) -> None:
    """Run one load and print what was measured."""
    async with AsyncExitStack() as stack:
        server, client = await stack.enter_async_context(rig.private_server())
        if trace:
            await stack.enter_async_context(recording(server, trace))
        without = ("cognition",) if load == "crowd_without_cognition" else ()
        pids = await stack.enter_async_context(_services(server, without, spread=load == "books_spread"))
        if load.startswith("books"):
            agents, ticks, books = numbers
            scenario = loads.crowd(agents, ticks, markets=books)
            found = await lock_step(server, client, scenario, pids)
        elif load in LOCK_STEP:
            found = await lock_step(server, client, loads.crowd(*numbers, LOCK_STEP[load]))
        else:
            scenario = loads.externals(AGENTS, numbers[0] // AGENTS + 1)
            found = await real_time(server, client, scenario, numbers[0])
        found["memory_mib"] = rig.peak_mebibytes(os.getpid(), server.pid)
    print(json.dumps(found))


if __name__ == "__main__":
    words = sys.argv[2:]
    wanted = [int(word) for word in words if word.isdigit()]
    asyncio.run(main(sys.argv[1], wanted, next((Path(w) for w in words if not w.isdigit()), None)))
