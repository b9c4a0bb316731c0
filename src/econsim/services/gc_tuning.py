"""Garbage collection of this process: its frequency, set once by the composition roots, and its end."""

from __future__ import annotations

import gc
from typing import Final

ALLOCATIONS: Final = 50_000
"""Number of objects allocated between two collections (Python's default is 700): a run keeps almost all its objects,
orders and accounts, and examining them again and again took a sixth of the processor time."""


def collect_rarely() -> None:
    """Collect cyclic garbage rarely; reference counts still free everything else at once."""
    gc.set_threshold(ALLOCATIONS, 20, 50)


def collect_no_more() -> None:
    """Keep what there is from the collector, at the end of a command.

    The interpreter looks for cycles in everything once more on its way out: an eighth of a second after a small run. What is no cycle is
    still freed, and closed.
    """
    gc.freeze()
