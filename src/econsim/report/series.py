"""The rows behind a report's charts: gathered into buckets, so that long runs weigh no more than short ones.

Pure. Prices in credits, shares as fractions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import accumulate, pairwise
from typing import Any, Final

from econsim.domain.measures.equilibrium import demand_curve, supply_curve
from econsim.domain.measures.measures import mean, weighted_mean
from econsim.report.format import thin
from econsim.report.summary import MarketSummary, Summary
from econsim.schemas.types import MICROS_PER_CREDIT

Rows = list[dict[str, Any]]
"""A chart's data."""

BUCKETS_MAX: Final = 200
"""Points of a line or bars of a chart: more cannot be distinguished at page width."""
POINTS_MAX: Final = 900
"""Trades drawn as points: more only blacken the chart."""
RULES_MAX: Final = 24
"""Periods marked on the axis of ticks."""
LINES_MAX: Final = 8
"""Periods drawn as lines of their own; for more, the mean is drawn."""


def stair_rows(market: MarketSummary) -> Rows:
    """Return the corners of demand and supply."""
    return [
        {"units": units, "price": price / MICROS_PER_CREDIT, "side": side, "order": order}
        for side, corners in (("demand", demand_curve(market.values)), ("supply", supply_curve(market.costs)))
        for order, (units, price) in enumerate(thin(corners, 2 * BUCKETS_MAX))
    ]


def efficiency_rows(market: MarketSummary) -> Rows:
    """Return each period's efficiency and the mean so far."""
    found = [(p.number, p.efficiency) for p in market.periods if p.efficiency is not None]
    totals = accumulate(value for _, value in found)
    rows = [
        {"period": number, "efficiency": value, "so far": total / place}
        for place, ((number, value), total) in enumerate(zip(found, totals, strict=True), 1)
    ]
    return thin(rows, BUCKETS_MAX)


def volume_rows(market: MarketSummary, ticks: int) -> Rows:
    """Return units traded in each bucket of ticks; `to` is the first tick after it."""
    width = bucket_width(ticks)
    units: dict[int, int] = defaultdict(int)
    for tick, quantity in zip(market.trades.ticks, market.trades.quantities, strict=True):
        units[(tick - 1) // width] += quantity
    return [
        {"from": bucket * width + 1, "to": (bucket + 1) * width + 1, "units": found}
        for bucket, found in sorted(units.items())
    ]


def lorenz_rows(amounts: Iterable[int]) -> Rows:
    """Return which share the poorest share of agents holds; amounts below 0 count as 0."""
    ordered = sorted(max(amount, 0) for amount in amounts)
    total, agents = sum(ordered) or 1, len(ordered) or 1
    sums = enumerate([0, *accumulate(ordered)])
    return thin([{"agents": place / agents, "share": held / total} for place, held in sums], BUCKETS_MAX)


def bucket_width(ticks: int) -> int:
    """Return how many ticks are gathered into one bucket."""
    return max(1, -(-ticks // BUCKETS_MAX))


def price_rows(market: MarketSummary, ticks: int) -> Rows:
    """Return mean, lowest and highest price and the units of each bucket of ticks with a trade."""
    width = bucket_width(ticks)
    prices: dict[tuple[int, int], list[float]] = defaultdict(list)
    units: dict[tuple[int, int], list[int]] = defaultdict(list)
    trades = market.trades
    columns = (trades.ticks, trades.periods, trades.prices, trades.quantities)
    # Without a break between periods the line would draw prices that nobody paid over night.
    split = market.periods[-1].number <= RULES_MAX
    for tick, period, price, quantity in zip(*columns, strict=True):
        place = (tick // width, period if split else 1)
        prices[place].append(price / MICROS_PER_CREDIT)
        units[place].append(quantity)
    return [
        {
            "tick": bucket * width,
            "period": period,
            "mean": round(weighted_mean(found, units[bucket, period]) or 0.0, 6),
            "low": min(found),
            "high": max(found),
            "units": sum(units[bucket, period]),
        }
        for (bucket, period), found in sorted(prices.items())
    ]


def trade_rows(market: MarketSummary) -> Rows:
    """Return trades at their place in their period: `units` is the middle of the units traded."""
    rows: Rows = []
    done: dict[int, int] = defaultdict(int)
    trades = market.trades
    for period, price, quantity in zip(trades.periods, trades.prices, trades.quantities, strict=True):
        rows.append(
            {
                "units": done[period] + quantity / 2,
                "price": price / MICROS_PER_CREDIT,
                "side": "trade",
                "period": period,
            }
        )
        done[period] += quantity
    return thin(rows, POINTS_MAX)


def surplus_rows(market: MarketSummary, summary: Summary) -> Rows:
    """Return the share of surplus gained by tick: a line a period, or the mean of many periods."""
    gained: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    trades = market.trades
    for tick, period, gain in zip(trades.ticks, trades.periods, trades.gains, strict=True):
        gained[period][tick - summary.period_starts[period - 1] + 1] += gain
    length = _longest(summary)
    lines = {
        period.number: _steps(
            gained[period.number].get, length, (period.equilibrium or market.equilibrium).surplus_max or 1
        )
        for period in market.periods
    }
    if len(lines) > LINES_MAX:
        columns = zip(*lines.values(), strict=True)
        lines = {0: [mean(column) or 0.0 for column in columns]}
    return [
        {"period": number or "mean of all", "tick": tick, "share": round(share, 5)}
        for number, shares in lines.items()
        for tick, share in thin(list(enumerate(shares)), BUCKETS_MAX)
    ]


def _longest(summary: Summary) -> int:
    starts = [*summary.period_starts, summary.ticks + 1]
    return max((after - start for start, after in pairwise(starts)), default=0)


def _steps(gain: Callable[[int, int], int], length: int, possible: int) -> list[float]:
    """Return the share gained by the end of tick 0, 1 and so on."""
    sums = accumulate(gain(tick, 0) for tick in range(length + 1))
    return [total / possible for total in sums]
