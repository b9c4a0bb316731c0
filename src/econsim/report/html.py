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

from econsim.domain.measures.equilibrium import Equilibrium
from econsim.report import figures
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
    plural,
    price_range,
    thinking_rows,
    tool_rows,
    unjudged_notes,
    work_rows,
)
from econsim.report.markup import Specs, grid, section, table
from econsim.report.scenario_part import definitions_part, scenario_part
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
        section("Markets", grid(figures.overview(summary), specs)),
        *(_market(market, summary, specs) for market in summary.markets),
        stretch_section(summary),
        _thinking(summary, specs),
        _tools(summary),
        _work(summary),
        _agents(summary, specs),
        scenario_part(scenario),
        definitions_part(summary),
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
            lede=prose(scenario.description),
            notes=f'<ul class="chips">{_chips(summary)}</ul>\n{notes(summary)}',
            main="\n".join(main),
            footer="\n".join(footer),
            specs=specs,
            origin=origin(summary),
        )
    )


def origin(summary: Summary) -> str:
    """Return the line that a picture of a run carries: which run it is of, and what its reader must know."""
    scenario = summary.scenario
    known = f"{scenario.name}, seed {scenario.seed}, run {summary.run}"
    return " · ".join([known, *summary.marks])


def prose(text: str) -> str:
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
    told = "".join(f"<li><span>{name}</span>{escape(value)}</li>" for name, value in chips)
    return told + "".join(f'<li class="mark">{escape(mark)}</li>' for mark in summary.marks)


def notes(summary: Summary) -> str:
    """Return the notes that a reader needs before any figure."""
    cut = f"{summary.unfinished}. Its last period counts as far as it came."
    told = [("Not finished.", cut)] if summary.unfinished else []
    told += [("Ended early.", summary.failure)] if summary.failure else []
    told += [("Warning.", warning) for warning in summary.warnings]
    return "".join(f'<p class="failure"><b>{head}</b> {prose(text)}</p>' for head, text in told)


def _retention_note(summary: Summary) -> str:
    if not summary.kept_until:
        return ""
    command = f"<code>econsim runs archive {escape(summary.run)}</code>"
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
    told = "".join(f'<p class="facts">{escape(sentence)}.</p>' for sentence in left_out)
    if not verdicts:
        return section("Expectations", told)
    rows = [
        [
            measure_words(verdict.expectation),
            f"{verdict.expectation.value:g} ± {verdict.expectation.tolerance:g}",
            decimal(verdict.measured, 3),
            count(verdict.periods),
            _verdict(verdict),
            verdict.expectation.source,
        ]
        for verdict in verdicts
    ]
    head = ("Measure", "Expected", "Measured", "Periods", "Verdict", "Source")
    listed = table(head, rows, raw=(4,), text=(5,), look="card stacked")
    facts = f"What the scenario must reproduce, as the mean over its periods. {figures.ONE_RUN}"
    return section("Expectations", told, listed, facts=facts)


def _verdict(verdict: ExpectationResult) -> str:
    return (
        '<span class="verdict">holds</span>'
        if verdict.holds
        else '<span class="verdict fails">differs</span>'
    )


def _market(market: MarketSummary, summary: Summary, specs: Specs) -> str:
    heading = f"{escape(market.resource)}<small>{escape(market.mechanism.replace('_', ' '))}</small>"
    drawn = grid(figures.of_market(market, summary), specs)
    return section(heading, drawn, _period_table(market), facts=_facts(market))


def _facts(market: MarketSummary) -> str:
    oracle = market.equilibrium
    lasts, held = not market.varies, market.constrained_efficiency
    refused = sum(market.rejected.values())
    facts = [
        ("efficiency", percent(market.efficiency, 2)),
        *([] if held is None else [("of what limits and taxes leave", percent(held, 2))]),
        ("surplus of buyers", money(sum(period.shares.buyers for period in market.periods))),
        ("of sellers", money(sum(period.shares.sellers for period in market.periods))),
        ("Smith's alpha", percentage(market.alpha)),
        ("mean price", decimal(market.mean_price, 4)),
        ("equilibrium price", price_range(oracle.price_low, oracle.price_high) if lasts else "varies"),
        ("units a period", decimal(market.volume / max(len(market.periods), 1))),
        ("equilibrium quantity", count(oracle.quantity) if lasts else "varies"),
        ("orders", count(market.orders)),
        ("refused", count(refused)),
    ]
    return " · ".join(f"{name} <b>{escape(value)}</b>" for name, value in facts)


def _price(found: Equilibrium | None) -> str:
    """Return the equilibrium price of a period, as a price or a range."""
    return NOTHING if found is None else price_range(found.price_low, found.price_high)


def _period_table(market: MarketSummary) -> str:
    held = any(period.is_constrained for period in market.periods)
    differs = market.varies or market.lasting_equilibrium is None
    rows = [
        [
            count(period.number),
            percent(period.efficiency, 2),
            *([percent(period.constrained_efficiency, 2)] if held else []),
            *([_price(period.constrained)] if differs else []),
            *([money(period.tax)] if held else []),
            percentage(period.alpha),
            count(period.trades),
            count(period.volume),
            decimal(period.mean_price, 4),
            *map(money, (period.surplus, period.shares.buyers, period.shares.sellers)),
        ]
        for period in market.periods[:PERIODS_LISTED_MAX]
    ]
    head = (
        *("Period", "Efficiency", *(["of what is left"] if held else [])),
        *(["Equilibrium price"] if differs else []),
        *(["Tax, credits"] if held else []),
        *("Smith's alpha", "Trades", "Units", "Mean price"),
        *("Surplus, credits", "of buyers", "of sellers"),
    )
    left = len(market.periods) - len(rows)
    more = f", the first {len(rows)} of {len(market.periods)}" if left else ""
    return f'<details class="card"><summary>Periods as a table{more}</summary>{table(head, rows, look="")}</details>'


def _thinking(summary: Summary, specs: Specs) -> str:
    """Return what agents paid for calls of models; nothing for a run without calls."""
    if not summary.thinking:
        return ""
    paid = sum(group.price for group in summary.thinking)
    fact = f"All agents together paid {money(paid)} credits, each from its own balance."
    head = tuple(heading.capitalize() for heading in THINKING_HEAD)
    listed = table(head, thinking_rows(summary), text=(0, 1, 3))
    return section("Thinking", grid(figures.of_thinking(summary), specs), listed, facts=fact)


def _tools(summary: Summary) -> str:
    """Return what agents paid for calls of tools; nothing for a run without calls."""
    if not summary.tools:
        return ""
    paid = sum(group.price for group in summary.tools)
    fact = f"All agents together paid {money(paid)} credits, each from its own balance."
    head = tuple(heading.capitalize() for heading in TOOLS_HEAD)
    return section("Tools", table(head, tool_rows(summary), text=(0, 1, 3)), facts=fact)


def _work(summary: Summary) -> str:
    """Return what agents asked people and did for each other; nothing for a run without."""
    if not summary.work:
        return ""
    paid = sum(group.paid for group in summary.work)
    fact = f"Agents paid each other {money(paid)} credits for results that they approved."
    listed = table(tuple(heading.capitalize() for heading in WORK_HEAD), work_rows(summary), text=(0,))
    return section("Questions and tasks", listed, facts=fact)


def _agents(summary: Summary, specs: Specs) -> str:
    richest = summary.holders[-1] if summary.holders else None
    fact = f"{count(len(summary.holders))} agents"
    if richest:
        fact += f", the richest {escape(richest.agent)} with {money(richest.wealth)} credits"
    if owed := debt_note(summary):
        fact += f"; {owed}"
    return section("Agents", grid(figures.of_agents(summary), specs), facts=f"{fact}.")


def _messages(summary: Summary) -> str:
    rows = [[kind, count(number)] for kind, number in summary.messages.items()]
    listed = table(("Event", "Messages"), rows, look="")
    total = count(sum(summary.messages.values()))
    return (
        f'<section class="part"><details class="card"><summary>{total} messages by type</summary>{listed}'
        "</details></section>"
    )
