"""Rows about what changed in a run: each market in each stretch of periods in which the same holds. Pure.

Efficiency and alpha stand beside those against what price limits and taxes leave possible (`find_constrained`).
"""

from __future__ import annotations

from itertools import groupby
from typing import Final

from econsim.domain.measures.measures import mean
from econsim.report.format import count, decimal, money, percent, percentage, price_range
from econsim.report.markup import section, table
from econsim.report.summary import MarketSummary, Period, Summary

STRETCHES_HEAD: Final = (
    *("market", "periods", "P0", "P0 held", "effic.", "of held", "alpha", "of held"),
    *("price", "units", "Q0 held", "tax"),
)
"""Headings of the rows; "held" is what price limits and taxes leave."""


def stretch_rows(summary: Summary) -> list[tuple[str, ...]]:
    """Return the rows of a run in which anything changed, or limits or taxes bound; none for others."""
    changed = bool(summary.scenario.changes)
    bound = any(period.is_constrained for market in summary.markets for period in market.periods)
    if not changed and not bound:
        return []
    starts = [first for first, _ in summary.scenario.stretches]
    return [row for market in summary.markets for row in _rows(market, starts)]


def stretch_section(summary: Summary) -> str:
    """Return the rows as a part of the HTML report; nothing for a run without any."""
    rows = stretch_rows(summary)
    if not rows:
        return ""
    note = (
        "Each row is of periods in which the same holds. The free equilibrium is P0; the held one, and efficiency and alpha "
        "of it, are those that price limits and taxes leave."
    )
    listed = table(tuple(heading.capitalize() for heading in STRETCHES_HEAD), rows, text=(0, 1))
    return section("What changed", listed, facts=note)


def _rows(market: MarketSummary, starts: list[int]) -> list[tuple[str, ...]]:
    """Return the rows of one market."""

    def stretch(period: Period) -> int:
        return sum(start <= period.number for start in starts)

    return [_row(market, list(periods)) for _, periods in groupby(market.periods, key=stretch)]


def _row(market: MarketSummary, periods: list[Period]) -> tuple[str, ...]:
    first, last = periods[0].number, periods[-1].number
    free, held = periods[0].equilibrium, periods[0].constrained
    same = all(period.equilibrium == free for period in periods)
    of_each = "of each"
    return (
        market.resource,
        f"{first}" if first == last else f"{first}-{last}",
        price_range(free.price_low, free.price_high) if free and same else of_each,
        price_range(held.price_low, held.price_high) if held and same else of_each,
        percent(mean([p.efficiency for p in periods if p.efficiency is not None])),
        percent(mean([p.constrained_efficiency for p in periods if p.constrained_efficiency is not None])),
        percentage(mean([p.alpha for p in periods if p.alpha is not None])),
        percentage(mean([p.constrained_alpha for p in periods if p.constrained_alpha is not None])),
        decimal(mean([p.mean_price for p in periods if p.mean_price is not None]), 3),
        decimal(mean([float(p.volume) for p in periods]), 1),
        count(held.quantity) if held and same else of_each,
        money(sum(p.tax for p in periods)),
    )
