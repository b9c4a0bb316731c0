"""The charts of one market, as Vega-Lite specifications. Blue is demand, vermilion supply, ink a trade, grey a reference."""

from __future__ import annotations

from typing import Final

from econsim.report.charts import (
    BLUE,
    CORAL,
    GREY,
    INK,
    MUTED,
    POINTS_ON_LINE_MAX,
    TEAL,
    TEXT,
    Label,
    Spec,
    axis,
    field,
    layer,
    line_labels,
    mark,
    period_axis,
    view,
)
from econsim.report.format import money
from econsim.report.series import (
    POINTS_MAX,
    RULES_MAX,
    Rows,
    bucket_width,
    equilibrium_rows,
    equilibrium_shares,
    gained_rows,
    price_rows,
    quote_rows,
    share_rows,
    stair_rows,
    trade_dots,
    trade_rows,
    volume_rows,
)
from econsim.report.summary import MarketSummary, Period, Summary
from econsim.schemas.types import MICROS_PER_CREDIT

NAME_SHARE, NUMBER_SHARE = 0.24, 0.1
"""Share of a chart's width that `period 1` and the number of a later period take on a phone's screen."""


def price_path(market: MarketSummary, summary: Summary) -> Spec:
    """Draw trades and best quotes over ticks against the equilibrium; of many trades their mean and range."""
    dots = trade_dots(market) if len(market.trades) <= POINTS_MAX else []
    path = [] if dots else price_rows(market, summary.ticks)
    quotes = quote_rows(market)
    prices = [row["price"] for row in dots] + [row[end] for row in path for end in ("low", "high")]
    held = equilibrium_rows(market, summary)
    ends = axis([*prices, *(row["P0"] for row in held)])
    scale: Spec = {"domain": ends, "nice": False, "zero": False}
    x = field("tick:Q", title="tick", scale={"domain": [0, max(summary.ticks, 1)], "nice": False})
    last = market.periods[-1:]
    labels = [*(label for day in last for label in _equilibrium_label(day)), *_quote_labels(quotes)]
    if path:
        labels.append(Label("mean price", path[-1]["mean"], INK))
    drawn = _trades(dots, x, scale) if dots else _mean_prices(path, x, scale)
    return layer(
        *_equilibrium(held, scale, x),
        *_periods(summary, x),
        *_quotes(quotes, x, scale),
        *drawn,
        line_labels(labels, ends, scale),
    )


def supply_and_demand(market: MarketSummary, summary: Summary) -> Spec:
    """Draw the stairs of the first period's schedule, and the trades at their place in the period."""
    stairs, trades = stair_rows(market), trade_rows(market)
    ends = axis([row["price"] for row in (*stairs, *trades)])
    scale: Spec = {"domain": ends, "nice": False, "zero": False}
    x = field("units:Q", title="units in a period", axis={"tickMinStep": 1})
    y = _price("price:Q", scale)
    colour = field("side:N", scale={"domain": ["demand", "supply"], "range": [BLUE, CORAL]}, legend=None)
    tooltip = [field("period:Q"), field("price:Q", format=".4~f"), field("units:Q", title="unit")]
    last = {row["side"]: row["price"] for row in stairs}
    labels = [Label(side, last[side], colour) for side, colour in _SIDES if side in last]
    labels += [label for day in market.periods[:1] for label in _equilibrium_label(day)]
    held = equilibrium_rows(market, summary)[:1]
    dots = view(mark("circle", size=22, opacity=0.45, color=INK), trades, "trades", x=x, y=y, tooltip=tooltip)
    return layer(
        *_equilibrium(held, scale),
        view(
            mark("line", strokeWidth=2.4), stairs, "schedule", x=x, y=y, color=colour, order=field("order:O")
        ),
        *([dots] if trades else []),
        line_labels(labels, ends, scale),
    )


def surplus_by_side(market: MarketSummary) -> Spec:
    """Draw the surplus of buyers and of sellers in each period, and what both would have at the equilibrium price."""
    rows, reference = share_rows(market), equilibrium_shares(market)
    ends = axis([*(row["surplus"] for row in rows), *(reference or ())], from_zero=True)
    scale: Spec = {"domain": ends, "nice": False}
    y = field("surplus:Q", title="surplus, credits", scale=scale)
    x = field("period:Q", title="period", scale={"zero": False}, axis=period_axis(len(market.periods)))
    sides: Spec = {"domain": ["buyers", "sellers"]}
    colour = field("side:N", scale=sides | {"range": [BLUE, CORAL]}, legend=None)
    shape = field("side:N", scale=sides | {"range": ["circle", "square"]}, legend=None)
    tooltip = [
        field("side:N"),
        field("period:Q"),
        field("surplus:Q", format=".4~f", title="surplus, credits"),
    ]
    labels = [
        Label(row["side"], row["surplus"], _COLOUR[row["side"]])
        for row in rows[-1:] + _last_of(rows, "buyers")
    ]
    at: Rows = []
    if reference:
        at = [
            {"side": side, "surplus": share}
            for side, share in zip(("buyers", "sellers"), reference, strict=True)
        ]
        labels += [Label(f"{who} at P0", share, MUTED) for who, share in _at_p0(*reference)]
    dashed = mark("rule", strokeDash=[5, 4], strokeWidth=1.4, opacity=0.8)
    points = 48 if len(market.periods) <= POINTS_ON_LINE_MAX else 0
    return layer(
        view(dashed, at, "equilibrium", y=y, color=colour),
        view(mark("line", strokeWidth=2), rows, "surplus", x=x, y=y, color=colour),
        view(
            mark("point", filled=True, size=points, opacity=1),
            rows,
            x=x,
            y=y,
            color=colour,
            shape=shape,
            tooltip=tooltip,
        ),
        line_labels(labels, ends, scale),
    )


def surplus_in_period(market: MarketSummary, summary: Summary) -> Spec:
    """Draw how much of the possible surplus was gained by each tick of a period: mean and range over periods."""
    rows, several = gained_rows(market, summary), len(market.periods) > 1
    ends = [min([0.0, *(row["low"] for row in rows)]), max([1.0, *(row["high"] for row in rows)])]
    scale: Spec = {"domain": ends, "nice": False}
    y = field("mean:Q", title="surplus gained so far", axis={"format": ".0%"}, scale=scale)
    tooltip = [field("tick:Q"), *(field(f"{name}:Q", format=".1%") for name in ("mean", "low", "high"))]
    label = Label("mean" if several else "period 1", rows[-1]["mean"] if rows else 0.0, TEAL)
    labels = [label, *([Label("range", rows[-1]["low"], MUTED)] if several else [])]
    band = mark("area", interpolate="step-after", color=TEAL, opacity=0.22)
    return layer(
        *([view(band, y=field("low:Q", scale=scale), y2={"field": "high"})] if several else []),
        view(mark("line", interpolate="step-after", strokeWidth=2.2, color=TEAL), y=y, tooltip=tooltip),
        line_labels(labels, ends, scale),
        rows=rows,
        name="gained",
        x=field("tick:Q", title="tick of the period"),
    )


def volume_by_tick(market: MarketSummary, summary: Summary) -> Spec:
    """Draw units traded over ticks."""
    width = bucket_width(summary.ticks)
    title = "tick" if width == 1 else f"tick, {width} in a bar"
    return view(
        mark("rect", color=MUTED, opacity=0.85),
        volume_rows(market, summary.ticks),
        "volume",
        x=field("from:Q", title=title, scale={"domain": [0, summary.ticks + 1], "nice": False}),
        x2={"field": "to"},
        y=field("units:Q", title="units traded", axis={"tickMinStep": 1}, scale={"zero": True}),
        y2={"datum": 0},
        tooltip=[field("from:Q"), field("units:Q")],
    )


_SIDES: Final = (("demand", BLUE), ("supply", CORAL))
"""Sides of a schedule with their colours."""
_COLOUR: Final = {"buyers": BLUE, "sellers": CORAL}
"""Sides of a market with their colours."""


def _at_p0(buyers: float, sellers: float) -> list[tuple[str, float]]:
    return [("both", buyers)] if buyers == sellers else [("buyers", buyers), ("sellers", sellers)]


def _last_of(rows: Rows, side: str) -> Rows:
    return [row for row in rows if row["side"] == side][-1:]


def _trades(dots: Rows, x: Spec, scale: Spec) -> list[Spec]:
    tooltip = [field("tick:Q"), field("period:Q"), field("price:Q", format=".4~f"), field("units:Q")]
    look = mark("circle", color=INK, opacity=0.7, size=24)
    return [view(look, dots, "trades", x=x, y=_price("price:Q", scale), tooltip=tooltip)]


def _mean_prices(path: Rows, x: Spec, scale: Spec) -> list[Spec]:
    tooltip = [field("tick:Q"), field("mean:Q", title="mean price", format=".4~f"), field("units:Q")]
    return [
        layer(
            view(mark("area", color=INK, opacity=0.16), y=_price("low:Q", scale), y2={"field": "high"}),
            view(mark("line", color=INK, strokeWidth=1.6), y=_price("mean:Q", scale), tooltip=tooltip),
            rows=path,
            name="prices",
            x=x,
            detail=field("period:N"),
        )
    ]


def _quotes(quotes: Rows, x: Spec, scale: Spec) -> list[Spec]:
    """Return the lines of the best bid and the best ask."""
    if not quotes:
        return []
    lines = [
        view(
            mark("line", color=colour, interpolate="step-after", strokeWidth=1.2, opacity=0.6, clip=True),
            y=_price(f"{side}:Q", scale),
        )
        for side, colour in (("bid", BLUE), ("ask", CORAL))
    ]
    return [layer(*lines, rows=quotes, name="quotes", x=x)]


def _quote_labels(quotes: Rows) -> list[Label]:
    found = []
    for side, colour in (("bid", BLUE), ("ask", CORAL)):
        known = [row[side] for row in quotes if row[side] is not None]
        found += [Label(f"best {side}", known[-1], colour)] if known else []
    return found


def _periods(summary: Summary, x: Spec) -> list[Spec]:
    """Return a dotted line where each period begins, and above the chart the numbers of as many as have room."""
    starts = [*enumerate(summary.period_starts, 1)]
    if len(starts) < 2:
        return []
    named, free = [{"tick": 0, "name": "period 1"}], NAME_SHARE * summary.ticks
    for number, tick in starts[1:]:
        if tick >= free:
            named.append({"tick": tick - 1, "name": str(number)})
            free = tick + NUMBER_SHARE * summary.ticks
    ruled = [{"tick": tick - 1} for _, tick in starts[1:]] if len(starts) <= RULES_MAX else named[1:]
    dotted = mark("rule", color=GREY, opacity=0.5, strokeDash=[1, 3])
    text = mark("text", **TEXT | {"baseline": "bottom"}, color=MUTED)
    return [view(dotted, ruled, x=x), view(text, named, x=x, y={"value": -6}, text=field("name:N"))]


def _price(name: str, scale: Spec) -> Spec:
    return field(name, title="price, credits", scale=scale)


def _equilibrium(held: Rows, scale: Spec, ticks: Spec | None = None) -> list[Spec]:
    """Return the equilibrium as a band and a line, by the ticks of its periods if these are given; nothing where there is none."""
    if not held:
        return []
    if len(held) == 1:
        ticks = None
    over: Spec = {} if ticks is None else {"x": ticks | {"field": "from"}, "x2": {"field": "to"}}
    rows = held if ticks else [{name: held[0][name] for name in ("P0", "low", "high")}]
    tooltip = [field("P0:Q", title="equilibrium price", format=".4~f")]
    band = view(
        mark("rect", color=GREY, opacity=0.16), y=_price("low:Q", scale), y2={"field": "high"}, **over
    )
    dashed = mark("rule", color=GREY, strokeDash=[5, 4], strokeWidth=1.6)
    line = view(dashed, y=_price("P0:Q", scale), tooltip=tooltip, **over)
    return [layer(band, line, rows=rows, name="equilibrium")]


def _equilibrium_label(day: Period) -> list[Label]:
    """Return the name of the line of a period's equilibrium price: `P0 held` where price limits or a tax move it."""
    price = day.constrained.price if day.constrained else None
    name = "P0 held" if day.is_constrained else "P0"
    return [] if price is None else [Label(f"{name} = {money(price)}", price / MICROS_PER_CREDIT, MUTED)]
