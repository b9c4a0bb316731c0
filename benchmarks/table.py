"""Results of benchmarks, as lines of a table: measured, spread, beside whom, ratio, goal, verdict."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

HEADINGS: Final = (
    "measured",
    "median",
    "range",
    "unit",
    "beside",
    "median",
    "range",
    "its over ours",
    "goal",
    "met",
    "CPU s",
    "wall s",
)
"""Headings of the table. The last two are medians of a whole run of ours."""


@dataclass(frozen=True, slots=True)
class Line:
    """One number, taken several times, and maybe the same number of somebody else, taken in turn with it."""

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
    exactly: float | None = None
    """Target, for a count that no machine changes."""
    ratio_at_least: float | None = None
    """Target of the ratio to the other's median."""
    note: str = ""
    """Conditions the number depends on."""
    beside: str = ""
    """Who else was measured; empty if nobody was."""
    beside_values: Sequence[float] = ()
    """Values of the other, each of the same round as ours."""
    cpu_s: Sequence[float] = ()
    """Processor seconds of all processes of a repetition."""
    wall_s: Sequence[float] = ()
    """Seconds of a repetition."""
    remedy: str = ""
    """What to do when the target is missed."""
    details: dict[str, object] = field(default_factory=dict)
    """Anything else worth keeping in the results file."""

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    @property
    def pair_ratios(self) -> list[float]:
        """The other's value in ours, of each round: above 1 where ours is the smaller."""
        return [
            theirs / ours
            for ours, theirs in zip(self.values, self.beside_values, strict=bool(self.beside))
            if ours
        ]

    @property
    def ratio(self) -> float | None:
        """The other's median in ours; none without another."""
        return (
            statistics.median(self.beside_values) / self.median
            if self.beside_values and self.median
            else None
        )

    @property
    def holds(self) -> bool:
        """Whether the median, or its ratio to the other's, meets the target; true without one."""
        return (
            (self.at_least is None or self.median >= self.at_least)
            and (self.at_most is None or self.median <= self.at_most)
            and (self.exactly is None or self.median == self.exactly)
            and (
                self.ratio_at_least is None or (self.ratio is not None and self.ratio >= self.ratio_at_least)
            )
        )

    @property
    def goal(self) -> str:
        """The target in signs; empty without one."""
        goals = (("≥", self.at_least), ("≤", self.at_most), ("=", self.exactly))
        found = [f"{sign} {number(value)}" for sign, value in goals if value is not None]
        if self.ratio_at_least is not None:
            found.append(f"ratio ≥ {number(self.ratio_at_least)}")
        return " ".join(found)

    def cells(self) -> tuple[str, ...]:
        """Return the row of the table, in the order of HEADINGS."""
        ratio = ""
        if self.ratio is not None:
            ratio = f"{number(self.ratio)} ({spread(self.pair_ratios) or number(self.pair_ratios[0])})"
        return (
            self.what,
            number(self.median),
            spread(self.values),
            self.unit,
            self.beside,
            number(statistics.median(self.beside_values)) if self.beside_values else "",
            spread(self.beside_values),
            ratio,
            self.goal,
            "" if not self.goal else "yes" if self.holds else "no",
            number(statistics.median(self.cpu_s)) if self.cpu_s else "",
            number(statistics.median(self.wall_s)) if self.wall_s else "",
        )


def show(lines: Iterable[Line]) -> None:
    """Print lines as a table."""
    table = Table(*HEADINGS, title_justify="left")
    for column, heading in enumerate(HEADINGS):
        if heading not in ("measured", "unit", "beside", "met"):
            table.columns[column].justify = "right"
    for line in lines:
        what, *cells = line.cells()
        cells[8] = {"yes": "[green]yes[/]", "no": "[red]NO[/]"}.get(cells[8], "")
        table.add_row(f"{what}\n[dim]{line.note}[/]" if line.note else what, *cells)
    Console(width=200).print(table)


def number(value: float) -> str:
    """Write a number with about four digits."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def spread(values: Sequence[float]) -> str:
    """Write the smallest and largest of several values; empty for fewer."""
    return f"{number(min(values))} … {number(max(values))}" if len(values) > 1 else ""


def markdown(lines: Iterable[Line]) -> str:
    """Return lines as a table in Markdown, without the columns that none of them fills."""
    rows = [line.cells() for line in lines]
    used = [column for column in range(len(HEADINGS)) if column < 3 or any(row[column] for row in rows)]
    table = [HEADINGS, ("---",) * len(HEADINGS), *rows]
    return "".join(f"| {' | '.join(row[column] for column in used)} |\n" for row in table)


def write(lines: Iterable[Line], path: Path) -> None:
    """Write lines as JSON."""
    rows = [asdict(line) | {"median": line.median, "holds": line.holds} for line in lines]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
