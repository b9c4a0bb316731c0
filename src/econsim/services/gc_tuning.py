"""Garbage collection of this process, set once by the composition roots: how often, and its end."""

from __future__ import annotations

import gc
import sys
from typing import Final

ALLOCATIONS: Final = 50_000
"""Number of objects allocated between two collections (Python's default is 700): a run keeps almost all its objects,
orders and accounts, and examining them again and again took a sixth of the processor time."""


OF_COMMAND: Final = 200_000
"""The same while a command is loaded and in a small run: that makes 100 000 objects, hardly any garbage, and one look at them took 17 ms."""


def collect_rarely(allocations: int = ALLOCATIONS) -> None:
    """Collect cyclic garbage rarely; reference counts still free everything else at once."""
    gc.set_threshold(allocations, 20, 50)


def collect_no_more() -> None:
    """Keep everything from the collector, at the end of a command; what is no cycle is still freed, and closed.

    The interpreter would look for cycles in all there is once more on its way out: a twentieth of a small run. Not with DuckDB, which
    reports what is left then as leaks (findings/duckdb-frozen-collector.sh).
    """
    if "duckdb" not in sys.modules:
        gc.freeze()
