"""Runs in memory: what an order costs in processor time, by the driver alone, with hash and figures, and as `econsim run` has it, with the report.

Beside them, in turn: an earlier build (`--against`), and the peers' markets of the same size. To add a row, add a Load.
Goals are ratios of the driver's cost: to that of the build that had one driver for all runs, to that of a peer, and to its own in a small crowd.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks import loads, peers
from benchmarks.options import Options
from benchmarks.run_cost import an_order
from benchmarks.sides import Reading, Side, compare
from benchmarks.table import Line

REFERENCE: Final = "b73e84e"
"""Build that goals refer to: the last one without a driver for coded agents (decision 0043)."""

DRIVER_GOAL, RECORDED_GOAL = 8, 5
"""Times the driver's cost, alone and with hash and figures, that the cost of that build is, at least."""

CROWDS: Final = (100, 1_000, 10_000, 20_000)
CROWD_TICKS: Final = 20
FLAT_WITHIN: Final = 1.5
"""Sizes of crowds, ticks of their only period, and how many times the cost of the smallest the others' are, at most."""


@dataclass(frozen=True, slots=True)
class Load:
    """One market: what an order costs from the first tick on, and in a run of `econsim run` beyond a small one."""

    what: str
    """Name in the table."""
    file: Callable[[int], str]
    """Function of the size: the scenario file."""
    size: int
    """Size of the run that the driver does."""
    command_size: int | None = None
    """Size of the run of `econsim run`, compared with one of size 1, whose start must be little beside it; none to leave it out."""
    has_goals: bool = False
    """True if the goals beside the reference hold for this market."""
    bse: tuple[str, int, int, int, float | None] | None = None
    """Same market of the Bristol Stock Exchange: kind, traders, periods, seconds a period, and times our cost that its is, at least."""
    abides_until: str = ""
    """Time of day until which a simulation of ABIDES is measured beside it; empty for none."""


LOADS = (
    Load(
        "22 traders, Smith's rules",
        loads.smith_file,
        30,
        60,
        has_goals=True,
        bse=("ZIC", 22, 50, 30, 1 / 1.3),
    ),
    Load(
        "22 ZIC traders",
        lambda n: loads.crowd_file(22, 40, periods=n, units=1),
        20,
        bse=("ZIC", 22, 50, 30, 1 / 1.3),
    ),
    Load(
        "22 ZIP traders",
        lambda n: loads.crowd_file(22, 40, "zip", periods=n, units=1),
        20,
        bse=("ZIP", 22, 25, 30, None),
    ),
    Load(
        "1,000 ZIC traders",
        partial(loads.crowd_file, 1_000),
        20,
        60,
        has_goals=True,
        bse=("ZIC", 1_000, 3, 2, 1 / 0.02),
        abides_until="10:00:00",
    ),
)


def run(options: Options) -> list[Line]:
    """Measure all loads, and how the cost of an order changes with the number of traders."""
    return [*(line for load in LOADS for line in _lines(load, options)), *_crowds(options)]


def _lines(load: Load, options: Options) -> Iterator[Line]:
    share = 5 if options.quick else 1
    with TemporaryDirectory() as folder:
        scenario = Path(folder) / "scenario.toml"
        scenario.write_text(load.file(max(2, load.size // share)))
        alone = _builds(load, options, DRIVER_GOAL, scenario)
        if load.bse and options.bse:
            alone.append(peers.bse(options.bse, *load.bse))
        if load.abides_until and options.abides:
            alone.append(peers.abides(options.abides, load.abides_until))
        yield from compare(f"{load.what}: an order, driver alone", "µs", alone, options.turns)
        recorded = _builds(load, options, RECORDED_GOAL, scenario, "recorded")
        yield from compare(f"{load.what}: an order with hash and figures", "µs", recorded, options.turns)
        if load.command_size:
            small, large = Path(folder) / "small.toml", Path(folder) / "large.toml"
            small.write_text(load.file(1))
            large.write_text(load.file(max(2, load.command_size // share)))
            runs = [
                Side(build.name, partial(an_order, build, small, large, "--transport", "memory"))
                for build in options.builds
            ]
            yield from compare(f"{load.what}: an order of `econsim run`", "µs", runs, options.turns)


def _builds(load: Load, options: Options, goal: float, scenario: Path, *words: str) -> list[Side]:
    """Return the builds as sides of which each does a run by itself; the reference has a goal."""
    return [
        Side(
            build.name,
            partial(peers.snippet, build.python, "driver", scenario, *words),
            goal if load.has_goals and build.name == REFERENCE else None,
        )
        for build in options.builds
    ]


def _crowds(options: Options) -> Iterator[Line]:
    """Compare the cost of an order in crowds of several sizes with that in the smallest."""
    sizes: Sequence[int] = CROWDS[:2] if options.quick else CROWDS
    with TemporaryDirectory() as folder:
        files = [Path(folder) / f"{size}.toml" for size in sizes]
        for size, file in zip(sizes, files, strict=True):
            # As many orders in the smallest as keep a reading from being a moment.
            file.write_text(
                loads.crowd_file(size, CROWD_TICKS, periods=10 if size == CROWDS[0] else 1, units=CROWD_TICKS)
            )
        (small, first), *others = zip(sizes, files, strict=True)
        for size, file in others:
            sides = [
                Side(f"{size:,} traders", partial(_read, options, file)),
                Side(f"{small:,} traders", partial(_read, options, first), 1 / FLAT_WITHIN),
            ]
            yield from compare(f"{size:,} ZIC traders: an order, driver alone", "µs", sides, options.turns)


def _read(options: Options, scenario: Path) -> Reading:
    """Return what an order of a run costs this build's driver."""
    return peers.snippet(options.builds[0].python, "driver", scenario)
