"""The charts of a report, as Altair specifications without colours of page or text.

The page adds the colours, so one chart serves light and dark. The rows come from `series`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import altair as alt

from econsim.report.format import thin
from econsim.report.series import (
    LINES_MAX,
    POINTS_MAX,
    RULES_MAX,
    Rows,
    bucket_width,
    efficiency_rows,
    lorenz_rows,
    price_rows,
    stair_rows,
    surplus_rows,
    trade_rows,
    volume_rows,
)
from econsim.report.summary import AgentSummary, MarketSummary, Summary
from econsim.report.thinking import GroupThinking, ThinkingPeriod
from econsim.schemas.types import MICROS_PER_CREDIT

Drawing = alt.Chart | alt.LayerChart | alt.FacetChart
"""A finished chart."""

BLUE: Final = "#4f7df3"
"""Colour of demand and prices."""
CORAL: Final = "#f0714f"
"""Colour of supply."""
TEAL: Final = "#14a38b"
"""Colour of surplus and efficiency."""
GREY: Final = "#8a8f9c"
"""Colour of references: the equilibrium, equality."""


def price_path(market: MarketSummary, summary: Summary) -> Drawing:
    """Draw trade prices over ticks against the equilibrium."""
    x = alt.X("tick:Q", title="tick", scale=alt.Scale(domain=[0, max(summary.ticks, 1)], nice=False))
    base = alt.Chart(inline_data(price_rows(market, summary.ticks))).encode(x=x, detail="period:N")
    y = _price_axis("mean:Q")
    tooltip = [alt.Tooltip("tick:Q"), alt.Tooltip("mean:Q", title="mean price", format=".4~f"), "units:Q"]
    layers: list[Any] = _yardstick(market)
    starts = summary.period_starts[1:]
    if 0 < len(starts) <= RULES_MAX:
        rules = alt.Chart(inline_data([{"tick": tick} for tick in starts]))
        layers.append(rules.mark_rule(color=GREY, opacity=0.35, strokeDash=[1, 3]).encode(x=x))
    layers += [
        base.mark_area(color=BLUE, opacity=0.18).encode(y=_price_axis("low:Q"), y2=alt.Y2("high:Q")),
        base.mark_line(color=BLUE, strokeWidth=1.6).encode(y=y),
        base.mark_circle(color=BLUE, opacity=0.75).encode(
            y=y, size=alt.Size("units:Q", legend=None, scale=alt.Scale(range=[12, 70])), tooltip=tooltip
        ),
    ]
    return alt.layer(*layers)


def supply_and_demand(market: MarketSummary) -> Drawing:
    """Draw the schedule's stairs, and the trades at their place in the period."""
    colour = alt.Color(
        "side:N",
        scale=alt.Scale(domain=["demand", "supply", "trade"], range=[BLUE, CORAL, TEAL]),
        legend=alt.Legend(title=None, orient="top", symbolOpacity=1),
    )
    x = alt.X("units:Q", title="units in a period")
    stairs = (
        alt.Chart(inline_data(stair_rows(market)))
        .mark_line(strokeWidth=2.2)
        .encode(x=x, y=_price_axis("price:Q"), color=colour, order="order:O")
    )
    trades = (
        alt.Chart(inline_data(trade_rows(market)))
        .mark_circle(size=26, opacity=0.4)
        .encode(
            x=x,
            y=_price_axis("price:Q"),
            color=colour,
            tooltip=["period:Q", alt.Tooltip("price:Q", format=".4~f"), alt.Tooltip("units:Q", title="unit")],
        )
    )
    return alt.layer(*_yardstick(market), stairs, trades)


def surplus_in_period(market: MarketSummary, summary: Summary) -> Drawing:
    """Draw how much of the possible surplus was gained by each tick of a period."""
    rows = surplus_rows(market, summary)
    single = len(market.periods) == 1 or len(market.periods) > LINES_MAX
    encoding: dict[str, Any] = {
        "x": alt.X("tick:Q", title="tick of the period"),
        "y": alt.Y("share:Q", title="surplus gained so far", axis=alt.Axis(format=".0%")),
        "tooltip": ["period:N", "tick:Q", alt.Tooltip("share:Q", format=".1%")],
    }
    if single:
        encoding["color"] = alt.value(TEAL)
    else:
        encoding["color"] = alt.Color(
            "period:O", scale=alt.Scale(scheme="tealblues"), legend=alt.Legend(title="period", orient="top")
        )
    base = alt.Chart(inline_data(rows)).mark_line(interpolate="step-after", strokeWidth=2)
    drawn: Drawing = base.encode(**encoding)
    return drawn


def efficiency_by_period(market: MarketSummary) -> Drawing:
    """Draw each period's efficiency and the mean so far."""
    rows = efficiency_rows(market)
    low = min((row["efficiency"] for row in rows), default=0.0)
    # Tenths below the lowest: enough to see a change, and a tenth at least, so that noise stays small.
    scale = alt.Scale(domain=[min(math.floor(10 * low) / 10, 0.9), 1.0])
    base = alt.Chart(inline_data(rows)).encode(
        x=alt.X("period:Q", title="period", scale=alt.Scale(zero=False), axis=_period_axis(len(rows))),
        tooltip=[
            "period:Q",
            alt.Tooltip("efficiency:Q", format=".2%"),
            alt.Tooltip("so far:Q", format=".2%", title="mean so far"),
        ],
    )
    axis = alt.Axis(format=".0%")
    return alt.layer(
        base.mark_circle(color=TEAL, opacity=0.55, size=34).encode(
            y=alt.Y("efficiency:Q", title="efficiency", scale=scale, axis=axis)
        ),
        base.mark_line(color=TEAL, strokeWidth=2.2).encode(y=alt.Y("so far:Q", scale=scale)),
    )


def volume_by_tick(market: MarketSummary, summary: Summary) -> Drawing:
    """Draw units traded over ticks."""
    width = bucket_width(summary.ticks)
    title = "tick" if width == 1 else f"tick, {width} in a bar"
    bars: Drawing = (
        alt.Chart(inline_data(volume_rows(market, summary.ticks)))
        .mark_rect(color=BLUE, opacity=0.85)
        .encode(
            x=alt.X("from:Q", title=title, scale=alt.Scale(domain=[0, summary.ticks + 1], nice=False)),
            x2=alt.X2("to:Q"),
            y=alt.Y(
                "units:Q", title="units traded", axis=alt.Axis(tickMinStep=1), scale=alt.Scale(zero=True)
            ),
            y2=alt.Y2Datum(0),
            tooltip=["from:Q", "units:Q"],
        )
    )
    return bars


def thinking_cost(thinking: Sequence[GroupThinking]) -> Drawing:
    """Draw the cost of thinking of an agent of each group, by period."""
    return _lines_by_group(thinking, lambda period: period.cost, "credits an agent", ".2~f")


def priced_out_share(thinking: Sequence[GroupThinking]) -> Drawing:
    """Draw the share of each group's agents that could not afford their newest call, by period."""
    return _lines_by_group(thinking, lambda period: period.priced_out, "share of agents", ".0%")


def _lines_by_group(
    thinking: Sequence[GroupThinking], measured: Callable[[ThinkingPeriod], float], title: str, form: str
) -> Drawing:
    rows = [
        {"period": number, "value": measured(period), "group": group.group}
        for group in thinking
        for number, period in thin([*enumerate(group.periods, 1)], POINTS_MAX)
    ]
    periods = max((len(group.periods) for group in thinking), default=1)
    drawn: Drawing = (
        alt.Chart(inline_data(rows))
        .mark_line(strokeWidth=2.2, point=alt.OverlayMarkDef(size=40))
        .encode(
            x=alt.X("period:Q", title="period", axis=_period_axis(periods)),
            y=alt.Y("value:Q", title=title, axis=alt.Axis(format=form)),
            color=alt.Color(
                "group:N",
                scale=alt.Scale(scheme="tableau10"),
                legend=alt.Legend(title=None, orient="top", columns=4),
            ),
            tooltip=["group:N", "period:Q", alt.Tooltip("value:Q", format=form, title=title)],
        )
    )
    return drawn


def profits(holders: Sequence[AgentSummary]) -> Drawing:
    """Draw how many agents earned how much, by group."""
    rows = [
        {"profit": holder.profit / MICROS_PER_CREDIT, "group": holder.group}
        for holder in thin(sorted(holders, key=lambda holder: holder.profit), 4 * POINTS_MAX)
    ]
    bars: Drawing = (
        alt.Chart(inline_data(rows))
        .mark_bar(opacity=0.9)
        .encode(
            x=alt.X("profit:Q", bin=alt.Bin(maxbins=30), title="profit, credits"),
            y=alt.Y("count():Q", title="agents", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color(
                "group:N",
                scale=alt.Scale(scheme="tableau10"),
                legend=alt.Legend(title=None, orient="top", columns=4),
            ),
            tooltip=["group:N", alt.Tooltip("count():Q", title="agents")],
        )
    )
    return bars


def lorenz(amounts: Iterable[int]) -> Drawing:
    """Draw which share of all wealth the poorest share of agents holds; amounts below 0 count as 0."""
    x = alt.X("agents:Q", title="share of agents, poorest first", axis=alt.Axis(format=".0%"))
    y = alt.Y("share:Q", title="share held", axis=alt.Axis(format=".0%"))
    tooltip = [alt.Tooltip("agents:Q", format=".0%"), alt.Tooltip("share:Q", format=".1%")]
    equal = alt.Chart(inline_data([{"agents": 0, "share": 0}, {"agents": 1, "share": 1}]))
    curve = alt.Chart(inline_data(lorenz_rows(amounts)))
    return alt.layer(
        equal.mark_line(color=GREY, strokeDash=[4, 4], strokeWidth=1.4).encode(x=x, y=y),
        curve.mark_area(color=CORAL, opacity=0.16).encode(x=x, y=y),
        curve.mark_line(color=CORAL, strokeWidth=2.2).encode(x=x, y=y, tooltip=tooltip),
    )


def inline_data(rows: Rows) -> alt.InlineData:
    """Return the rows of a chart as its data."""
    return alt.InlineData(values=rows)


def _price_axis(field: str) -> alt.Y:
    return alt.Y(field, title="price, credits", scale=alt.Scale(zero=False, nice=True))


def _period_axis(periods: int) -> alt.Axis:
    """Return an axis of whole periods: each, as long as they have room."""
    if periods > RULES_MAX // 2:
        return alt.Axis(format="d")
    return alt.Axis(format="d", values=list(range(1, periods + 1)))


def _yardstick(market: MarketSummary) -> list[Any]:
    """Return the equilibrium as a band and a line; nothing for a schedule that has none."""
    oracle = market.equilibrium
    if oracle.price_low is None or oracle.price_high is None or market.equilibrium_price is None:
        return []
    row = {"low": oracle.price_low / MICROS_PER_CREDIT, "high": oracle.price_high / MICROS_PER_CREDIT}
    base = alt.Chart(inline_data([row | {"P0": market.equilibrium_price}]))
    band = base.mark_rect(color=GREY, opacity=0.16).encode(y=_price_axis("low:Q"), y2=alt.Y2("high:Q"))
    line = base.mark_rule(color=GREY, strokeDash=[5, 4], strokeWidth=1.6).encode(
        y=_price_axis("P0:Q"), tooltip=[alt.Tooltip("P0:Q", title="equilibrium price", format=".4~f")]
    )
    return [band, line]
