"""One cell over NATS: the run's own stream before its first event, an observer beside it, agents with the run's id.

Life cycle: credentials for this run alone are made, the stream is created, the observer starts to read it, the run is opened, and
agents of the batch are started with the run's id in their environment. The result is the observer's. A process that is killed leaves
the stream and the open run; the same cell, run again by its batch, goes on with both.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Executor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from nats.aio.client import Client

from econsim import subjects
from econsim.adapters.jetstream.direct_get import get_last, last_sequence
from econsim.adapters.jetstream.provision import NotThere, request, stream_config
from econsim.adapters.nats.connection import connect
from econsim.agents.sandbox.process import Sandbox
from econsim.agents.sandbox.spec import AgentSpec, Isolation
from econsim.app import Server
from econsim.errors import Conflict, SetupError
from econsim.evaluation.bench.observer import observe
from econsim.evaluation.bench.plan import Cell, scenario_of
from econsim.evaluation.bench.results import CellResult
from econsim.identity.agent_credentials import find_account
from econsim.identity.private_files import private_directory
from econsim.identity.roles import BENCHMARK, VALIDATOR
from econsim.runs.launch.services import Notify
from econsim.runs.remote import execution_of, run_connection
from econsim.streams.benchmarks import STREAM_PREFIX, benchmark_stream
from econsim.subjects import AUDIT

_NAME_IN_USE: Final = "10058"
"""The server's code for a stream of that name with another configuration."""


@dataclass(frozen=True, slots=True)
class LiveBatch:
    """Server, observers and agents that the cells of a batch over NATS share."""

    name: str
    """Name of the batch."""
    server: Server
    """Server and its trust root."""
    observers: Executor
    """Processes in which observers run."""
    notify: Notify
    """Shows a sentence to people."""
    agents: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """External agent → program and arguments, started for each run."""
    isolation: Isolation = Isolation.NAMESPACES
    """Isolation of these agents."""
    resumed: bool = False
    """True if runs of this batch may be there from before."""


async def run_live(batch: LiveBatch, scenario: str, cell: Cell) -> CellResult:
    """Run a cell over NATS and return its result.

    Raises Conflict if the log has a run of its id that is not this batch's, SetupError without the server's trust root.
    """
    run, found = cell.run(batch.name), scenario_of(scenario, cell.seed)
    async with AsyncExitStack() as stack:
        keys = await stack.enter_async_context(_run_keys(batch.server, batch.name, run))
        maker = await connect(batch.server.url, keys[BENCHMARK], "econsim-bench")
        stack.push_async_callback(maker.close)
        await create_stream(maker, run, resumed=batch.resumed)
        execution = execution_of(batch.server, found)
        connection = run_connection(batch.server, run, found, execution=execution)
        observing = asyncio.get_running_loop().run_in_executor(
            batch.observers, observe, batch.server.url, keys[VALIDATOR], run, scenario, cell
        )
        try:
            async with connection, _agents(batch, run):
                return await observing
        finally:
            observing.cancel()


async def create_stream(client: Client, run: str, *, resumed: bool = False) -> None:
    """Create the stream of a run before its first event; a batch that is resumed finds the one it made, or makes it again.

    The run names its batch, so that no other one made it. Raises Conflict if the run, or a stream of it, was there before.
    """
    name = STREAM_PREFIX + run
    try:
        await request(client, f"STREAM.INFO.{name}")
    except NotThere:
        pass
    else:
        if resumed:
            return
        raise _run_conflict(run)
    opened = await get_last(client, AUDIT, subjects.RUN_OPENED(run=run))
    if opened and not resumed:
        raise _run_conflict(run)
    stream = benchmark_stream(run, opened.sequence if opened else await last_sequence(client, AUDIT) + 1)
    try:
        await request(client, f"STREAM.CREATE.{name}", stream_config(stream, await _copies(client)))
    except SetupError as error:
        if str(error.details.get("err_code")) == _NAME_IN_USE:
            raise _run_conflict(run) from None
        raise


async def _copies(client: Client) -> int:
    """Return the number of copies that the log has: a stream of a run has as many."""
    info: Any = await request(client, f"STREAM.INFO.{AUDIT}")
    return int(info["config"]["num_replicas"])


def _run_conflict(run: str) -> Conflict:
    message = f"there is a run {run!r} already; give the batch another name with --name"
    return Conflict(message, code="run_exists")


@asynccontextmanager
async def _run_keys(server: Server, batch: str, run: str) -> AsyncIterator[Mapping[str, Path]]:
    """Provide credentials for one run alone, by role; they are deleted at the end."""
    directory = keys_directory(server, f"{batch}-{run}-{os.getpid()}")
    try:
        yield {role: grant(server, role, run, directory) for role in (BENCHMARK, VALIDATOR)}
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def keys_directory(server: Server, name: str) -> Path:
    """Make a private directory for credentials of benchmarks; raises SetupError without the server's trust root."""
    if server.trust is None:
        message = (
            "credentials for the stream of a run are made with the server's trust root, which is not here: run the benchmark "
            "where the server was started, or in memory with --transport memory"
        )
        raise SetupError(message)
    return private_directory(server.trust.directory / "benchmarks" / name)


def grant(server: Server, role: str, run: str, directory: Path) -> Path:
    """Write credentials of a role for one run; return their file."""
    assert server.trust is not None
    path = directory / f"{role}.creds"
    server.trust.grant(run, role, path)
    return path


@asynccontextmanager
async def _agents(batch: LiveBatch, run: str) -> AsyncIterator[None]:
    """Run the agents of a batch for the time of the context; each finds the run's id in its environment."""
    async with AsyncExitStack() as stack:
        for name, command in batch.agents.items():
            assert batch.server.trust is not None
            spec = AgentSpec(
                run=run,
                agent=name,
                command=command,
                server=batch.server.url,
                creds=find_account(batch.server.trust, run, name).creds,
                directory=Path.cwd(),
                secrets=(batch.server.trust.directory.parent,),
                isolation=batch.isolation,
            )
            await stack.enter_async_context(Sandbox(spec, partial(_tell, batch.notify, name)))
        yield


def _tell(notify: Notify, agent: str, line: str) -> None:
    notify(f"{agent}: {line}")
