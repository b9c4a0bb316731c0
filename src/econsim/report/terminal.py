"""A run in the terminal: live progress while it goes, tables when it ended.

On a terminal the view is redrawn in place; elsewhere (a pipe, CI) a plain line is written now and then.
Durations are measured with the monotonic counter; nothing here touches the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Final, Self

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from econsim.domain.audit import Record
from econsim.domain.envelope import Sealed
from econsim.report.figures import (
    NOTHING,
    count,
    decimal,
    money,
    orders_per_second,
    percent,
    price_range,
    spark,
)
from econsim.report.summary import Summary
from econsim.report.watch import Snapshot, Watch

REDRAW_S: Final = 0.125
"""Seconds between two pictures: smooth to the eye, under a percent of a core."""

LINE_S: Final = 5.0
"""Seconds between two lines where there is no terminal."""

MARKETS_SHOWN_MAX: Final = 12
"""Markets in the live view; of more, the first."""


class Progress:
    """Live progress of one run; a context manager.

    `update` takes every event of the run in log order and is cheap; drawing happens now and then.
    """

    def __init__(self, console: Console | None = None) -> None:
        """Draw on a console; by default on stderr, so that stdout stays clean."""
        self.console = console or Console(stderr=True)
        self.watch = Watch()
        self._started = self._drawn = perf_counter()
        self._live = Live(console=self.console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        """Start drawing."""
        self._started = self._drawn = perf_counter()
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Stop drawing and take the picture away; the tables follow."""
        if self.console.is_terminal:
            self._live.stop()

    @property
    def elapsed_s(self) -> float:
        """Return seconds since the start."""
        return perf_counter() - self._started

    def update(self, event: Record | Sealed, lag: int = 0) -> None:
        """Take the next event in, and draw if it is time; `lag` is what is still to be read."""
        self.watch.update(event)
        now = perf_counter()
        if now - self._drawn >= (REDRAW_S if self.console.is_terminal else LINE_S):
            self._drawn = now
            self.draw(self.watch.snapshot(lag))

    def draw(self, snapshot: Snapshot) -> None:
        """Show a snapshot now."""
        if self.console.is_terminal:
            self._live.update(picture(snapshot, self.elapsed_s), refresh=True)
        else:
            self.console.print(line(snapshot, self.elapsed_s), soft_wrap=True, highlight=False)


def picture(snapshot: Snapshot, elapsed_s: float) -> Group:
    """Return the live view of a run."""
    head = Text.assemble(
        (snapshot.scenario or "waiting for the run to open", "bold"),
        (f"  {snapshot.run}", "dim"),
        f"  period {snapshot.period}/{snapshot.periods}  tick {count(snapshot.tick)}/{count(snapshot.ticks_max)}",
    )
    # A row of a grid, because a bar alone does not end its line.
    bar = Table.grid()
    bar.add_row(ProgressBar(total=max(snapshot.ticks_max, 1), completed=snapshot.tick, width=60))
    rate = snapshot.orders / elapsed_s if elapsed_s > 0 else 0.0
    figures = Text.assemble(
        (f"{count(rate)} orders/s", "cyan"),
        f"  {count(snapshot.orders)} orders  {count(snapshot.trades)} trades  {elapsed_s:.1f} s",
        (f"  {count(snapshot.lag)} events behind" if snapshot.lag else "", "yellow"),
    )
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for view in snapshot.markets[:MARKETS_SHOWN_MAX]:
        price = Text(decimal(view.last, 4), style="bold", justify="right")
        table.add_row(
            view.resource, price, Text(spark(view.history), style="cyan"), f"{count(view.trades)} trades"
        )
    return Group(head, bar, figures, table)


def line(snapshot: Snapshot, elapsed_s: float) -> str:
    """Return a run at this moment as one plain line."""
    rate = snapshot.orders / elapsed_s if elapsed_s > 0 else 0.0
    prices = ", ".join(
        f"{view.resource} {decimal(view.last, 4)}" for view in snapshot.markets[:MARKETS_SHOWN_MAX]
    )
    lag = f", {count(snapshot.lag)} events behind" if snapshot.lag else ""
    return (
        f"tick {snapshot.tick}/{snapshot.ticks_max}, period {snapshot.period}/{snapshot.periods}, "
        f"{count(snapshot.trades)} trades, {count(rate)} orders/s, {prices}{lag}"
    )


def print_summary(summary: Summary, console: Console, report: Path | None = None) -> None:
    """Print a run's final tables: markets, expectations, and the figures of the whole run."""
    console.print()
    console.print(_markets(summary))
    if summary.verdicts:
        console.print(_expectations(summary))
    console.print(_figures(summary, report))


def _markets(summary: Summary) -> Table:
    table = Table(box=SIMPLE_HEAD, title=f"{summary.scenario.name} · run {summary.run}", title_justify="left")
    table.add_column("market", no_wrap=True)
    for heading in ("efficiency", "alpha", "trades", "volume", "mean price", "P0", "orders", "refused"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("price path", no_wrap=True)
    for market in summary.markets:
        oracle = market.equilibrium
        table.add_row(
            f"{market.resource}\n[dim]{market.mechanism.partition('_')[0]}[/dim]",
            percent(market.efficiency, 2),
            NOTHING if market.alpha is None else f"{market.alpha:.1f} %",
            count(len(market.trades)),
            count(market.volume),
            decimal(market.mean_price, 4),
            price_range(oracle.price_low, oracle.price_high),
            count(market.orders),
            count(sum(market.rejected.values())),
            Text(spark(_path(market.trades.prices)), style="cyan"),
        )
    return table


def _path(prices: Sequence[int], points: int = 16) -> list[float]:
    """Return mean prices of equal shares of the trades."""
    size = max(1, -(-len(prices) // points))
    shares = [prices[start : start + size] for start in range(0, len(prices), size)]
    return [sum(share) / len(share) for share in shares]


def _expectations(summary: Summary) -> Table:
    table = Table(box=SIMPLE_HEAD, title="expectations", title_justify="left")
    for heading in ("measure", "market", "expected", "measured", "verdict", "source"):
        table.add_column(heading)
    for verdict in summary.verdicts:
        expected = verdict.expectation
        interval = "" if verdict.half_width is None else f" ± {verdict.half_width:.3f}"
        table.add_row(
            expected.measure.value.replace("_", " "),
            expected.resource or summary.scenario.markets[0].resource,
            f"{expected.value:g} ± {expected.tolerance:g}",
            decimal(verdict.measured, 3) + interval,
            "[green]holds[/green]" if verdict.holds else "[bold red]differs[/bold red]",
            expected.source,
        )
    return table


def _figures(summary: Summary, report: Path | None) -> Table:
    speed = summary.speed
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _lines(summary):
        table.add_row(name, value)
    if speed and speed.latency_p50_ms is not None:
        shown = f"p50 {decimal(speed.latency_p50_ms, 1)} ms, p99 {decimal(speed.latency_p99_ms, 1)} ms"
        table.add_row(f"{speed.latency_of} latency", shown)
    if speed:
        table.add_row("time", f"{speed.elapsed_s:.2f} s, {count(orders_per_second(summary))} orders/s")
    if summary.canonical_hash:
        table.add_row("canonical hash", summary.canonical_hash)
    if report:
        table.add_row("report", Text(str(report), style=f"bold link {report.resolve().as_uri()}"))
    return table


def _lines(summary: Summary) -> list[tuple[str, str]]:
    held = [holder.credits for holder in summary.holders]
    wealth = NOTHING
    if held:
        median = held[len(held) // 2]
        wealth = f"{money(held[0])} poorest, {money(median)} median, {money(held[-1])} richest credits"
    messages = count(sum(summary.messages.values()))
    per_trade = f", {sum(summary.messages.values()) / summary.trades:.1f} a trade" if summary.trades else ""
    return [
        ("efficiency", f"{percent(summary.efficiency, 2)} of the most surplus possible"),
        ("length", f"{count(summary.ticks)} ticks in {count(summary.periods)} periods"),
        ("wealth", f"{wealth}; Gini {decimal(summary.gini, 3)}"),
        ("messages", f"{messages} events{per_trade}"),
    ]
