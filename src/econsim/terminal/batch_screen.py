"""A batch of runs on the screen: its cells, its expectations, and the run of any cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import ClassVar, Final

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer, Static

from econsim.errors import EconsimError
from econsim.terminal.batch_source import (
    FAILED,
    OPEN_STATES,
    PASSED,
    RUNNING,
    BatchSource,
    BatchView,
    CellRow,
)
from econsim.terminal.rows import Cells, Column, Rows, one_line
from econsim.terminal.run_screen import RunScreen

LOOK_S: Final = 1.0
"""Seconds between two looks at the batch: a cell takes longer."""

CELLS: Final = (
    Column("cell", 6, right=True),
    Column("scenario", 0),
    Column("seed", 8, right=True, from_width=56),
    Column("state", 10),
    Column("tick", 11, right=True, from_width=48),
    Column("verdicts", 18, from_width=70),
    Column("first failure", 0, from_width=90),
)
"""Columns of the cells."""

EXPECTATIONS: Final = (
    Column("scenario", 14, from_width=76),
    Column("expectation", 0),
    Column("holds", 7, right=True),
    Column("fails", 7, right=True),
    Column("vacuous", 8, right=True, from_width=60),
    Column("undecidable", 12, right=True, from_width=70),
)
"""Columns of the expectations."""


class BatchScreen(Screen[None]):
    """A batch that is watched."""

    CSS = """
    BatchScreen #head { height: auto; padding: 0 1; background: $panel; text-style: bold; }
    BatchScreen #expectations { height: 1fr; max-height: 14; border-top: solid $panel; }
    BatchScreen #cells { height: 2fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "open", "watch the run of the cell"),
        Binding("r", "next_running", "next running cell"),
        Binding("d", "app.turn_light", "dark or light"),
        Binding("q,escape", "app.quit", "quit", key_display="q"),
    ]

    def __init__(self, source: BatchSource) -> None:
        """Watch the batch of a source."""
        super().__init__()
        self._source = source
        self._view: BatchView | None = None

    def compose(self) -> ComposeResult:
        """Make head and tables."""
        yield Static("reading the batch …", id="head", markup=False)
        yield Rows(CELLS, id="cells", empty="reading the batch …")
        yield Rows(EXPECTATIONS, id="expectations", empty="no run has ended so far")
        yield Footer()

    def on_mount(self) -> None:
        """Begin to look."""
        self.query_one("#cells", Rows).focus()
        self.set_interval(LOOK_S, self.look)
        self.look()

    @work(exclusive=True, group="look")
    async def look(self) -> None:
        """Look at the batch and draw it."""
        try:
            self._view = view = await self._source.look()
        except EconsimError as error:
            self.query_one("#head", Static).update(one_line(str(error)))
            return
        self.query_one("#head", Static).update(batch_head(view))
        self.query_one("#cells", Rows).show(len(view.cells), lambda at: cell_cells(view.cells[at]))
        self.query_one("#expectations", Rows).show(
            len(view.expectations), lambda at: expectation_cells(*view.expectations[at])
        )

    def action_next_running(self) -> None:
        """Choose the next cell that is running."""
        rows, cells = self.query_one("#cells", Rows), self._view.cells if self._view else ()
        running = [at for at, cell in enumerate(cells) if cell.state == RUNNING]
        if running:
            rows.action_to(next((at for at in running if at > rows.cursor), running[0]))

    def action_open(self) -> None:
        """Watch the run of the chosen cell."""
        if self._view and self._view.cells:
            self._open(self._view.cells[self.query_one("#cells", Rows).cursor])

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """Watch the run of a cell."""
        if event.rows.id == "cells":
            self.action_open()

    @work(exclusive=True, group="open")
    async def _open(self, cell: CellRow) -> None:
        try:
            source = await self._source.open_run(cell)
        except EconsimError as error:
            self.notify(one_line(str(error)), severity="warning", markup=False)
        else:
            self.app.push_screen(RunScreen(source))


def batch_head(view: BatchView) -> Text:
    """Return the head of a batch: how far it is, and how many runs passed."""
    states = Counter(cell.state for cell in view.cells)
    done = len(view.cells) - sum(states[state] for state in OPEN_STATES)
    state = "RUNNING" if view.is_running else "COMPLETE" if done == len(view.cells) else "UNFINISHED"
    parts = [
        f"batch {view.name}",
        view.transport,
        state,
        f"{done} of {len(view.cells)} cells",
        f"{states[RUNNING]} running",
        f"✓ {states[PASSED]}  ✗ {states[FAILED]}",
    ]
    if state == "UNFINISHED":
        parts.append(f"`econsim bench resume {view.name}` runs the rest")
    return Text(one_line("  ".join(parts)))


def cell_cells(cell: CellRow) -> Cells:
    """Return the texts of a cell."""
    most = f"/{cell.ticks_max}" if cell.state == RUNNING else ""
    ticks = f"{cell.tick}{most}" if cell.tick else ""
    texts = (
        str(cell.number),
        cell.treatment,
        str(cell.seed),
        cell.state,
        ticks,
        _outcomes(cell.outcomes),
        cell.failure,
    )
    return texts, {PASSED: "good", FAILED: "bad", RUNNING: "accent"}.get(cell.state, "dim")


def expectation_cells(treatment: str, name: str, outcomes: Mapping[str, int]) -> Cells:
    """Return the texts of an expectation."""
    counts = tuple(str(outcomes.get(each, 0)) for each in ("holds", "fails", "vacuous", "undecidable"))
    return (treatment, name, *counts), "bad" if set(outcomes) - {"holds"} else ""


def _outcomes(outcomes: Mapping[str, int]) -> str:
    """Return counts in words: all held, or how many of each did not."""
    others = [f"{number} {outcome}" for outcome, number in outcomes.items() if outcome != "holds" and number]
    return ", ".join(others) or (f"all {outcomes['holds']} hold" if outcomes.get("holds") else "")
