"""How much it takes to start: the command line, the package, small runs, a worker's modules, a market up to its first trade."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import perf_counter

from benchmarks import loads, rig
from benchmarks.builds import Build
from benchmarks.options import Options
from benchmarks.sides import Reading, Side, compare, environment, spend
from benchmarks.table import Line
from econsim import subjects
from econsim.adapters.clock import unix_seconds
from econsim.adapters.nats.connection import connect
from econsim.adapters.server import state_directory
from econsim.identity.trust_root import Trust

HELP_MAX_S = 0.5
IMPORT_MAX_S = 0.15
BEYOND_MAX_S = 0.5
TRADE_MAX_S = 2.0
WORKER = "import econsim.app; econsim.app.market"
"""What `faststream run econsim.app:market` does before it connects."""
MARKET = "smith1962"
ENGINE = f"""
from time import process_time
from econsim.api.running import run
run({MARKET!r}, periods=1)
started = process_time()
run({MARKET!r})
print(process_time() - started)
"""
"""Prints the processor seconds of the run itself, figures and hash included, once everything is loaded."""


def run(options: Options) -> list[Line]:
    """Measure each, of all builds, in processes of their own."""
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder) / "small.toml"
        small.write_text(loads.crowd_file(10, 5))
        commands = {
            "econsim --help": lambda build: build.econsim("--help"),
            "5 ticks of 10 agents in memory, with report": lambda build: build.econsim(
                "run", small, "--transport", "memory"
            ),
            "a worker's modules": lambda build: [build.python, "-c", WORKER],
        }
        for command in commands.values():  # once before, so that bytecode and files are in their caches
            for build in options.builds:
                spend(command(build))
        lines = [
            line
            for what, command in commands.items()
            for line in compare(
                what,
                "CPU s",
                [Side(build.name, partial(_whole, command(build))) for build in options.builds],
                options.turns,
            )
        ]
    lines += _goals(options.turns)
    lines.append(
        Line(
            "first trade of econsim run genesis",
            "s",
            [asyncio.run(_first_trade(Build.this())) for _ in range(options.turns)],
            at_most=TRADE_MAX_S,
            note="in an empty directory; wall time",
        )
    )
    return lines


def _goals(turns: int) -> list[Line]:
    """Measure what has a goal of its own: importing econsim, and a run in memory beyond the run itself."""
    build = Build.this()
    importing, running = [build.python, "-c", "import econsim"], [build.python, "-c", ENGINE]
    command = build.econsim("run", MARKET, "--transport", "memory", "--no-report", "--seed", "1962")
    imports, beyond = [], []
    for warm in (importing, running, command):  # bytecode and files, as above
        spend(warm)
    for _ in range(turns):
        imports.append(spend(importing).cpu_s)
        beyond.append(spend(command).cpu_s - float(spend(running).output))
    return [
        Line(
            "import econsim",
            "CPU s",
            imports,
            at_most=IMPORT_MAX_S,
            note="interpreter included",
            remedy="import what is heavy where it is used",
        ),
        Line(
            f"econsim run {MARKET} --transport memory --no-report, beyond the run",
            "CPU s",
            beyond,
            at_most=BEYOND_MAX_S,
            note="less the run itself, in turn in a process that has loaded everything",
            remedy="import what is heavy where it is used",
        ),
    ]


def _whole(command: list[str | Path]) -> Reading:
    spent = spend(command)
    return Reading(spent.cpu_s, spent.cpu_s, spent.wall_s)


async def _first_trade(build: Build) -> float:
    """Start a run in a directory of its own, and listen beside it for the first trade."""
    with tempfile.TemporaryDirectory() as directory:
        state, started = Path(directory) / "state", perf_counter()
        process = await asyncio.create_subprocess_exec(
            *build.econsim("run", "genesis"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=directory,
            env=environment() | {"ECONSIM_STATE": str(state)},
        )
        try:
            async with asyncio.timeout(60):
                return await _first_trade_time(state) - started
        finally:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)  # as Ctrl-C: the command stops its server
            await process.wait()


async def _first_trade_time(state: Path) -> float:
    """Return the time of the first trade on the server of a state directory."""
    while (url := await asyncio.to_thread(_url, state)) is None:
        await asyncio.sleep(0.01)
    client = await connect(url, rig.superuser(Trust.open(state, unix_seconds)), "bench-listener")
    try:
        trades = await client.subscribe(subjects.TRADE_EXECUTED.pattern())
        await trades.next_msg(timeout=60)
        return perf_counter()
    finally:
        await client.close()


def _url(state: Path) -> str | None:
    return state_directory.running_url(state) if state.exists() else None
