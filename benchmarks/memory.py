"""Runs in memory: what an order costs in processor time, by the driver alone and as `econsim run` has it, with hash, tally and report.

Beside them, in turn: an earlier build (`--against`), and the peers' markets of the same size. To add a row, add a Load.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import loads, peers
from benchmarks.options import Options
from benchmarks.run_cost import an_order
from benchmarks.sides import Side, compare
from benchmarks.table import Line


@dataclass(frozen=True, slots=True)
class Load:
    """One market, measured at two sizes: what an order costs is the difference."""

    what: str
    """Name in the table."""
    file: Callable[[int], str]
    """Function of the size: the scenario file."""
    size: int
    """Size of the run that the driver does."""
    command_size: int | None = None
    """Size of the run of `econsim run`, compared with one of size 1, whose start must be little beside it; none to leave it out."""
    bse: tuple[str, int, int, int] | None = None
    """Same market of the Bristol Stock Exchange: kind, traders, periods, seconds a period."""
    abides_until: str = ""
    """Time of day until which a simulation of ABIDES is measured beside it; empty for none."""


LOADS = (
    Load("22 traders, Smith's rules", loads.smith_file, 30, 60),
    Load(
        "22 ZIC traders",
        lambda n: loads.crowd_file(22, 40, periods=n, units=1),
        20,
        bse=("ZIC", 22, 50, 30),
    ),
    Load(
        "22 ZIP traders",
        lambda n: loads.crowd_file(22, 40, "zip", periods=n, units=1),
        20,
        bse=("ZIP", 22, 25, 30),
    ),
    Load(
        "1,000 ZIC traders",
        partial(loads.crowd_file, 1_000),
        12,
        60,
        ("ZIC", 1_000, 3, 2),
        "10:00:00",
    ),
)


def run(options: Options) -> list[Line]:
    """Measure all loads."""
    return [line for load in LOADS for line in _lines(load, options)]


def _lines(load: Load, options: Options) -> Iterator[Line]:
    share = 5 if options.quick else 1
    with TemporaryDirectory() as folder:
        scenario = Path(folder) / "scenario.toml"
        scenario.write_text(load.file(max(2, load.size // share)))
        alone = [
            Side(build.name, partial(peers.snippet, build.python, "driver", scenario))
            for build in options.builds
        ]
        if load.bse and options.bse:
            alone.append(peers.bse(options.bse, *load.bse))
        if load.abides_until and options.abides:
            alone.append(peers.abides(options.abides, load.abides_until))
        yield from compare(f"{load.what}: an order, driver alone", "µs", alone, options.turns)
        if load.command_size:
            small, large = Path(folder) / "small.toml", Path(folder) / "large.toml"
            small.write_text(load.file(1))
            large.write_text(load.file(max(2, load.command_size // share)))
            runs = [
                Side(build.name, partial(an_order, build, small, large, "--transport", "memory"))
                for build in options.builds
            ]
            yield from compare(f"{load.what}: an order of `econsim run`", "µs", runs, options.turns)
