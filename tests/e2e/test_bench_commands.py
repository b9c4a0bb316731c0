"""`econsim bench` as its users run it: a batch that is killed is resumed, and each of its cells is run once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from bench_builders import TRADES

PROGRAM = [sys.executable, "-m", "econsim"]

SCENARIO = """
name = "long"
[clock]
periods = {periods}
ticks_per_period = 100
[[markets]]
resource = "good"
[[agents]]
name = "buyer"
policy = "zi_c"
count = 10
credits = 100
roles = [{{ resource = "good", side = "bid", first = 3.0, last = 1.0 }}]
[[agents]]
name = "seller"
policy = "zi_c"
count = 10
credits = 100
roles = [{{ resource = "good", side = "ask", first = 1.0, last = 3.0 }}]
[[expectations]]
form = "happens"
event = {{ type = "{type}" }}
within = {{ ticks = 100 }}
"""


@pytest.fixture
def bench(tmp_path):
    """Return the words that start `econsim bench`, and the directory of batch `b`."""
    state = tmp_path / "state"
    return [*PROGRAM, "--state", str(state), "bench"], state / "bench" / "b"


@pytest.fixture
def scenario(tmp_path):
    def write(periods):
        path = tmp_path / "long.toml"
        path.write_text(SCENARIO.format(periods=periods, type=TRADES["event"]["type"]))
        return str(path)

    return write


def kill_when(words, reached) -> None:
    """Start a command, and kill it with everything it started once `reached()` is true."""
    process = subprocess.Popen(
        words, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        while not reached():
            assert process.poll() is None, "the command ended before it could be killed"
            time.sleep(0.01)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


def numbers(directory):
    """Return the numbers of the cells in the file of results."""
    path = directory / "cells.jsonl"
    return [json.loads(line)["number"] for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.slow
def test_a_batch_in_memory_that_is_killed_goes_on_behind_its_last_result(bench, scenario) -> None:
    words, directory = bench
    run = [
        *words,
        "run",
        scenario(2),
        "--transport",
        "memory",
        "--seeds",
        "1..12",
        "--jobs",
        "1",
        "--name",
        "b",
    ]

    kill_when(run, lambda: len(numbers(directory)) >= 3)
    with (directory / "cells.jsonl").open("a") as file:
        file.write('{"number":12,"tre')
    resumed = subprocess.run(
        [*words, "resume", "b", "--jobs", "1"], capture_output=True, text=True, check=False
    )

    assert resumed.returncode == 0, resumed.stderr
    assert sorted(numbers(directory)) == [*range(1, 13)]
    assert "12 of 12 runs passed" in resumed.stdout


@pytest.mark.nats
def test_a_batch_over_nats_that_is_killed_goes_on_with_its_open_run(bench, scenario) -> None:
    words, directory = bench
    run = [*words, "run", scenario(12), "--seeds", "1..2", "--name", "b"]

    kill_when(run, lambda: numbers(directory) == [1])
    resumed = subprocess.run([*words, "resume", "b"], capture_output=True, text=True, check=False)
    cleaned = subprocess.run([*words, "gc"], capture_output=True, text=True, check=False)

    assert resumed.returncode == 0, resumed.stderr
    assert numbers(directory) == [1, 2]
    assert "0 streams deleted" in cleaned.stdout
