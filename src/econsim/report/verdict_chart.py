"""The timeline of verdicts, as a Vega-Lite specification: a lane for each, with the events that decide it at their ticks."""

from __future__ import annotations

from typing import Final

from econsim.report.charts import AMBER, BLUE, CARD, CORAL, GREY, INK, TEXT, Spec, field, layer, mark, view
from econsim.report.verdict_lanes import Lanes

LABEL_PX: Final = 170
"""Width of an event's label: it fits a phone's screen beside the events' ticks, and most types of events fit it."""


def verdict_timeline(lanes: Lanes) -> Spec:
    """Draw a lane for each verdict: its outcome and name, and below them the events that decide it at their ticks."""
    y = field("row:Q", axis=None, scale={"domain": [0, lanes.rows], "reverse": True, "nice": False})
    # The labels stand right of their events, so the ticks leave them room; links around events take some at the left.
    across = [14, {"expr": f"width - {LABEL_PX}"}]
    x_scale = {"domain": lanes.ticks, "nice": False, "zero": False, "range": across}
    x_axis = {"format": "d", "tickMinStep": 1, "grid": True, "labelFlush": False}
    x = field("tick:Q", title="tick", scale=x_scale, axis=x_axis)
    kinds = {"domain": ["fails", "undecidable", "vacuous", "holds"], "range": [CORAL, AMBER, GREY, BLUE]}
    colour = field("outcome:N", scale=kinds, legend=None)
    border = mark("rule", color=GREY, opacity=0.3)
    link = mark("line", color=GREY, strokeWidth=1.6, xOffset={"expr": "-9 * datum.aside"})
    return layer(
        view(border, lanes.borders, y=y, x={"value": 0}, x2={"value": "width"}),
        view(link, lanes.links, x=x, y=y, detail=field("link:N"), order=field("order:O")),
        _lane_heads(lanes, y, colour),
        _lane_events(lanes, x, y, colour),
    )


def _lane_heads(lanes: Lanes, y: Spec, colour: Spec) -> Spec:
    tooltip = [
        field("name:N", title="expectation"),
        field("outcome:N"),
        field("message:N", title="reason"),
    ]
    weight = {"expr": "datum.outcome === 'holds' ? 400 : 600"}
    head = mark("text", **TEXT, dx=18, color=INK, fontWeight=weight, limit={"expr": "width - 18"})
    return layer(
        view(mark("text", **TEXT, fontWeight=700), x={"value": 0}, y=y, text=field("sign:N"), color=colour),
        view(head, x={"value": 0}, y=y, text=field("text:N"), tooltip=tooltip),
        rows=lanes.heads,
    )


def _lane_events(lanes: Lanes, x: Spec, y: Spec, colour: Spec) -> Spec:
    dot = mark("point", shape="circle", size=80, strokeWidth=2, opacity=1)
    filled = {"condition": {"test": "datum.decides", **colour}, "value": CARD}
    tooltip = [field(f"{name}:N") for name in ("record", "tick", "type", "actor", "description", "cause")]
    label = mark("text", **TEXT, dx=10, color=INK, limit={"expr": "width - scale('x', datum.tick) - 12"})
    return layer(
        view(dot, stroke=colour, fill=filled, tooltip=tooltip),
        view(label, text=field("label:N")),
        rows=lanes.events,
        name="events",
        x=x,
        y=y,
    )
