"""Questions to a long run: processor time and memory of the commands that read it, each a process with a server of its own.

The log is filled with the events of the driver in memory, as services publish them. A server that starts looks through the ids of messages as
old as the log's window for repeats, ten minutes; so the first question is asked as it is right after a run, the others as they are later.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from nats.aio.client import Client

from benchmarks import loads, rig, sides
from benchmarks.options import Options
from benchmarks.table import Line
from econsim.adapters.jetstream import provision
from econsim.adapters.nats.connection import Outgoing, connect, publish_many
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.execution import in_memory
from econsim.schemas.market import Traded
from econsim.schemas.scenario import Scenario
from econsim.subjects import AUDIT

_T = TypeVar("_T")

REPEATS = 3
PERIODS, PERIODS_QUICK = 155, 15
"""Trading days of a run: 650 events each."""
EVENTS_MAX_S = 0.5
WHY_MAX_S = 1.0
REPORT_MAX_S = 1.9
EXPORT_MAX_S = 1.6
"""A fifth of the 9.3 s and the 7.8 s that build b73e84e took, in turn with this one."""
NO_WINDOW_S = 0.1
"""Shortest window for repeats that a server takes."""
ASKER = (
    "import json, resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
    "used = resource.getrusage(resource.RUSAGE_CHILDREN); "
    "print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))"
)
"""Program that runs a command: a process begins with the memory of the one that starts it, and this one's is small."""
ECONSIM = str(Path(sys.executable).parent / "econsim")


def run(options: Options) -> list[Line]:
    """Fill a log, and ask it with each command in turn."""
    quick = options.quick
    repeats = 1 if quick else REPEATS
    with tempfile.TemporaryDirectory() as directory:
        return asyncio.run(_measured(Path(directory), PERIODS_QUICK if quick else PERIODS, repeats))


async def _measured(directory: Path, periods: int, repeats: int) -> list[Line]:
    state = directory / "state"
    events, trade = await _served(state, partial(_filled, scenario=loads.smith(periods)))
    ask, newest = partial(_ask, state, repeats), "events --type trade_executed --limit 5"
    lines = ask("events, right after the run", newest)
    await _served(state, _forget_ids)
    lines += ask("events", newest, at_most=EVENTS_MAX_S)
    lines += ask("why", f"why {trade}", at_most=WHY_MAX_S)
    lines += ask("report", f"report --output {directory / 'report.html'}", at_most=REPORT_MAX_S)
    lines += ask("export", f"export --parquet {directory / 'tables'}", at_most=EXPORT_MAX_S)
    return [replace(line, note=f"{events:,} events") for line in lines]


async def _served(state: Path, work: Callable[[Client], Awaitable[_T]]) -> _T:
    """Do some work with a server, which ends before any command: each starts its own."""
    async with EmbeddedServer(state) as server:
        client = await connect(server.url, rig.superuser(server.trust), "bench")
        try:
            return await work(client)
        finally:
            await client.close()


async def _forget_ids(client: Client) -> None:
    """Make the log's window for repeats as short as it is long after a run."""
    info = await client.jetstream().stream_info(AUDIT)
    await client.jetstream().update_stream(info.config, duplicate_window=NO_WINDOW_S)


async def _filled(client: Client, scenario: Scenario) -> tuple[int, str]:
    """Make the log and fill it; return the number of events and the id of the last trade."""
    await provision.apply(client)
    return await _fill(client, scenario)


async def _fill(client: Client, scenario: Scenario) -> tuple[int, str]:
    """Publish the events of a run; return their number and the id of the last trade."""
    count, trade = 0, ""
    stream = client.jetstream()
    for window in batched(in_memory.run(scenario, rig.RUN), rig.WINDOW):
        count += len(window)
        await publish_many(stream, [Outgoing(e.subject, e.json(), e.event.event_id) for e in window])
        traded = [e.event.data for e in window if isinstance(e.event.data, Traded)]
        trade = traded[-1].items[-1].trade_id if traded else trade
    return count, trade


def batched(events: Iterator[AddressedEvent], size: int) -> Iterator[list[AddressedEvent]]:
    """Yield events in lists of a size; the last may be shorter."""
    while batch := list(islice(events, size)):
        yield batch


def _ask(state: Path, repeats: int, name: str, command: str, *, at_most: float | None = None) -> list[Line]:
    """Run a command some times; return its processor seconds and its peak memory."""
    found = [_run(state, command) for _ in range(repeats)]
    return [
        Line(f"{name}: processor time", "s", [seconds for seconds, _ in found], at_most=at_most),
        Line(f"{name}: peak memory", "MiB", [peak for _, peak in found]),
    ]


def _run(state: Path, command: str) -> tuple[float, float]:
    """Run a command; return its processor seconds and its peak memory in mebibytes."""
    words = [sys.executable, "-c", ASKER, ECONSIM, "--state", str(state), *command.split()]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=True, env=sides.environment())
    seconds, peak = json.loads(done.stdout)
    return seconds, peak
