"""One measure of several sides, in turn: this build, an earlier one, a peer.

Every reading is of fresh processes. A round reads each side once, and every other round in the reverse order, so that
what else the machine does meets all of them. Processor time is that of the whole tree: the command and all it started
and waited for.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from benchmarks.table import Line


@dataclass(frozen=True, slots=True)
class Reading:
    """What one run of a measure found."""

    value: float
    """Value, in the unit of the row."""
    cpu_s: float
    """Processor seconds of the tree of processes."""
    wall_s: float
    """Seconds that passed."""


@dataclass(frozen=True, slots=True)
class Side:
    """Somebody to measure."""

    name: str
    """Name in the table."""
    read: Callable[[], Reading]
    """Function that takes one reading."""
    goal: float | None = None
    """Times our value that this side's should be, at least."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What one command cost."""

    cpu_s: float
    """Processor seconds of the tree of processes."""
    wall_s: float
    """Seconds that passed."""
    output: str
    """What it printed."""


def spend(command: Sequence[str | Path], folder: Path | None = None) -> Spent:
    """Run a command to its end in a folder, which is an empty one if none is named; raises RuntimeError if it fails."""
    with tempfile.TemporaryDirectory() as empty:
        started = perf_counter()
        with subprocess.Popen(
            [str(word) for word in command],
            cwd=folder or empty,
            env=environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            assert process.stdout
            output = process.stdout.read()
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        passed = perf_counter() - started
    if process.returncode:
        message = f"{' '.join(map(str, command))} ended with status {process.returncode}: {output[-2_000:]}"
        raise RuntimeError(message)
    return Spent(used.ru_utime + used.ru_stime, passed, output)


def environment() -> dict[str, str]:
    """Return the environment of what is measured: settings of econsim left out, and bytecode kept, as for anybody."""
    dropped = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH")
    return {
        name: value
        for name, value in os.environ.items()
        if name not in dropped and not name.startswith("ECONSIM_")
    } | {"COLUMNS": "200"}


def in_turn(sides: Sequence[Side], rounds: int) -> Mapping[str, list[Reading]]:
    """Return the readings of each side."""
    found: dict[str, list[Reading]] = {side.name: [] for side in sides}
    for number in range(rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            found[side.name].append(side.read())
    return found


def compare(what: str, unit: str, sides: Sequence[Side], rounds: int, note: str = "") -> list[Line]:
    """Return a line for each side beside the first one, or a line of the first alone if there is no other."""
    print(f"  {what}: {', '.join(side.name for side in sides)}", file=sys.stderr)
    own, *others = sides
    found = in_turn(sides, rounds)
    ours = found[own.name]
    return [
        Line(
            what,
            unit,
            [each.value for each in ours],
            note=note,
            beside=other.name if other else "",
            beside_values=[each.value for each in found[other.name]] if other else (),
            ratio_at_least=other.goal if other else None,
            cpu_s=[each.cpu_s for each in ours],
            wall_s=[each.wall_s for each in ours],
        )
        for other in others or [None]
    ]
