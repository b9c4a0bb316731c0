"""The frequency of garbage collection in this process: set once, by the composition roots."""

from __future__ import annotations

import gc
from typing import Final

ALLOCATIONS: Final = 50_000
"""Number of objects allocated between two collections (Python's default is 700): a run keeps almost all its objects,
orders and accounts, and examining them again and again took a sixth of the processor time."""


def collect_rarely() -> None:
    """Collect cyclic garbage rarely; reference counts still free everything else at once."""
    gc.set_threshold(ALLOCATIONS, 20, 50)
