"""How soon the command line answers, and how soon a market trades after `econsim run`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from time import perf_counter

from benchmarks import rig
from benchmarks.table import Line
from econsim import subjects
from econsim.adapters.clock import unix_seconds
from econsim.adapters.nats.connection import connect
from econsim.adapters.server import state_directory
from econsim.identity.trust_root import Trust

REPEATS = 5
HELP_MAX_S = 0.5
TRADE_MAX_S = 5.0
ECONSIM = (str(Path(sys.executable).parent / "econsim"),)
"""The installed command, as people call it: `python -m` loads more."""


def run(*, quick: bool) -> list[Line]:
    """Measure both, each in processes of its own."""
    repeats = 1 if quick else REPEATS
    helped = [asyncio.run(_help()) for _ in range(repeats)]
    traded = [asyncio.run(_first_trade()) for _ in range(repeats)]
    return [
        Line("econsim --help", "s", helped, at_most=HELP_MAX_S, note="whole process"),
        Line(
            "first trade of econsim run genesis",
            "s",
            traded,
            at_most=TRADE_MAX_S,
            note="in an empty directory",
        ),
    ]


async def _help() -> float:
    started = perf_counter()
    process = await asyncio.create_subprocess_exec(*ECONSIM, "--help", stdout=asyncio.subprocess.DEVNULL)
    assert await process.wait() == 0
    return perf_counter() - started


async def _first_trade() -> float:
    """Start a run in a directory of its own, and listen beside it for the first trade."""
    with tempfile.TemporaryDirectory() as directory:
        state, started = Path(directory) / "state", perf_counter()
        process = await asyncio.create_subprocess_exec(
            *ECONSIM,
            "run",
            "genesis",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=directory,
            env=os.environ | {"ECONSIM_STATE": str(state)},
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
