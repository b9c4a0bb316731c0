"""What a command asks of all benchmarks: how much load, how many rounds, and with whom to compare."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.builds import Build


@dataclass(frozen=True, slots=True)
class Peer:
    """A checkout of another simulator."""

    checkout: Path
    """Folder of the checkout."""
    python: Path
    """Interpreter that has what it needs."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the command line."""

    quick: bool = False
    """Less load and one round: a look, no evidence."""
    rounds: int = 5
    """Rounds in which the sides of a row take turns."""
    against: Build | None = None
    """Another build of econsim to measure beside this one."""
    bse: Peer | None = None
    """Bristol Stock Exchange."""
    abides: Peer | None = None
    """ABIDES."""

    @property
    def builds(self) -> tuple[Build, ...]:
        """This build, and the one it is measured against."""
        return (Build.this(), *((self.against,) if self.against else ()))

    @property
    def turns(self) -> int:
        """Rounds to measure."""
        return 1 if self.quick else self.rounds
