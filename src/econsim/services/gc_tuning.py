"""Garbage collection of this process, set once by the composition roots: how often, and its end."""

from __future__ import annotations

import gc
import sys
from typing import Final

ALLOCATIONS: Final = 200_000
"""Number of objects allocated between two collections (Python's default is 700): a run keeps almost all its objects, orders and accounts.
Examining them again and again took a sixth of the processor time. At 50 000, a tick of 1 000 agents that think had one or two collections
among all that they hold until its end, a sixteenth of its processor time; and a command one while it is loaded, 17 ms."""


def collect_rarely() -> None:
    """Collect cyclic garbage rarely; reference counts still free everything else at once."""
    gc.set_threshold(ALLOCATIONS, 20, 50)


def collect_no_more() -> None:
    """Keep everything from the collector, at the end of a command; what is no cycle is still freed, and closed.

    The interpreter would look for cycles in all there is once more on its way out: a twentieth of a small run. Not with DuckDB, which
    reports what is left then as leaks (findings/duckdb-frozen-collector.sh).
    """
    if "duckdb" not in sys.modules:
        gc.freeze()
