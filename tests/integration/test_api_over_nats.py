"""`econsim.run(transport="nats")` starts what it needs beside the caller's loop, stops it again, and gives the run in memory."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from run_builders import small_scenario

import econsim
from econsim.adapters.server import state_directory
from econsim.errors import Refused

pytestmark = pytest.mark.nats


async def test_a_run_beside_a_running_loop_is_the_run_in_memory(tmp_path):
    threads = threading.active_count()

    found = econsim.run(small_scenario(), transport="nats", name="one", state=tmp_path)

    alone = econsim.run(small_scenario(), name="one")
    assert (found.name, found.hash) == ("one", alone.hash)
    assert found.trades["trade_id"] == alone.trades["trade_id"]
    assert found.figures.kept_until
    assert state_directory.running_url(tmp_path) is None
    assert threading.active_count() <= threads
    assert asyncio.get_running_loop().is_running()


def test_runs_of_several_threads_share_a_server(tmp_path):
    def run(seed):
        return econsim.run(small_scenario(), seed=seed, transport="nats", name=f"run_{seed}", state=tmp_path)

    with ThreadPoolExecutor(3) as pool:
        found = [*pool.map(run, [1, 2, 3])]

    assert [each.hash for each in found] == [
        econsim.run(small_scenario(), seed=seed).hash for seed in (1, 2, 3)
    ]
    assert state_directory.running_url(tmp_path) is None


def test_a_name_of_another_run_is_refused_and_the_server_is_stopped(tmp_path):
    econsim.run(small_scenario(), transport="nats", name="one", state=tmp_path)

    with pytest.raises(Refused, match="one"):
        econsim.run(small_scenario(), seed=99, transport="nats", name="one", state=tmp_path)

    assert state_directory.running_url(tmp_path) is None


def test_an_interrupt_stops_the_run_and_what_was_started(tmp_path):
    code = f"""
import asyncio, os, signal, threading, econsim
from contextlib import suppress
from pathlib import Path
from econsim import subjects
from econsim.adapters.jetstream.run_reader import newest, reader
from econsim.adapters.nats.connection import connect
from econsim.adapters.server import state_directory

STATE = Path({str(tmp_path)!r})

async def wait_for_a_tick():
    while not (url := state_directory.running_url(STATE)):
        await asyncio.sleep(0.05)
    client = await connect(url, reader(STATE / "trust" / "creds" / "observer.creds"), "test")
    ticked = None
    while not ticked:
        await asyncio.sleep(0.05)
        with suppress(Exception):  # until the server has its streams
            ticked = await newest(client, subjects.TICKED(run="long"))
    await client.close()

def interrupt():
    asyncio.run(wait_for_a_tick())
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=interrupt, daemon=True).start()
try:
    econsim.run("smith1962", periods=100_000, transport="nats", name="long", state=STATE)
except KeyboardInterrupt:
    print("interrupted", state_directory.running_url(STATE), flush=True)
"""

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False
    )

    assert done.stdout.split() == ["interrupted", "None"], done.stderr
    assert "resume long" in done.stderr
