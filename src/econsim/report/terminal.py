"""Final tables of a run in the terminal: markets, expectations, and the figures of the whole run.

The tables fit 80 columns; from WIDE_MIN on, they have more columns. Text that people copy (the hash, the
report's path) is never cut and never broken into lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from econsim.domain.expectation.verdict import Verdict
from econsim.domain.measures.measures import weighted_mean
from econsim.report.format import (
    GROUPS_HEAD,
    NOTHING,
    THINKING_HEAD,
    TOOLS_HEAD,
    WORK_HEAD,
    count,
    debt_note,
    decimal,
    group_rows,
    money,
    orders_per_second,
    percent,
    percentage,
    plural,
    spark,
    thinking_rows,
    tool_rows,
    unjudged_notes,
    visible,
    work_rows,
)
from econsim.report.stretches import STRETCHES_HEAD, stretch_rows
from econsim.report.summary import ExpectationResult, MarketSummary, Summary
from econsim.report.tables import print_table
from econsim.report.trades import Trades

WIDE_MIN: Final = 110
"""Columns from which the tables have all their columns."""

PATH_POINTS: Final = 12
"""Points of a price path: what 80 columns leave for it."""

SHORT: Final = {
    "continuous_double_auction": "cda",
    "zi_double_auction": "zi",
    "call_auction": "call",
}
"""Mechanism → its word in narrow tables."""


def print_summary(summary: Summary, console: Console, report: Path | None = None) -> None:
    """Print a run's final tables, and the path of its report."""
    wide = console.width >= WIDE_MIN
    if summary.unfinished:
        console.print()
        console.print(Text.assemble(("not finished  ", "bold yellow"), summary.unfinished))
    if summary.failure:
        console.print()
        console.print(Text.assemble(("ended early  ", "bold red"), summary.failure))
    for warning in summary.warnings:
        console.print()
        console.print(Text.assemble(("warning  ", "bold red"), warning))
    agents = sum(group.count for group in summary.scenario.agents)
    console.print()
    console.print(
        Text.assemble(
            (summary.scenario.name, "bold"), (f"  run {summary.run}, {count(agents)} agents", "dim")
        )
    )
    console.print()
    parts = (
        _markets(summary, wide=wide),
        _texts(STRETCHES_HEAD, stretch_rows(summary)),
        _texts(GROUPS_HEAD, group_rows(summary)),
        _texts(THINKING_HEAD, thinking_rows(summary)),
        _texts(TOOLS_HEAD, tool_rows(summary)),
        _texts(WORK_HEAD, work_rows(summary)),
        _expectations(summary, wide=wide),
        _figures(summary),
    )
    for part in parts:
        if part.row_count:
            print_table(console, part)
            console.print()
    _print_judged(summary.judged, console)
    for sentence in unjudged_notes(summary.scenario.unjudged):
        console.print(Text.assemble(("note        ", "yellow"), sentence), soft_wrap=True)
    if summary.canonical_hash:
        console.print(Text.assemble(("hash        ", "dim"), summary.canonical_hash), soft_wrap=True)
    if summary.kept_until:
        text = f"until {summary.kept_until}; `econsim runs archive {summary.run}` keeps it for good"
        console.print(Text.assemble(("in the log  ", "dim"), text), soft_wrap=True)
    if report:
        print_report(console, report)


def _print_judged(verdicts: Sequence[Verdict], console: Console) -> None:
    """Print the verdicts on events: those that hold in one line together, the others each with what shows it."""
    holding = [verdict.name for verdict in verdicts if verdict.outcome.is_pass]
    if holding:
        console.print(Text.assemble(("holds       ", "green"), "; ".join(holding)), soft_wrap=True)
    for verdict in verdicts:
        if not verdict.outcome.is_pass:
            head, *rest = verdict.lines()
            console.print(Text(head, "bold red"), soft_wrap=True)
            for line in rest:
                console.print(Text(line), soft_wrap=True)
    if verdicts:
        console.print()


def print_report(console: Console, report: Path) -> None:
    """Print the path of a report as a link, in one piece however narrow the terminal is."""
    path = report.resolve()
    context = f"bold cyan context {path.as_uri()}"
    console.print(Text.assemble(("report      ", "dim"), (str(path), context)), soft_wrap=True)


def _markets(summary: Summary, *, wide: bool) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("market", no_wrap=True)
    rows = [_wide_row(market) if wide else _narrow_row(market) for market in summary.markets]
    for heading in rows[0]:
        left = heading in ("rule", "price path")
        table.add_column(heading, justify="left" if left else "right", no_wrap=True)
    for market, row in zip(summary.markets, rows, strict=True):
        table.add_row(market.resource, *row.values())
    return table


def _narrow_row(market: MarketSummary) -> dict[str, str | Text]:
    """Return heading → cell, for 80 columns."""
    return {
        "rule": Text(SHORT.get(market.mechanism, market.mechanism[:6]), style="dim"),
        "effic.": percent(market.efficiency),
        "alpha": percentage(market.alpha),
        "trades": count(len(market.trades)),
        "price": decimal(market.mean_price, 3),
        "P0": _equilibrium(market),
        "price path": _path(market.trades),
    }


def _wide_row(market: MarketSummary) -> dict[str, str | Text]:
    """Return heading → cell, for a wide terminal."""
    return {
        "rule": Text(market.mechanism.replace("_", " "), style="dim"),
        "effic.": percent(market.efficiency, 2),
        "alpha": percentage(market.alpha),
        "trades": count(len(market.trades)),
        "volume": count(market.volume),
        "orders": count(market.orders),
        "price": decimal(market.mean_price, 3),
        "P0": _equilibrium(market),
        "price path": _path(market.trades),
    }


def _equilibrium(market: MarketSummary) -> str:
    if market.varies:
        return "varies"
    low, high = market.equilibrium.price_low, market.equilibrium.price_high
    if low is None or high is None:
        return NOTHING
    return money(low) if low == high else f"{money(low)}-{money(high)}"


def _path(trades: Trades) -> Text:
    """Draw the mean prices, by units, of equal shares of the trades."""
    size = max(1, -(-len(trades) // PATH_POINTS))
    shares = [slice(start, start + size) for start in range(0, len(trades), size)]
    means = [weighted_mean(trades.prices[share], trades.quantities[share]) or 0.0 for share in shares]
    return Text(spark(means), style="cyan")


def _texts(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Return a table of texts: of what groups paid for calls, or of what changed."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for heading in heads:
        left = heading in ("group", "policy", "model", "tool", "failed", "market", "periods")
        table.add_column(heading, justify="left" if left else "right", no_wrap=heading != "failed")
    for row in rows:
        # What servers of tools and models said is in some cells: its brackets are no markup.
        table.add_row(*map(Text, row))
    return table


def _expectations(summary: Summary, *, wide: bool) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for heading in ("of", "expected"):
        table.add_column(heading, no_wrap=True)
    for heading in ("to be", "measured"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    if wide:
        table.add_column("source", style="dim")
    for verdict in summary.verdicts:
        # Anybody's text: its brackets are no markup, and none of its characters moves the cursor.
        source = [Text(visible(verdict.expectation.source))] if wide else []
        table.add_row(*_expectation(verdict, summary), *source)
    return table


def _expectation(verdict: ExpectationResult, summary: Summary) -> list[str]:
    expected = verdict.expectation
    periods = ""
    if expected.first_period > 1 or expected.last_period:
        last = expected.last_period or summary.periods
        one = last == expected.first_period
        periods = f", period {last}" if one else f", periods {expected.first_period}-{last}"
    return [
        expected.group or expected.resource or summary.markets[0].resource,
        expected.measure.value.replace("_", " ") + periods,
        f"{expected.value:g} ± {expected.tolerance:g}",
        decimal(verdict.measured, 2),
        "[green]holds[/green]" if verdict.holds else "[bold red]differs[/bold red]",
    ]


def _figures(summary: Summary) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True, min_width=10)
    table.add_column(overflow="fold")
    for name, value in _lines(summary):
        table.add_row(name, value)
    return table


def _lines(summary: Summary) -> list[tuple[str, str]]:
    speed = summary.speed
    refused = sum(sum(market.rejected.values()) for market in summary.markets)
    messages = sum(summary.messages.values())
    per_trade = f", {messages / summary.trades:.1f} a trade" if summary.trades else ""
    efficiency = f"{percent(summary.efficiency, 2)} of the most surplus possible"
    lines = [
        ("efficiency", efficiency + ("" if summary.closed else " (the run did not finish)")),
        *_constrained_lines(summary),
        ("length", f"{plural(summary.periods, 'period')}, {plural(summary.ticks, 'tick')}"),
        ("orders", f"{count(summary.orders)}, {count(refused)} of them refused"),
        ("wealth", _wealth(summary)),
        ("messages", f"{count(messages)} events in the log{per_trade}"),
    ]
    if speed:
        lines.append(("time", f"{speed.elapsed_s:.2f} s, {count(orders_per_second(summary))} orders/s"))
    if speed and speed.latency_p50_ms is not None:
        spread = f"p50 {decimal(speed.latency_p50_ms, 1)} ms, p99 {decimal(speed.latency_p99_ms, 1)} ms"
        lines.append((f"a {speed.latency_of}", spread))
    return lines


def _constrained_lines(summary: Summary) -> list[tuple[str, str]]:
    """Return the efficiency against what price limits and taxes leave; nothing where neither ever binds."""
    if summary.constrained_efficiency is None:
        return []
    held = percent(summary.constrained_efficiency, 2)
    return [("", f"{held} of the most that price limits and taxes leave")]


def _wealth(summary: Summary) -> str:
    held = [holder.wealth for holder in summary.holders]
    if not held:
        return NOTHING
    low, middle, high = money(held[0]), money(held[len(held) // 2]), money(held[-1])
    owed = debt_note(summary)
    return f"{low} to {high} credits, median {middle}; Gini {decimal(summary.gini, 3)}{owed and f'; {owed}'}"
