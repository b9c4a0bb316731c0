"""The cost of a run of `econsim run`, of any build: what a large one takes beyond a small one, so that starting counts nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.builds import Build
from benchmarks.sides import Reading, Spent, spend

_ORDERS: Final = re.compile(r"^orders +(\d[\d \u202f]*)", re.MULTILINE)
"""Number of orders in the summary of a run; spaces, or narrow ones, part its thousands."""


@dataclass(frozen=True, slots=True)
class Beyond:
    """What a large run took beyond a small one."""

    cpu_s: float
    """Processor seconds of the whole tree: command, services, server."""
    orders: int
    """Orders."""
    stored: int
    """Bytes of the messages in the server's files."""
    large: Spent
    """All that the large run took."""


def beyond(build: Build, small: Path, large: Path, *options: str) -> Beyond:
    """Run both scenarios with a build, in state directories of their own."""
    (first, first_stored), (second, second_stored) = (_run(build, file, options) for file in (small, large))
    return Beyond(
        second.cpu_s - first.cpu_s,
        _orders(second) - _orders(first),
        second_stored - first_stored,
        second,
    )


def an_order(build: Build, small: Path, large: Path, *options: str) -> Reading:
    """Return the microseconds of processor time that an order takes."""
    found = beyond(build, small, large, *options)
    return Reading(found.cpu_s / found.orders * 1e6, found.large.cpu_s, found.large.wall_s)


def _run(build: Build, scenario: Path, options: tuple[str, ...]) -> tuple[Spent, int]:
    """Run a scenario in an empty folder; return what it took and the bytes of messages that it left."""
    with TemporaryDirectory() as folder:
        spent = spend(build.econsim("run", scenario, *options), Path(folder))
        return spent, sum(block.stat().st_size for block in Path(folder).rglob("*.blk"))


def _orders(spent: Spent) -> int:
    """Return the number of orders in the summary of a run."""
    found = _ORDERS.search(spent.output)
    if found is None:
        message = f"no line 'orders' in the summary of a run: {spent.output[-2_000:]}"
        raise RuntimeError(message)
    return int(re.sub(r"\D", "", found[1]))
