"""Results of a benchmark, as lines of a table: measured, spread, target, ratio, verdict."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Line:
    """One number, taken several times."""

    what: str
    """Name of the number."""
    unit: str
    """Unit of the values."""
    values: Sequence[float]
    """Values, one a repetition; the median counts."""
    at_least: float | None = None
    """Target, for what should be large."""
    at_most: float | None = None
    """Target, for what should be small."""
    note: str = ""
    """Conditions the number depends on."""
    details: dict[str, object] = field(default_factory=dict)
    """Anything else worth keeping in the results file."""

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    @property
    def ratio(self) -> float | None:
        """How many times as good as the target, none without one; 1 for what should be small and is 0 or less."""
        if self.at_least is not None:
            return self.median / self.at_least
        if self.at_most is None:
            return None
        return self.at_most / self.median if self.median > 0 else 1.0

    @property
    def holds(self) -> bool:
        """Whether the median meets the target; true without one."""
        return self.ratio is None or self.ratio >= 1


def show(lines: Iterable[Line]) -> None:
    """Print lines as a table."""
    table = Table("measured", "median", "unit", "range", "target", "ratio", "", title_justify="left")
    for column in (1, 3, 4, 5):
        table.columns[column].justify = "right"
    for line in lines:
        target = ("≥ ", line.at_least) if line.at_least is not None else ("≤ ", line.at_most)
        table.add_row(
            f"{line.what}\n[dim]{line.note}[/]" if line.note else line.what,
            number(line.median),
            line.unit,
            f"{number(min(line.values))} … {number(max(line.values))}" if len(line.values) > 1 else "",
            target[0] + number(target[1]) if target[1] is not None else "",
            f"{line.ratio:.2f}" if line.ratio is not None else "",
            "" if line.ratio is None else "[green]pass[/]" if line.holds else "[red]FAIL[/]",
        )
    Console(width=150).print(table)


def number(value: float) -> str:
    """Write a number with about four digits."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def write(lines: Iterable[Line], path: Path) -> None:
    """Write lines as JSON."""
    rows = [
        asdict(line) | {"median": line.median, "ratio": line.ratio, "holds": line.holds} for line in lines
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
