"""The rows behind a report's charts: gathered into buckets, so that long runs weigh no more than short ones.

Pure. Prices in credits, shares as fractions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import accumulate, groupby, pairwise
from typing import Any, Final

from econsim.domain.measures.equilibrium import demand_curve, supply_curve
from econsim.domain.measures.measures import mean, weighted_mean
from econsim.report.format import thin
from econsim.report.summary import MarketSummary, Summary
from econsim.schemas.scenario import MechanismName
from econsim.schemas.types import MICROS_PER_CREDIT

Rows = list[dict[str, Any]]
"""A chart's data."""

BUCKETS_MAX: Final = 200
"""Points of a line or bars of a chart: more cannot be distinguished at page width."""
POINTS_MAX: Final = 900
"""Trades drawn as points: more only blacken the chart."""
RULES_MAX: Final = 24
"""Periods marked on the axis of ticks."""
QUOTES_MAX: Final = 400
"""Ticks of which the quotes are drawn: those of more hide the trades."""


def stair_rows(market: MarketSummary) -> Rows:
    """Return the corners of demand and supply."""
    return [
        {"units": units, "price": price / MICROS_PER_CREDIT, "side": side, "order": order}
        for side, corners in (("demand", demand_curve(market.values)), ("supply", supply_curve(market.costs)))
        for order, (units, price) in enumerate(thin(corners, 2 * BUCKETS_MAX))
    ]


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


def trade_dots(market: MarketSummary) -> Rows:
    """Return every trade with its tick, period, price and units."""
    trades = market.trades
    columns = (trades.ticks, trades.periods, trades.prices, trades.quantities)
    return [
        {"tick": tick, "period": period, "price": price / MICROS_PER_CREDIT, "units": units}
        for tick, period, price, units in zip(*columns, strict=True)
    ]


def trade_rows(market: MarketSummary) -> Rows:
    """Return trades at their place in their period: `units` is the middle of the units traded.

    Trades of periods with another equilibrium than the first are left out: their values and costs are not those that are drawn.
    """
    like_first = {
        day.number
        for day in market.periods
        if (day.equilibrium, day.constrained)
        == (market.periods[0].equilibrium, market.periods[0].constrained)
    }
    rows: Rows = []
    done: dict[int, int] = defaultdict(int)
    trades = market.trades
    for period, price, quantity in zip(trades.periods, trades.prices, trades.quantities, strict=True):
        if period not in like_first:
            continue
        rows.append(
            {
                "units": done[period] + quantity / 2,
                "price": price / MICROS_PER_CREDIT,
                "period": period,
            }
        )
        done[period] += quantity
    return thin(rows, POINTS_MAX)


def quote_rows(market: MarketSummary) -> Rows:
    """Return the best bid and ask at the end of each tick, where there are few enough to be told apart.

    A side without an order has none, so that its line breaks. A call auction has none: nothing could be had at them.
    """
    if len(market.quotes) > QUOTES_MAX or market.mechanism == MechanismName.CALL_AUCTION:
        return []
    return [{"tick": tick, "bid": _credits(bid), "ask": _credits(ask)} for tick, (bid, ask) in market.quotes]


def share_rows(market: MarketSummary) -> Rows:
    """Return the surplus of buyers and of sellers in each period, credits."""
    return thin(
        [
            {"period": period.number, "side": side, "surplus": surplus / MICROS_PER_CREDIT}
            for side in ("buyers", "sellers")
            for period in market.periods
            for surplus in [getattr(period.shares, side)]
        ],
        2 * BUCKETS_MAX,
    )


def equilibrium_rows(market: MarketSummary, summary: Summary) -> Rows:
    """Return the price at which demand meets supply within price limits and after tax, from tick to tick, in credits.

    A row is of the periods in turn in which it is the same; periods without such a price have none.
    """
    starts = [tick - 1 for tick in summary.period_starts] + [summary.ticks]
    rows: Rows = []
    for found, days in groupby(market.periods, key=lambda day: day.constrained):
        numbers = [day.number for day in days]
        if (
            numbers[-1] >= len(starts)
            or not found
            or None in {found.price, found.price_low, found.price_high}
        ):
            continue
        prices = {"P0": found.price, "low": found.price_low, "high": found.price_high}
        span = {"from": starts[numbers[0] - 1], "to": starts[numbers[-1]]}
        rows.append(span | {name: (price or 0) / MICROS_PER_CREDIT for name, price in prices.items()})
    return thin(rows, BUCKETS_MAX)


def equilibrium_shares(market: MarketSummary) -> tuple[float, float] | None:
    """Return the surplus of buyers and of sellers in a period that trades Q0 units at P0, credits; none without one P0 for all."""
    price, quantity = market.equilibrium.price, market.equilibrium.quantity
    if price is None or market.varies:
        return None
    values, costs = sorted(market.values, reverse=True)[:quantity], sorted(market.costs)[:quantity]
    buyers, sellers = sum(values) - price * quantity, price * quantity - sum(costs)
    return buyers / MICROS_PER_CREDIT, sellers / MICROS_PER_CREDIT


def gained_rows(market: MarketSummary, summary: Summary) -> Rows:
    """Return the share of the possible surplus gained by each tick of a period: mean, lowest and highest over periods."""
    gained: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    trades = market.trades
    for tick, period, gain in zip(trades.ticks, trades.periods, trades.gains, strict=True):
        gained[period][tick - summary.period_starts[period - 1] + 1] += gain
    length = _longest(summary)
    lines = [
        _steps(gained[p.number].get, length, (p.equilibrium or market.equilibrium).surplus_max or 1)
        for p in market.periods
    ]
    rows = [
        {
            "tick": tick,
            "mean": round(mean(column) or 0.0, 5),
            "low": round(min(column), 5),
            "high": round(max(column), 5),
        }
        for tick, column in enumerate(zip(*lines, strict=True))
    ]
    return thin(rows, BUCKETS_MAX)


def _credits(price: int | None) -> float | None:
    return None if price is None else price / MICROS_PER_CREDIT


def _longest(summary: Summary) -> int:
    starts = [*summary.period_starts, summary.ticks + 1]
    return max((after - start for start, after in pairwise(starts)), default=0)


def _steps(gain: Callable[[int, int], int], length: int, possible: int) -> list[float]:
    """Return the share gained by the end of tick 0, 1 and so on."""
    sums = accumulate(gain(tick, 0) for tick in range(length + 1))
    return [total / possible for total in sums]
