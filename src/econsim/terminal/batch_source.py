"""The port through which the terminal reads a batch of runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from econsim.terminal.source import RunSource

WAITING, RUNNING, PASSED, FAILED = "waiting", "running", "✓ passed", "✗ failed"
"""States of a cell."""

OPEN_STATES: Final = frozenset((WAITING, RUNNING))
"""States of cells without a result."""


@dataclass(frozen=True, slots=True)
class CellRow:
    """A cell of a batch as a row."""

    number: int
    """Number of the cell in its batch, from 1."""
    treatment: str
    """Name of the treatment."""
    seed: int
    """Seed of the run."""
    run: str
    """Name of the run."""
    state: str
    """State of the cell in words."""
    tick: int = 0
    """Newest tick of the run."""
    ticks_max: int = 0
    """Highest number of ticks; 0 if it is not known."""
    outcomes: Mapping[str, int] = field(default_factory=dict)
    """Outcome → number of expectations."""
    failure: str = ""
    """Reason why the run ended early, or first expectation that does not hold."""


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch at this moment."""

    name: str
    """Name of the batch."""
    transport: str
    """Transport of its runs."""
    is_running: bool
    """True if a process runs the batch now."""
    cells: tuple[CellRow, ...]
    """Cells by number."""
    expectations: tuple[tuple[str, str, Mapping[str, int]], ...]
    """Treatment, expectation, and outcome → number of runs."""


class BatchSource(Protocol):
    """The records of one batch. Methods raise EconsimError if they cannot be read."""

    async def look(self) -> BatchView:
        """Return the batch at this moment."""

    async def open_run(self, cell: CellRow) -> RunSource:
        """Return the log of a cell's run; raises NotFound if it has none, or none yet."""
