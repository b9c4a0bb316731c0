"""Files beside the bare object store: a write and a read of 1 MiB, and a listing of ten thousand small files.

The server, the clock, the ledger, the workspace service and the agent are processes of their own. The agent writes in its own
account and then puts the same content into an object store by the client library's own functions, in turn.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

from nats.aio.client import Client
from nats.js.object_store import ObjectStore

from benchmarks import loads, rig
from benchmarks.options import Options
from benchmarks.table import Line
from econsim.adapters.jetstream.quota_table import KeyQuotaTable
from econsim.adapters.nats.connection import connect
from econsim.adapters.poll import Poll
from econsim.agents.channel import AgentChannel
from econsim.agents.workspace import WorkspaceService
from econsim.app import Server
from econsim.errors import EconsimError
from econsim.runs.launch.agent_accounts import ensure_accounts
from econsim.runs.launch.processes import spread
from econsim.runs.remote import open_run
from econsim.schemas.quota import QuotaUpdate

REPEATS = 5
TURNS = 20
"""Files of each kind in one repetition."""
MEBIBYTE = 2**20
SMALL_FILES = 10_000
AT_ONCE = 32
PLENTY = 10**12
RATIO_MIN = 0.5
LIST_MAX_S = 1.0
POLL_S = 0.05


def run(options: Options) -> list[Line]:
    """Measure both."""
    return asyncio.run(
        _run(1, TURNS // 4, SMALL_FILES // 10) if options.quick else _run(REPEATS, TURNS, SMALL_FILES)
    )


async def _run(repeats: int, turns: int, files: int) -> list[Line]:
    async with _agent() as (service, bare):
        await _turns(service, bare, 3)
        rates = [await _turns(service, bare, turns) for _ in range(repeats)]
        await _fill(service, files)
        lists = [await _list(service, files) for _ in range(repeats)]
    ours, theirs = [[2 / seconds for seconds in each] for each in zip(*rates, strict=True)]
    return [
        Line("bare object store, write and read of 1 MiB", "MiB/s", theirs, note="the client library's own"),
        Line("workspace, write and read of 1 MiB", "MiB/s", ours, note="from the agent's own account"),
        Line(
            "workspace in bare object stores",
            "",
            [mine / other for mine, other in zip(ours, theirs, strict=True)],
            at_least=RATIO_MIN,
        ),
        Line(f"listing of {files:,} small files", "s", lists, at_most=LIST_MAX_S),
    ]


async def _turns(service: WorkspaceService, bare: ObjectStore, turns: int) -> tuple[float, float]:
    """Return the seconds of a write and a read, of both kinds in turn: the median of each."""
    ours: list[float] = []
    theirs: list[float] = []
    for turn in range(turns):
        content = os.urandom(MEBIBYTE)
        started = perf_counter()
        await service.write(f"large/{turn}", content)
        assert await service.read(f"large/{turn}") == content
        ours.append(perf_counter() - started)
        started = perf_counter()
        await bare.put(f"{turn}", content)
        assert (await bare.get(f"{turn}")).data == content
        theirs.append(perf_counter() - started)
    return median(ours), median(theirs)


async def _fill(service: WorkspaceService, files: int) -> None:
    """Write small files, some at once."""

    async def some(first: int) -> None:
        for number in range(first, files, AT_ONCE):
            await service.write(f"small/{number:05}.txt", f"file {number}")

    async with asyncio.TaskGroup() as group:
        for first in range(AT_ONCE):
            group.create_task(some(first))


async def _list(service: WorkspaceService, files: int) -> float:
    started = perf_counter()
    assert len(await service.list_files("small")) == files
    return perf_counter() - started


@asynccontextmanager
async def _agent() -> AsyncIterator[tuple[WorkspaceService, ObjectStore]]:
    """Start a server and services, open a run; yield an agent's files and a bare object store."""
    async with AsyncExitStack() as stack:
        state = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server, client = await stack.enter_async_context(rig.private_server())
        where = Server(server.url, server.creds, server.trust)
        await stack.enter_async_context(spread(("clock", "ledger", "workspace"), where, state, print))
        scenario = loads.externals(2, 1)
        account, *_ = await ensure_accounts(where, rig.RUN, scenario)
        update = QuotaUpdate(max_publish_rate=PLENTY, max_workspace_bytes=PLENTY, max_kv_keys=PLENTY)
        await open_run(client, rig.RUN, scenario)
        await KeyQuotaTable(client).change(rig.RUN, None, update)
        own = await connect(server.url, account.creds, "bench-agent")
        stack.push_async_callback(own.close)
        service = WorkspaceService(AgentChannel(own, rig.RUN, account.agent))
        await _wait(service)
        yield service, await _object_store(client)


async def _object_store(client: Client) -> ObjectStore:
    return await client.jetstream().create_object_store("bare")


async def _wait(service: WorkspaceService) -> None:
    async for _ in Poll(POLL_S):
        try:
            await service.list_files()
        except EconsimError:
            continue
        return
