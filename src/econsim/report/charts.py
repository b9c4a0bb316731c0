"""The charts of a report, as Vega-Lite specifications without colours of page or text.

The page adds the colours, so one chart serves light and dark. The rows come from `series`. The specifications are written as
data: Altair, which makes the pictures of experiments, takes half a second to load, longer than a small run takes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

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
from econsim.report.verdict_lanes import Lanes
from econsim.schemas.types import MICROS_PER_CREDIT

Spec = dict[str, Any]
"""Vega-Lite specification of a chart, or a part of one."""

BLUE: Final = "#4f7df3"
"""Colour of demand and prices."""
CORAL: Final = "#f0714f"
"""Colour of supply."""
TEAL: Final = "#14a38b"
"""Colour of surplus and efficiency."""
AMBER: Final = "#c98a00"
"""Colour of what could not be decided."""
GREY: Final = "#8a8f9c"
"""Colour of references: the equilibrium, equality."""

INK: Final = "var(--ink)"
"""Colour of text that a chart holds itself: the page's, on paper too."""
CARD: Final = "var(--card)"
"""Colour behind a chart: the page's."""

LABEL_PX: Final = 170
"""Width of an event's label: it fits a phone's screen beside the events' ticks, and most types of events fit it."""

_TYPES: Final = {"Q": "quantitative", "N": "nominal", "O": "ordinal"}
"""Letter in a short name of a field → type of its values."""


def price_path(market: MarketSummary, summary: Summary) -> Spec:
    """Draw trade prices over ticks against the equilibrium."""
    x = _field("tick:Q", title="tick", scale={"domain": [0, max(summary.ticks, 1)], "nice": False})
    size = _field("units:Q", legend=None, scale={"range": [12, 70]})
    tooltip = [_field("tick:Q"), _field("mean:Q", title="mean price", format=".4~f"), _field("units:Q")]
    starts = summary.period_starts[1:]
    rules = []
    if 0 < len(starts) <= RULES_MAX:
        dotted = _mark("rule", color=GREY, opacity=0.35, strokeDash=[1, 3])
        rules = [_view(dotted, [{"tick": tick} for tick in starts], x=x)]
    prices = _layer(
        _view(_mark("area", color=BLUE, opacity=0.18), y=_price("low:Q"), y2={"field": "high"}),
        _view(_mark("line", color=BLUE, strokeWidth=1.6), y=_price("mean:Q")),
        _view(_mark("circle", color=BLUE, opacity=0.75), y=_price("mean:Q"), size=size, tooltip=tooltip),
        rows=price_rows(market, summary.ticks),
        x=x,
        detail=_field("period:N"),
    )
    return _layer(*_yardstick(market), *rules, prices)


def supply_and_demand(market: MarketSummary) -> Spec:
    """Draw the schedule's stairs, and the trades at their place in the period."""
    colour = _field(
        "side:N",
        scale={"domain": ["demand", "supply", "trade"], "range": [BLUE, CORAL, TEAL]},
        legend={"title": None, "orient": "top", "symbolOpacity": 1},
    )
    shared = {
        "x": _field("units:Q", title="units in a period"),
        "y": _price("price:Q"),
        "color": colour,
    }
    tooltip = [
        _field("period:Q"),
        _field("price:Q", format=".4~f"),
        _field("units:Q", title="unit"),
    ]
    stairs = _view(_mark("line", strokeWidth=2.2), stair_rows(market), **shared, order=_field("order:O"))
    trades = _view(_mark("circle", size=26, opacity=0.4), trade_rows(market), **shared, tooltip=tooltip)
    return _layer(*_yardstick(market), stairs, trades)


def surplus_in_period(market: MarketSummary, summary: Summary) -> Spec:
    """Draw how much of the possible surplus was gained by each tick of a period."""
    if len(market.periods) == 1 or len(market.periods) > LINES_MAX:
        colour: Spec = {"value": TEAL}
    else:
        legend = {"title": "period", "orient": "top"}
        colour = _field("period:O", scale={"scheme": "tealblues"}, legend=legend)
    return _view(
        _mark("line", interpolate="step-after", strokeWidth=2),
        surplus_rows(market, summary),
        x=_field("tick:Q", title="tick of the period"),
        y=_field("share:Q", title="surplus gained so far", axis={"format": ".0%"}),
        color=colour,
        tooltip=[_field("period:N"), _field("tick:Q"), _field("share:Q", format=".1%")],
    )


def efficiency_by_period(market: MarketSummary) -> Spec:
    """Draw each period's efficiency and the mean so far."""
    rows = efficiency_rows(market)
    low = min((row["efficiency"] for row in rows), default=0.0)
    # Tenths below the lowest: enough to see a change, and a tenth at least, so that noise stays small.
    scale = {"domain": [min(math.floor(10 * low) / 10, 0.9), 1.0]}
    each = _field("efficiency:Q", title="efficiency", scale=scale, axis={"format": ".0%"})
    return _layer(
        _view(_mark("circle", color=TEAL, opacity=0.55, size=34), y=each),
        _view(_mark("line", color=TEAL, strokeWidth=2.2), y=_field("so far:Q", scale=scale)),
        rows=rows,
        x=_field("period:Q", title="period", scale={"zero": False}, axis=_period_axis(len(rows))),
        tooltip=[
            _field("period:Q"),
            _field("efficiency:Q", format=".2%"),
            _field("so far:Q", format=".2%", title="mean so far"),
        ],
    )


def volume_by_tick(market: MarketSummary, summary: Summary) -> Spec:
    """Draw units traded over ticks."""
    width = bucket_width(summary.ticks)
    title = "tick" if width == 1 else f"tick, {width} in a bar"
    return _view(
        _mark("rect", color=BLUE, opacity=0.85),
        volume_rows(market, summary.ticks),
        x=_field("from:Q", title=title, scale={"domain": [0, summary.ticks + 1], "nice": False}),
        x2={"field": "to"},
        y=_field("units:Q", title="units traded", axis={"tickMinStep": 1}, scale={"zero": True}),
        y2={"datum": 0},
        tooltip=[_field("from:Q"), _field("units:Q")],
    )


def thinking_cost(thinking: Sequence[GroupThinking]) -> Spec:
    """Draw the cost of thinking of an agent of each group, by period."""
    return _lines_by_group(thinking, lambda period: period.cost, "credits an agent", ".2~f")


def priced_out_share(thinking: Sequence[GroupThinking]) -> Spec:
    """Draw the share of each group's agents that could not afford their newest call, by period."""
    return _lines_by_group(thinking, lambda period: period.priced_out, "share of agents", ".0%")


def _lines_by_group(
    thinking: Sequence[GroupThinking], measured: Callable[[ThinkingPeriod], float], title: str, form: str
) -> Spec:
    rows = [
        {"period": number, "value": measured(period), "group": group.group}
        for group in thinking
        for number, period in thin([*enumerate(group.periods, 1)], POINTS_MAX)
    ]
    periods = max((len(group.periods) for group in thinking), default=1)
    return _view(
        _mark("line", strokeWidth=2.2, point={"size": 40}),
        rows,
        x=_field("period:Q", title="period", axis=_period_axis(periods)),
        y=_field("value:Q", title=title, axis={"format": form}),
        color=_GROUP,
        tooltip=[_field("group:N"), _field("period:Q"), _field("value:Q", format=form, title=title)],
    )


def profits(holders: Sequence[AgentSummary]) -> Spec:
    """Draw how many agents earned how much, by group."""
    rows = [
        {"profit": holder.profit / MICROS_PER_CREDIT, "group": holder.group}
        for holder in thin(sorted(holders, key=lambda holder: holder.profit), 4 * POINTS_MAX)
    ]
    count = {"aggregate": "count", "type": "quantitative", "title": "agents"}
    return _view(
        _mark("bar", opacity=0.9),
        rows,
        x=_field("profit:Q", bin={"maxbins": 30}, title="profit, credits"),
        y=count | {"axis": {"tickMinStep": 1}},
        color=_GROUP,
        tooltip=[_field("group:N"), count],
    )


def lorenz(amounts: Iterable[int]) -> Spec:
    """Draw which share of all wealth the poorest share of agents holds; amounts below 0 count as 0."""
    x = _field("agents:Q", title="share of agents, poorest first", axis={"format": ".0%"})
    y = _field("share:Q", title="share held", axis={"format": ".0%"})
    tooltip = [_field("agents:Q", format=".0%"), _field("share:Q", format=".1%")]
    dashed = _mark("line", color=GREY, strokeDash=[4, 4], strokeWidth=1.4)
    curve = _layer(
        _view(_mark("area", color=CORAL, opacity=0.16), x=x, y=y),
        _view(_mark("line", color=CORAL, strokeWidth=2.2), x=x, y=y, tooltip=tooltip),
        rows=lorenz_rows(amounts),
    )
    return _layer(_view(dashed, [{"agents": 0, "share": 0}, {"agents": 1, "share": 1}], x=x, y=y), curve)


def verdict_timeline(lanes: Lanes) -> Spec:
    """Draw a lane for each verdict: its outcome and name, and below them the events that decide it at their ticks."""
    y = _field("row:Q", axis=None, scale={"domain": [0, lanes.rows], "reverse": True, "nice": False})
    # The labels stand right of their events, so the ticks leave them room; links around events take some at the left.
    across = [14, {"expr": f"width - {LABEL_PX}"}]
    x_scale = {"domain": lanes.ticks, "nice": False, "zero": False, "range": across}
    x_axis = {"format": "d", "tickMinStep": 1, "grid": True, "labelFlush": False}
    x = _field("tick:Q", title="tick", scale=x_scale, axis=x_axis)
    kinds = {"domain": ["fails", "undecidable", "vacuous", "holds"], "range": [CORAL, AMBER, GREY, BLUE]}
    colour = _field("outcome:N", scale=kinds, legend=None)
    border = _mark("rule", color=GREY, opacity=0.3)
    link = _mark("line", color=GREY, strokeWidth=1.6, xOffset={"expr": "-9 * datum.aside"})
    by_order = {"detail": _field("link:N"), "order": _field("order:O")}
    return _layer(
        _view(border, lanes.borders, y=y, x={"value": 0}, x2={"value": "width"}),
        _view(link, lanes.links, x=x, y=y, **by_order),
        _lane_heads(lanes, y, colour),
        _lane_events(lanes, x, y, colour),
    )


def _lane_heads(lanes: Lanes, y: Spec, colour: Spec) -> Spec:
    at_left: Spec = {"y": y, "x": {"value": 0}}
    tooltip = [
        _field("name:N", title="expectation"),
        _field("outcome:N"),
        _field("message:N", title="reason"),
    ]
    weight = {"expr": "datum.outcome === 'holds' ? 400 : 600"}
    head = _mark("text", **_TEXT, dx=18, color=INK, fontWeight=weight, limit={"expr": "width - 18"})
    return _layer(
        _view(_mark("text", **_TEXT, fontWeight=700), **at_left, text=_field("sign:N"), color=colour),
        _view(head, **at_left, text=_field("text:N"), tooltip=tooltip),
        rows=lanes.heads,
    )


def _lane_events(lanes: Lanes, x: Spec, y: Spec, colour: Spec) -> Spec:
    dot = _mark("point", shape="circle", size=80, strokeWidth=2, opacity=1)
    filled = {"condition": {"test": "datum.decides", **colour}, "value": CARD}
    tooltip = [_field(f"{name}:N") for name in ("record", "tick", "type", "actor", "description", "cause")]
    label = _mark("text", **_TEXT, dx=10, color=INK, limit={"expr": "width - scale('x', datum.tick) - 12"})
    return _layer(
        _view(dot, stroke=colour, fill=filled, tooltip=tooltip),
        _view(label, text=_field("label:N")),
        rows=lanes.events,
        x=x,
        y=y,
    )


def _layer(*views: Spec, rows: Rows | None = None, **encoding: object) -> Spec:
    """Return views on one another, with the data and the encoding that they share."""
    return _data(rows) | ({"encoding": encoding} if encoding else {}) | {"layer": [*views]}


def _view(mark: Spec, rows: Rows | None = None, **encoding: object) -> Spec:
    """Return one mark for each row, or line through the rows; without rows they are those of the layer around it."""
    return _data(rows) | {"mark": mark, "encoding": encoding}


def _data(rows: Rows | None) -> Spec:
    return {} if rows is None else {"data": {"values": rows}}


def _mark(type_: str, **look: object) -> Spec:
    return {"type": type_, **look}


def _field(name: str, **options: object) -> Spec:
    """Return the encoding of a field by its short name: `tick:Q` is a quantity, `side:N` a name, `order:O` a place in an order."""
    field, _, letter = name.rpartition(":")
    return {"field": field, "type": _TYPES[letter], **options}


def _price(name: str) -> Spec:
    return _field(name, title="price, credits", scale={"zero": False, "nice": True})


def _period_axis(periods: int) -> Mapping[str, object]:
    """Return an axis of whole periods: each, as long as they have room."""
    if periods > RULES_MAX // 2:
        return {"format": "d"}
    return {"format": "d", "values": list(range(1, periods + 1))}


def _yardstick(market: MarketSummary) -> list[Spec]:
    """Return the equilibrium as a band and a line; nothing for a schedule that has none, or another from period to period."""
    oracle = market.lasting_equilibrium
    if oracle is None or oracle.price_low is None or oracle.price_high is None or oracle.price is None:
        return []
    row = {"low": oracle.price_low / MICROS_PER_CREDIT, "high": oracle.price_high / MICROS_PER_CREDIT}
    tooltip = [_field("P0:Q", title="equilibrium price", format=".4~f")]
    band = _view(_mark("rect", color=GREY, opacity=0.16), y=_price("low:Q"), y2={"field": "high"})
    dashed = _mark("rule", color=GREY, strokeDash=[5, 4], strokeWidth=1.6)
    line = _view(dashed, y=_price("P0:Q"), tooltip=tooltip)
    return [_layer(band, line, rows=[row | {"P0": oracle.price / MICROS_PER_CREDIT}])]


_GROUP: Final = _field(
    "group:N", scale={"scheme": "tableau10"}, legend={"title": None, "orient": "top", "columns": 4}
)
"""Colour by group of agents."""

_TEXT: Final[Spec] = {"align": "left", "baseline": "middle", "fontSize": 12}
"""Look of text that a chart holds itself."""
