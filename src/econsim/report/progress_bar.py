"""Live progress of a run in the terminal. The tables after its end are in `terminal.py`.

On a terminal the view is redrawn in place; elsewhere (a pipe, CI) a plain line is written now and then.
Durations are measured with the monotonic counter; nothing here touches the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from econsim.domain.audit.facts import Record
from econsim.domain.audit.late_event import LateEvent
from econsim.report.format import count, decimal, spark
from econsim.report.live_figures import LiveFigures, Snapshot

REDRAW_S: Final = 0.125
"""Seconds between two redraws: smooth to the eye, under a percent of a core."""

LINE_S: Final = 5.0
"""Seconds between two lines where there is no terminal."""

MARKETS_SHOWN_MAX: Final = 12
"""Markets in the live view; of more, the first."""

WAITING_SHOWN_MAX: Final = 5
"""Agents that the tick waits for in the live view; further agents are counted."""


class ProgressDisplay:
    """Live progress of one run; a context manager.

    `update` takes every event of the run in log order and is cheap; drawing happens now and then.
    """

    def __init__(self, console: Console | None = None) -> None:
        """Draw on a console; by default on stderr, so that stdout stays clean."""
        self.console = console or Console(stderr=True)
        # Rich looks at the environment each time it is asked, which would be for every event.
        self._is_terminal = self.console.is_terminal
        self.figures = LiveFigures()
        self.timed = True
        """True if the events happen while they are read: only then is there a speed."""
        self._waiting: tuple[str, ...] = ()
        self._started = self._drawn = perf_counter()
        self._live = Live(console=self.console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        """Start drawing."""
        self._started = self._drawn = perf_counter()
        if self._is_terminal:
            self._live.start()
            self.draw(self.figures.snapshot())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Stop drawing and take the picture away; the tables follow."""
        if self._is_terminal:
            self._live.stop()

    @property
    def elapsed_s(self) -> float:
        """Return seconds since the start."""
        return perf_counter() - self._started

    def update(self, entry: Record | LateEvent) -> None:
        """Add the next event, and redraw if it is time."""
        self.figures.update(entry)
        self._waiting = ()
        self._draw_if_due()

    def show_waiting(self, names: Sequence[str]) -> None:
        """Show the agents that the tick waits for, until the next event; draw if it is time."""
        self._waiting = tuple(names)
        self._draw_if_due()

    def _draw_if_due(self) -> None:
        now = perf_counter()
        if now - self._drawn >= (REDRAW_S if self._is_terminal else LINE_S):
            self._drawn = now
            self.draw(self.figures.snapshot())

    def draw(self, snapshot: Snapshot) -> None:
        """Show a snapshot now."""
        waiting = waiting_text(self._waiting)
        if self._is_terminal:
            view = picture(snapshot, self.elapsed_s, waiting, timed=self.timed)
            self._live.update(view, refresh=True)
        else:
            text = line(snapshot, self.elapsed_s, waiting, timed=self.timed)
            self.console.print(text, soft_wrap=True, highlight=False)


def waiting_text(names: Sequence[str]) -> str:
    """Return `waiting for NAME, …`, or nothing without names."""
    more = len(names) - WAITING_SHOWN_MAX
    shown = ", ".join(names[:WAITING_SHOWN_MAX]) + (f" and {more} more" if more > 0 else "")
    return f"waiting for {shown}" if names else ""


def picture(snapshot: Snapshot, elapsed_s: float, waiting: str = "", *, timed: bool = True) -> Group:
    """Return the live view of a run."""
    if not snapshot.run:
        return Group(Text("starting the server and services", style="dim"))
    head = Text.assemble(
        (snapshot.scenario, "bold"),
        (f"  {snapshot.run}", "dim"),
        f"  period {snapshot.period}/{snapshot.periods}  tick {count(snapshot.tick)}/{count(snapshot.ticks_max)}",
    )
    # A row of a grid, because a bar alone does not end its line.
    bar = Table.grid()
    bar.add_row(ProgressBar(total=max(snapshot.ticks_max, 1), completed=snapshot.tick, width=60))
    rate = snapshot.orders / elapsed_s if elapsed_s > 0 else 0.0
    figures = Text.assemble(
        (f"{count(rate)} orders/s  " if timed else "", "cyan"),
        f"{count(snapshot.orders)} orders  {count(snapshot.trades)} trades  {elapsed_s:.1f} s",
        (f"  {waiting}" if waiting else "", "yellow"),
    )
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for view in snapshot.markets[:MARKETS_SHOWN_MAX]:
        price = Text(decimal(view.last, 4), style="bold", justify="right")
        table.add_row(
            view.resource, price, Text(spark(view.history), style="cyan"), f"{count(view.trades)} trades"
        )
    return Group(head, bar, figures, table)


def line(snapshot: Snapshot, elapsed_s: float, waiting: str = "", *, timed: bool = True) -> str:
    """Return a run at this moment as one plain line."""
    rate = snapshot.orders / elapsed_s if elapsed_s > 0 else 0.0
    prices = ", ".join(
        f"{view.resource} {decimal(view.last, 4)}" for view in snapshot.markets[:MARKETS_SHOWN_MAX]
    )
    waits = f", {waiting}" if waiting else ""
    speed = f"{count(rate)} orders/s, " if timed else ""
    return (
        f"tick {snapshot.tick}/{snapshot.ticks_max}, period {snapshot.period}/{snapshot.periods}, "
        f"{count(snapshot.trades)} trades, {speed}{prices}{waits}"
    )
