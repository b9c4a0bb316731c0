"""Runs in lock-step over NATS by `econsim run`: processor time and stored bytes of an order, a small tick, books in processes.

Processor time is that of the whole tree: the command that watches, the services, the server. To add a row, add a Load.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import loads, rig
from benchmarks.builds import Build
from benchmarks.options import Options
from benchmarks.run_cost import Beyond, beyond
from benchmarks.sides import Reading, Side, compare
from benchmarks.table import Line


@dataclass(frozen=True, slots=True)
class Load:
    """One scenario, measured at two sizes, and what is told of the difference."""

    what: str
    """Name in the table."""
    unit: str
    """Unit of what is told."""
    file: Callable[[int], str]
    """Function of the number of ticks: the scenario file."""
    ticks: int
    """Ticks of the measured run; it is compared with one of a single tick."""
    tell: Callable[[Beyond, int], float]
    """Function of the difference and of its ticks: the value."""
    rounds_max: int = 100
    """Rounds, at most."""
    note: str = ""
    """Conditions."""


def _per_order(found: Beyond, _: int) -> float:
    return found.cpu_s / found.orders * 1e6


def _per_tick(found: Beyond, ticks: int) -> float:
    return found.cpu_s / ticks * 1e3


def _stored(found: Beyond, _: int) -> float:
    return found.stored / found.orders


LOADS = (
    Load("1,000 agents: an order", "µs", partial(loads.crowd_file, 1_000), 20, _per_order),
    Load(
        "1,000 agents: an order in the server's files",
        "B",
        partial(loads.crowd_file, 1_000),
        24,
        _stored,
        rounds_max=1,
        note="the same in each round; the server has not compressed the newest block of a stream yet, up to 8 MiB",
    ),
    Load("10 agents: a tick", "ms", partial(loads.crowd_file, 10), 100, _per_tick),
)
BOOKS, BOOK_AGENTS, BOOK_TICKS = 4, 400, 20
"""Order books, agents that trade on all of them, and ticks of the run whose services are spread over processes."""


def run(options: Options) -> list[Line]:
    """Measure all loads, and the books of this build in one process and in several."""
    return [*(line for load in LOADS for line in _lines(load, options)), *_books(options)]


def _books(options: Options) -> list[Line]:
    """Run books with all services in one process, and with a process for each service, in turn."""
    ticks = BOOK_TICKS // 5 if options.quick else BOOK_TICKS
    sides = [
        Side(name, partial(_read_books, load, ticks))
        for name, load in (("all services in one process", "books"), ("a process each", "books_spread"))
    ]
    return compare(f"{BOOKS} books: an order, all services in one process", "µs", sides, options.turns)


def _read_books(load: str, ticks: int) -> Reading:
    found = rig.child("real", load, BOOK_AGENTS, ticks, BOOKS)
    spent = found["client_cpu_s"] + found["server_cpu_s"]
    return Reading(spent / found["orders"] * 1e6, spent, found["seconds"])


def _lines(load: Load, options: Options) -> list[Line]:
    ticks = max(2, load.ticks // 5) if options.quick else load.ticks
    with TemporaryDirectory() as folder:
        small, large = Path(folder) / "small.toml", Path(folder) / "large.toml"
        small.write_text(load.file(1))
        large.write_text(load.file(ticks))
        sides = [
            Side(build.name, partial(_read, build, load, (small, large), ticks - 1))
            for build in options.builds
        ]
        return compare(load.what, load.unit, sides, min(options.turns, load.rounds_max), load.note)


def _read(build: Build, load: Load, files: tuple[Path, Path], ticks: int) -> Reading:
    found = beyond(build, *files)
    return Reading(load.tell(found, ticks), found.large.cpu_s, found.large.wall_s)
