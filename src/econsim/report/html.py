"""The HTML report: one file, nothing loaded from elsewhere, charts by Vega-Lite, light and dark.

Owns the page's content and order; its look lies in `page/`. A content security policy in the page
forbids every outside reference, so a browser enforces what the tests assert.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

from econsim.report import charts
from econsim.report.document import Document, render_document
from econsim.report.format import (
    NOTHING,
    THINKING_HEAD,
    TOOLS_HEAD,
    WORK_HEAD,
    count,
    debt_note,
    decimal,
    measure_words,
    money,
    orders_per_second,
    percent,
    percentage,
    price_range,
    thinking_rows,
    tool_rows,
    unjudged_notes,
    work_rows,
)
from econsim.report.markup import Figure, Specs, figure, plural, table
from econsim.report.stretches import stretch_section
from econsim.report.summary import ExpectationResult, MarketSummary, Summary
from econsim.report.verdict_table import verdict_table

PERIODS_LISTED_MAX: Final = 100
"""Rows of a market's table of periods: enough to read, little enough to load."""


def write_report(summary: Summary, path: Path) -> Path:
    """Write the report of a run, with the directories it needs; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(summary), encoding="utf-8")
    return path


def render(summary: Summary) -> str:
    """Return the report of a run as an HTML document."""
    specs: Specs = {}
    scenario = summary.scenario
    heading = scenario.title or scenario.name
    main = (
        f'<section class="kpis" aria-label="Key figures">{_cards(summary)}</section>',
        _expectations(summary.verdicts, unjudged_notes(scenario.unjudged)),
        verdict_table(summary.judged, specs),
        *(_market(market, summary, specs) for market in summary.markets),
        stretch_section(summary),
        _thinking(summary, specs),
        _tools(summary),
        _work(summary),
        _wealth(summary, specs),
        _messages(summary),
    )
    footer = (
        f"<p>Canonical log <code>{escape(summary.canonical_hash or 'was not computed')}</code></p>",
        "<p>Equal scenarios and seeds give this same hash, over any transport and number of processes.</p>",
        _retention_note(summary),
    )
    return render_document(
        Document(
            title=f"{heading} · {summary.run}",
            eyebrow="econsim · run report",
            heading=heading,
            lede=_prose(scenario.description),
            notes=f'<ul class="chips">{_chips(summary)}</ul>\n{_notes(summary)}',
            main="\n".join(main),
            footer="\n".join(footer),
            specs=specs,
        )
    )


def _prose(text: str) -> str:
    """Return a scenario's text as markup; text in backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text.strip()))


def _chips(summary: Summary) -> str:
    scenario = summary.scenario
    agents = sum(group.count for group in scenario.agents)
    chips = [
        ("scenario", scenario.name),
        ("seed", str(scenario.seed)),
        ("run", summary.run),
        ("agents", count(agents)),
        ("time", scenario.clock.mode.value.replace("_", "-")),
        ("hash", summary.canonical_hash[:12] or NOTHING),
    ]
    return "".join(f"<li><span>{name}</span>{escape(value)}</li>" for name, value in chips)


def _notes(summary: Summary) -> str:
    """Return the notes that a reader needs before any figure."""
    notes = [("Not finished.", summary.unfinished)] if summary.unfinished else []
    notes += [("Ended early.", summary.failure)] if summary.failure else []
    notes += [("Warning.", warning) for warning in summary.warnings]
    return "".join(f'<p class="failure"><b>{head}</b> {_prose(text)}</p>' for head, text in notes)


def _retention_note(summary: Summary) -> str:
    if not summary.kept_until:
        return ""
    command = f"<code>econsim export {escape(summary.run)} --parquet DIR</code>"
    return f"<p>The log keeps this run until {summary.kept_until}; {command} keeps it for good.</p>"


def _cards(summary: Summary) -> str:
    speed = summary.speed
    volume = sum(market.volume for market in summary.markets)
    ending = "" if summary.closed else ", not finished"
    cards = [
        ("Efficiency", percent(summary.efficiency), "of the most surplus possible"),
        (
            "Trades",
            count(summary.trades),
            f"{count(volume)} units in {plural(len(summary.markets), 'market')}",
        ),
        (
            "Orders",
            count(summary.orders),
            f"{plural(summary.periods, 'period')}, {plural(summary.ticks, 'tick')}{ending}",
        ),
        ("Gini of wealth", decimal(summary.gini, 3), "0 is equal, 1 is all to one"),
    ]
    if speed:
        rate = f"{count(orders_per_second(summary))} orders/s"
        cards.append(("Time", f"{speed.elapsed_s:.1f} s", rate))
    if speed and speed.latency_p50_ms is not None:
        worst = f"99th percentile {decimal(speed.latency_p99_ms, 1)} ms"
        cards.append((f"Median {speed.latency_of}", f"{decimal(speed.latency_p50_ms, 1)} ms", worst))
    return "".join(
        f'<div class="kpi"><p class="name">{escape(name)}</p><p class="value">{escape(value)}</p>'
        f'<p class="hint">{escape(hint)}</p></div>'
        for name, value, hint in cards
    )


def _expectations(verdicts: Sequence[ExpectationResult], left_out: Sequence[str]) -> str:
    notes = "".join(f'<p class="facts">{escape(sentence)}.</p>' for sentence in left_out)
    if not verdicts:
        return f'<section class="part"><h2>Expectations</h2>{notes}</section>' if notes else ""
    rows = [
        [
            measure_words(verdict.expectation),
            f"{verdict.expectation.value:g} ± {verdict.expectation.tolerance:g}",
            decimal(verdict.measured, 3)
            + ("" if verdict.half_width is None else f" ± {verdict.half_width:.3f}"),
            _verdict(verdict),
            verdict.expectation.source,
        ]
        for verdict in verdicts
    ]
    head = ("Measure", "Expected", "Measured, 95 % interval", "Verdict", "Source")
    listed = table(head, rows, raw=(3,), text=(4,))
    return (
        '<section class="part"><h2>Expectations</h2><p class="facts">What the scenario must reproduce, '
        f"as the mean over its periods.</p>{notes}{listed}</section>"
    )


def _verdict(verdict: ExpectationResult) -> str:
    return (
        '<span class="verdict">holds</span>'
        if verdict.holds
        else '<span class="verdict fails">differs</span>'
    )


def _market(market: MarketSummary, summary: Summary, specs: Specs) -> str:
    name = escape(market.resource)
    drawn = "".join(figure(each, specs) for each in _charts(market, summary))
    mechanism = escape(market.mechanism.replace("_", " "))
    return (
        f'<section class="part"><h2>{name}<small>{mechanism}</small></h2>{_facts(market)}'
        f'<div class="grid">{drawn}</div>{_period_table(market)}</section>'
    )


def _charts(market: MarketSummary, summary: Summary) -> list[Figure]:
    name = market.resource
    drawn = [
        Figure(
            f"{name}_prices",
            "Price path",
            "Mean price of each tick and its range; the dashed line is the equilibrium price.",
            charts.price_path(market, summary),
            wide=True,
        ),
        Figure(
            f"{name}_schedule",
            "Supply and demand",
            "Private values and costs of a period's units, with every trade at its place in the period.",
            charts.supply_and_demand(market),
        ),
        Figure(
            f"{name}_surplus",
            "Surplus within a period",
            "How much of the possible gains from trade was realised by each tick.",
            charts.surplus_in_period(market, summary),
        ),
    ]
    if len(market.periods) > 1:
        caption = "Each period as a dot; the line is the mean of all periods so far."
        chart = charts.efficiency_by_period(market)
        drawn.append(Figure(f"{name}_efficiency", "Efficiency by period", caption, chart))
    chart, wide = charts.volume_by_tick(market, summary), len(drawn) % 2 == 1
    return [*drawn, Figure(f"{name}_volume", "Volume", "Units traded over the run.", chart, wide)]


def _facts(market: MarketSummary) -> str:
    oracle = market.equilibrium
    lasts = len({period.equilibrium for period in market.periods}) <= 1
    refused = sum(market.rejected.values())
    facts = [
        ("efficiency", percent(market.efficiency, 2)),
        ("Smith's alpha", percentage(market.alpha)),
        ("mean price", decimal(market.mean_price, 4)),
        ("equilibrium price", price_range(oracle.price_low, oracle.price_high) if lasts else "varies"),
        ("units a period", decimal(market.volume / max(len(market.periods), 1))),
        ("equilibrium quantity", count(oracle.quantity) if lasts else "varies"),
        ("orders", count(market.orders)),
        ("refused", count(refused)),
    ]
    return (
        '<p class="facts">' + " · ".join(f"{name} <b>{escape(value)}</b>" for name, value in facts) + "</p>"
    )


def _period_table(market: MarketSummary) -> str:
    rows = [
        [
            count(period.number),
            percent(period.efficiency, 2),
            percentage(period.alpha),
            count(period.trades),
            count(period.volume),
            decimal(period.mean_price, 4),
            money(period.surplus),
        ]
        for period in market.periods[:PERIODS_LISTED_MAX]
    ]
    head = ("Period", "Efficiency", "Smith's alpha", "Trades", "Units", "Mean price", "Surplus, credits")
    left = len(market.periods) - len(rows)
    more = f", the first {len(rows)} of {len(market.periods)}" if left else ""
    return f'<details class="card"><summary>Periods as a table{more}</summary>{table(head, rows, card=False)}</details>'


def _thinking(summary: Summary, specs: Specs) -> str:
    """Return what agents paid for calls of models; nothing for a run without calls."""
    if not summary.thinking:
        return ""
    paid = sum(group.price for group in summary.thinking)
    drawn = figure(
        Figure(
            "thinking_cost",
            "Cost of thinking",
            "Credits that an agent of each group paid for calls in a period, on average.",
            charts.thinking_cost(summary.thinking),
        ),
        specs,
    ) + figure(
        Figure(
            "priced_out",
            "Priced out",
            "Share of a group's agents that could not afford their newest call.",
            charts.priced_out_share(summary.thinking),
        ),
        specs,
    )
    fact = f"All agents together paid {money(paid)} credits, each from its own balance"
    head = tuple(heading.capitalize() for heading in THINKING_HEAD)
    listed = table(head, thinking_rows(summary), text=(0, 1, 3))
    return (
        f'<section class="part"><h2>Thinking</h2><p class="facts">{fact}.</p>'
        f'<div class="grid">{drawn}</div>{listed}</section>'
    )


def _tools(summary: Summary) -> str:
    """Return what agents paid for calls of tools; nothing for a run without calls."""
    if not summary.tools:
        return ""
    paid = sum(group.price for group in summary.tools)
    fact = f"All agents together paid {money(paid)} credits, each from its own balance"
    head = tuple(heading.capitalize() for heading in TOOLS_HEAD)
    listed = table(head, tool_rows(summary), text=(0, 1, 3))
    return f'<section class="part"><h2>Tools</h2><p class="facts">{fact}.</p>{listed}</section>'


def _work(summary: Summary) -> str:
    """Return what agents asked people and did for each other; nothing for a run without."""
    if not summary.work:
        return ""
    paid = sum(group.paid for group in summary.work)
    fact = f"Agents paid each other {money(paid)} credits for results that they approved"
    listed = table(tuple(heading.capitalize() for heading in WORK_HEAD), work_rows(summary), text=(0,))
    return f'<section class="part"><h2>Questions and tasks</h2><p class="facts">{fact}.</p>{listed}</section>'


def _wealth(summary: Summary, specs: Specs) -> str:
    gained = charts.profits(summary.holders)
    held = charts.lorenz([holder.wealth for holder in summary.holders])
    shares = f"Share of all wealth held by the poorest; Gini {decimal(summary.gini, 3)}. Dashed: all equal."
    drawn = figure(
        Figure(
            "profits", "Profits", "Money owned less money owed at the end, beyond what was dealt.", gained
        ),
        specs,
    ) + figure(Figure("lorenz", "Lorenz curve of wealth", shares, held), specs)
    richest = summary.holders[-1] if summary.holders else None
    fact = f"{count(len(summary.holders))} agents"
    if richest:
        fact += f", the richest {escape(richest.agent)} with {money(richest.wealth)} credits"
    if owed := debt_note(summary):
        fact += f"; {owed}"
    return f'<section class="part"><h2>Wealth</h2><p class="facts">{fact}.</p><div class="grid">{drawn}</div></section>'


def _messages(summary: Summary) -> str:
    rows = [[kind, count(number)] for kind, number in summary.messages.items()]
    listed = table(("Event", "Messages"), rows, card=False)
    total = count(sum(summary.messages.values()))
    return (
        f'<section class="part"><details class="card"><summary>{total} messages by type</summary>{listed}'
        "</details></section>"
    )
