"""How often this process looks for cyclic garbage: a choice of the composition roots, made once."""

from __future__ import annotations

import gc
from typing import Final

ALLOCATIONS: Final = 50_000
"""Objects allocated between two looks (Python's default is 700): a run keeps almost all it makes, orders
and accounts, and looking at them again and again took a sixth of the processor time."""


def collect_rarely() -> None:
    """Look for cycles rarely; reference counts still free everything else at once."""
    gc.set_threshold(ALLOCATIONS, 20, 50)
