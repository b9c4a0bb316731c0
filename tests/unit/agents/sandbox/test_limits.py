"""Limits of an agent: they are positive, cannot be raised again, and count a whole tree of processes."""

import os
import resource
import subprocess
import sys

import pytest

from econsim.agents.sandbox import usage
from econsim.agents.sandbox.limits import MachineLimits
from econsim.errors import SetupError

LOWERED = (
    "import resource, sys; from econsim.agents.sandbox.limits import lower_rlimits\n"
    "lower_rlimits({resource.RLIMIT_NOFILE: int(sys.argv[1])}); lower_rlimits({resource.RLIMIT_NOFILE: int(sys.argv[2])})\n"
    "print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
)


@pytest.mark.parametrize("field", ["cpu_s", "memory_bytes", "processes", "wall_s"])
def test_a_limit_that_leaves_nothing_is_named(field):
    with pytest.raises(SetupError, match=f"the limit {field} is 0"):
        MachineLimits(**{field: 0})


def test_the_kernel_holds_each_process_to_them():
    held = MachineLimits(cpu_s=5, memory_bytes=10, open_files=7).process_rlimits()

    assert held[resource.RLIMIT_DATA] == 10
    assert held[resource.RLIMIT_NOFILE] == 7
    assert held[resource.RLIMIT_CPU] > 5
    assert held[resource.RLIMIT_CORE] == 0


@pytest.mark.parametrize(("first", "then"), [(40, 50), (50, 40)])
def test_a_limit_once_lowered_never_rises(first, then):
    command = [sys.executable, "-c", LOWERED, str(first), str(then)]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout == "40 40\n"


def test_a_tree_counts_with_everything_below_it():
    code = "import os, time; os.fork(); os.fork(); print('x', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        for _ in range(4):
            process.stdout.readline()

        used, below = usage.tree_usage(process.pid), usage.descendants(process.pid)
        for pid in (process.pid, *below):
            os.kill(pid, 9)

    assert used.tasks == 4
    assert len(below) == 3
    assert used.memory_bytes > 10_000_000


def test_processor_time_of_children_that_ended_counts():
    code = "import os\nfor _ in range(2):\n  if os.fork() == 0:\n    sum(range(20_000_000)); os._exit(0)\n  os.wait()\nprint(); input()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe) as process:
        process.stdout.readline()
        used = usage.tree_usage(process.pid)
        process.communicate(b"\n")

    assert used.cpu_s > 0.05
    assert used.tasks == 1


def test_a_process_that_is_gone_uses_nothing():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()

    assert usage.tree_usage(process.pid) == usage.Usage()
    assert usage.scratch_usage(process.pid) == usage.Usage()
