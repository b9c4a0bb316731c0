"""The charts that set markets, groups or runs side by side on one axis, as Vega-Lite specifications."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import quantiles
from typing import Final, NamedTuple

from econsim.report.charts import (
    BLUE,
    COLOURS,
    CORAL,
    GREY,
    INK,
    POINTS_ON_LINE_MAX,
    SHAPES,
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
from econsim.report.format import decimal, percent, thin
from econsim.report.series import BUCKETS_MAX, Rows, lorenz_rows

ROW_PX: Final = 34
"""Height of a row of dots."""
AROUND_PX: Final = 62
"""Height of a chart of rows beside its rows: axis, title, padding."""
DOTS_MAX: Final = 200
"""Dots of a row: more are one grey band."""
NAME_PX: Final = 190
"""Width of the names of rows: what is longer is cut off."""

GOLDEN: Final = 0.6180339887498949
"""Golden ratio: its multiples spread dots evenly over the height of their row, however many there are."""


class DotRow(NamedTuple):
    """Row of dots: a market, group or run with its values."""

    name: str
    """Name of the row."""
    values: Sequence[float]
    """Value of each dot."""
    middle: float | None
    """Value that stands for the row: a mean or a median; none without values."""
    kind: str = ""
    """Side of a group: `buyers`, `sellers`, or empty."""


def rows_height(rows: int) -> int:
    """Return the height in pixels of a chart of so many rows."""
    return ROW_PX * max(rows, 1) + AROUND_PX


def efficiency_strip(rows: Sequence[DotRow]) -> Spec:
    """Draw the efficiency of each period as a dot, a row a market, all on one axis from nothing to all; a tick is the mean."""
    lowest = min([0.0, *(value for row in rows for value in row.values)])
    scale: Spec = {"domain": [lowest, max([1.0, *(v for row in rows for v in row.values)])], "nice": False}
    named = [row._replace(kind="all") for row in rows]
    x = field("value:Q", title="efficiency", scale=scale, axis={"format": ".0%"})
    return _strip(named, x, ".2%", "period")


def earnings_strip(rows: Sequence[DotRow]) -> Spec:
    """Draw what each agent earned as a dot, a row a group; a box has the middle half of the agents, its tick the median."""
    scale: Spec = {"domain": axis([value for row in rows for value in row.values]), "nice": False}
    x = field("value:Q", title="profit of an agent, credits", scale=scale)
    zero = view(mark("rule", color=GREY, strokeDash=[4, 4]), [{"zero": 0}], x=field("zero:Q", scale=scale))
    strip = _strip(rows, x, ".4~f", "agent", boxes=True)
    return strip | {"layer": [zero, *strip["layer"]]}


def surplus_dots(rows: Sequence[tuple[str, Sequence[float], Sequence[float] | None]]) -> Spec:
    """Draw which share of the possible surplus buyers and sellers had, and (hollow) would have at the equilibrium price."""
    found: Rows = []
    for name, shares, reference in rows:
        for at, side in enumerate(("buyers", "sellers")):
            row = {"row": name, "side": side, "share": shares[at]}
            found.append(row | ({"at P0": reference[at]} if reference else {}))
    names = [name for name, _, _ in rows]
    values = [row[key] for row in found for key in ("share", "at P0") if key in row]
    scale: Spec = {"domain": [min([0.0, *values]), max([1.0, *values])], "nice": False}
    sides: Spec = {"domain": ["buyers", "sellers"]}
    colour = field("side:N", scale=sides | {"range": [BLUE, CORAL]}, legend=None)
    shape = field("side:N", scale=sides | {"range": ["circle", "square"]}, legend=None)
    y = _names("row:N", names)
    share = field("share:Q", title="share of the most surplus possible", scale=scale, axis={"format": ".0%"})
    tooltip = [
        field("row:N", title="of"),
        field("side:N"),
        field("share:Q", format=".1%"),
        field("at P0:Q", format=".1%"),
    ]
    first = (
        sorted((row for row in found if row["row"] == names[0]), key=lambda row: row["share"])
        if names
        else []
    )
    # The lower share's name ends at its mark and the higher one's begins there, so that they never meet.
    above = [
        view(
            mark("text", **TEXT | {"align": align, "baseline": "bottom"}, dx=aside, dy=-9, fontWeight=600),
            [row],
            x=share,
            y=y,
            color=colour,
            text=field("side:N"),
        )
        for (align, aside), row in zip((("right", -4), ("left", 4)), first, strict=False)
    ]
    return layer(
        view(
            mark("point", size=90, strokeWidth=1.6, filled=False),
            found,
            x=field("at P0:Q", scale=scale),
            y=y,
            color=colour,
            shape=shape,
        ),
        view(
            mark("point", size=90, filled=True, opacity=1),
            found,
            "shares",
            x=share,
            y=y,
            color=colour,
            shape=shape,
            tooltip=tooltip,
        ),
        *above,
    )


def lines_by_period(
    lines: Mapping[str, Sequence[float | None]], title: str, form: str, *, ends: Sequence[float] = ()
) -> Spec:
    """Draw a line a market, group or run over the periods, each with its name at its end; at most LINES_MAX."""
    shown = dict(list(lines.items())[: len(COLOURS)])
    periods = max(map(len, shown.values()), default=1)
    rows: Rows = [
        {"period": number, "value": value, "line": name}
        for name, values in shown.items()
        for number, value in thin([*enumerate(values, 1)], BUCKETS_MAX)
        if value is not None
    ]
    ends = ends or axis([row["value"] for row in rows], from_zero=True)
    scale: Spec = {"domain": [*ends], "nice": False}
    names = list(shown)
    colour = field("line:N", scale={"domain": names, "range": list(COLOURS[: len(names)])}, legend=None)
    shape = field("line:N", scale={"domain": names, "range": list(SHAPES[: len(names)])}, legend=None)
    x = field("period:Q", title="period", scale={"zero": False}, axis=period_axis(periods))
    y = field("value:Q", title=title, axis={"format": form}, scale=scale)
    tooltip = [field("line:N", title="of"), field("period:Q"), field("value:Q", format=form, title=title)]
    last = {row["line"]: row["value"] for row in rows}
    labels = [
        Label(name, last[name], tint) for name, tint in zip(names, COLOURS, strict=False) if name in last
    ]
    size = 46 if periods <= POINTS_ON_LINE_MAX else 0
    return layer(
        view(mark("line", strokeWidth=2), rows, "values", x=x, y=y, color=colour),
        view(
            mark("point", filled=True, size=size, opacity=1),
            rows,
            x=x,
            y=y,
            color=colour,
            shape=shape,
            tooltip=tooltip,
        ),
        line_labels(labels, ends, scale),
    )


def lorenz(amounts: Iterable[int]) -> Spec:
    """Draw which share of all wealth the poorest share of agents holds; amounts below 0 count as 0."""
    x = field("agents:Q", title="share of agents, poorest first", axis={"format": ".0%"})
    y = field("share:Q", title="share held", axis={"format": ".0%"})
    tooltip = [field("agents:Q", format=".0%"), field("share:Q", format=".1%")]
    dashed = mark("line", color=GREY, strokeDash=[4, 4], strokeWidth=1.4)
    curve = layer(
        view(mark("area", color=TEAL, opacity=0.16), x=x, y=y),
        view(mark("line", color=TEAL, strokeWidth=2.2), x=x, y=y, tooltip=tooltip),
        rows=lorenz_rows(amounts),
        name="wealth",
    )
    name = mark("text", **TEXT | {"align": "right", "baseline": "bottom"}, dx=-6, color=INK)
    told = [{"agents": 0.5, "share": 0.5, "label": "all equal"}]
    return layer(
        view(dashed, [{"agents": 0, "share": 0}, {"agents": 1, "share": 1}], x=x, y=y),
        curve,
        view(name, told, x=x, y=y, text=field("label:N")),
    )


def _strip(rows: Sequence[DotRow], x: Spec, form: str, dot: str, *, boxes: bool = False) -> Spec:
    names = [row.name for row in rows]
    kinds: Spec = {"domain": ["buyers", "sellers", "", "all"]}
    colour = field("kind:N", scale=kinds | {"range": [BLUE, CORAL, INK, TEAL]}, legend=None)
    shape = field("kind:N", scale=kinds | {"range": ["circle", "square", "diamond", "circle"]}, legend=None)
    y = _names("row:N", names)
    dots: Rows = [
        {"row": row.name, "kind": row.kind, dot: place, "value": value, "aside": (place * GOLDEN) % 1 - 0.5}
        for row in rows
        for place, value in thin([*enumerate(row.values, 1)], DOTS_MAX)
    ]
    middles: Rows = [_box(row, form) for row in rows if row.middle is not None]
    tooltip = [field("row:N", title="of"), field(f"{dot}:Q"), field("value:Q", format=form, title=x["title"])]
    spread: Spec = {"field": "aside", "type": "quantitative", "scale": {"domain": [-1, 1]}}
    box = mark("rect", height=18, opacity=0.16, cornerRadius=3)
    scale = x["scale"]
    boxed = [view(box, middles, x=field("low:Q", scale=scale), x2={"field": "high"}, y=y, color=colour)]
    middle = mark("tick", thickness=3, size=26, opacity=1)
    label = mark("text", **TEXT, dx=8, color=INK, fontWeight=600)
    return layer(
        *(boxed if boxes else []),
        view(
            mark("point", filled=True, size=28, opacity=0.75),
            dots,
            "dots",
            x=x,
            y=y,
            yOffset=spread,
            color=colour,
            shape=shape,
            tooltip=tooltip,
        ),
        layer(
            view(middle, x=field("middle:Q", scale=scale), color=colour),
            view(label, x={"value": "width"}, text=field("label:N")),
            rows=middles,
            name="rows",
            y=y,
        ),
    )


def _box(row: DotRow, form: str) -> dict[str, object]:
    assert row.middle is not None
    label = percent(row.middle) if form.endswith("%") else decimal(row.middle)
    quarters = quantiles(row.values, n=4, method="inclusive") if len(row.values) > 1 else [row.middle] * 3
    return {
        "row": row.name,
        "kind": row.kind,
        "middle": row.middle,
        "low": quarters[0],
        "high": quarters[2],
        "label": label,
    }


def _names(name: str, names: Sequence[str]) -> Spec:
    return field(
        name,
        title=None,
        sort=list(names),
        axis={"labelLimit": NAME_PX, "grid": True, "domain": False, "ticks": False, "zindex": 0},
    )
