"""Questions to a long run: processor time and memory of the commands that read it, each a process of its own.

The log is filled with the events of the driver in memory, as services publish them.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from nats.aio.client import Client

from benchmarks import loads, rig
from benchmarks.options import Options
from benchmarks.table import Line
from econsim.adapters.jetstream import provision
from econsim.adapters.nats.connection import Outgoing, connect, publish_many
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.execution import in_memory
from econsim.schemas.market import Traded
from econsim.schemas.scenario import Scenario

REPEATS = 3
PERIODS, PERIODS_QUICK = 155, 15
"""Trading days of a run: 650 events each."""
EVENTS_MAX_S = 0.5
WHY_MAX_S = 1.0
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
    async with EmbeddedServer(directory / "state") as server:
        client = await connect(server.url, rig.superuser(server.trust), "bench")
        await provision.apply(client)
        events, trade = await _fill(client, loads.smith(periods))
        await client.close()
        commands = {
            "events --type trade_executed --limit 5": (EVENTS_MAX_S, ()),
            f"why {trade}": (WHY_MAX_S, ()),
            "report": (None, ("--output", str(directory / "report.html"))),
            "export": (None, ("--parquet", str(directory / "tables"))),
        }
        lines = []
        for command, (most, options) in commands.items():
            found = [
                await asyncio.to_thread(_ask, directory / "state", command, options) for _ in range(repeats)
            ]
            note, name = f"{events:,} events", command.split()[0]
            lines += [
                Line(f"{name}: processor time", "s", [cpu for cpu, _ in found], at_most=most, note=note),
                Line(f"{name}: peak memory", "MiB", [peak for _, peak in found], note=note),
            ]
        return lines


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


def _ask(state: Path, command: str, options: tuple[str, ...]) -> tuple[float, float]:
    """Run a command; return its processor seconds and its peak memory in mebibytes."""
    words = [sys.executable, "-c", ASKER, ECONSIM, "--state", str(state), *command.split(), *options]
    seconds, peak = json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)
    return seconds, peak
