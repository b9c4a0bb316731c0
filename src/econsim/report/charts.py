"""Parts of all charts: colours, marks, fields, and labels beside lines, as parts of Vega-Lite specifications.

The page adds the colours of page and text, so one chart serves light, dark and paper. The specifications are written as data:
Altair, which makes the pictures of experiments, takes half a second to load, longer than a small run takes. Data that a reader
may want have a name, under which they stand in the figure's CSV file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from econsim.report.series import Rows

Spec = dict[str, Any]
"""Vega-Lite specification of a chart, or a part of one."""

# Blue, vermilion, green and purple of Okabe and Ito (2008), which colour-blind readers tell apart, as dark as text on white must be
# (4.5:1 by WCAG 2.2), because they colour names of lines too. On dark pages lighter ones stand in for them.
BLUE: Final = "#0072b2"
"""Colour of demand, bids and buyers."""
CORAL: Final = "#c65200"
"""Colour of supply, asks and sellers."""
TEAL: Final = "#00805d"
"""Colour of surplus and efficiency."""
PURPLE: Final = "#a2518a"
"""Fourth colour, for lines that stand for nothing else."""
AMBER: Final = "#8a6100"
"""Colour of what could not be decided."""
GREY: Final = "#8a8f9c"
"""Colour of references: the equilibrium, equality."""

ON_DARK: Final = MappingProxyType(
    {BLUE: "#56b4e9", CORAL: "#ff9a4d", TEAL: "#2fc9a0", PURPLE: "#dd8fc6", AMBER: "#e0b040", GREY: "#98a1b2"}
)
"""Colour → the one that stands in for it on a dark page."""

INK: Final = "var(--ink)"
"""Colour of text and trades: the page's, on paper too."""
MUTED: Final = "var(--muted)"
"""Colour of text that may be overlooked: the page's."""
CARD: Final = "var(--card)"
"""Colour behind a chart: the page's."""

COLOURS: Final = (BLUE, CORAL, TEAL, PURPLE, AMBER, GREY)
"""Colours of lines that stand for markets, groups or runs, in turn; each line has its label and its shape besides."""
SHAPES: Final = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross")
"""Shapes of the same lines' points."""
LINES_MAX: Final = len(COLOURS)
"""Lines of a chart: more cannot be told apart."""

POINTS_ON_LINE_MAX: Final = 40
"""Periods up to which each is a point on its line."""
LABEL_SHARE: Final = 0.085
"""Height of a label as a share of the chart's: labels stand at least so far from each other."""

TEXT: Final[Spec] = {"align": "left", "baseline": "middle", "fontSize": 12}
"""Look of text that a chart holds itself."""

_TYPES: Final = {"Q": "quantitative", "N": "nominal", "O": "ordinal"}
"""Letter in a short name of a field → type of its values."""


class Label(NamedTuple):
    """Label of a line at the right edge of its chart."""

    text: str
    """Text of the label."""
    at: float
    """Value at which the line ends, on the vertical axis."""
    colour: str
    """Colour of the label: the line's."""


def layer(*views: Spec, rows: Rows | None = None, name: str = "", **encoding: object) -> Spec:
    """Return views on one another, with the data and the encoding that they share."""
    return _data(rows, name) | ({"encoding": encoding} if encoding else {}) | {"layer": [*views]}


def view(mark_: Spec, rows: Rows | None = None, name: str = "", **encoding: object) -> Spec:
    """Return one mark for each row, or line through the rows; without rows they are those of the layer around it."""
    return _data(rows, name) | {"mark": mark_, "encoding": encoding}


def mark(type_: str, **look: object) -> Spec:
    """Return a kind of mark with its look."""
    return {"type": type_, **look}


def field(name: str, **options: object) -> Spec:
    """Return the encoding of a field by its short name: `tick:Q` is a quantity, `side:N` a name, `order:O` a place in an order."""
    column, _, letter = name.rpartition(":")
    return {"field": column, "type": _TYPES[letter], **options}


def axis(values: Iterable[float | None], *, from_zero: bool = False) -> list[float]:
    """Return the ends of an axis that has all values, with some room at both ends, or from zero on."""
    known = [value for value in values if value is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    room = 0.06 * ((high - low) or abs(high) or 1.0)
    return [low if from_zero and low == 0 else low - room, high + room]


def line_labels(labels: Sequence[Label], ends: Sequence[float], scale: Spec) -> Spec:
    """Return the labels of lines, apart from each other, right of the plot, which leaves them the room they need."""
    gap = LABEL_SHARE * (ends[1] - ends[0])
    ordered = sorted(labels, key=lambda label: label.at)
    places = _apart([min(max(label.at, ends[0]), ends[1]) for label in ordered], gap)
    rows: Rows = [
        {"label": label.text, "at": place, "colour": label.colour}
        for label, place in zip(ordered, places, strict=True)
    ]
    return view(
        mark("text", **TEXT, dx=6, fontWeight=600),
        rows,
        x={"value": "width"},
        y=field("at:Q", scale=scale),
        text=field("label:N"),
        color=field("colour:N", scale=None),
    )


def _apart(places: Sequence[float], gap: float) -> list[float]:
    """Return places in rising order, moved as little as makes them a gap apart: those that touch keep their middle."""
    blocks: list[list[float]] = []  # sum of what its members would have at their first place, and count
    for index, place in enumerate(places):
        blocks.append([place - index * gap, 1.0])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    firsts = [total / count for total, count in blocks for _ in range(int(count))]
    return [first + index * gap for index, first in enumerate(firsts)]


def period_axis(periods: int) -> Spec:
    """Return an axis of whole periods: each, as long as they have room."""
    if periods > 12:
        return {"format": "d", "tickMinStep": 1}
    return {"format": "d", "values": list(range(1, periods + 1))}


def _data(rows: Rows | None, name: str) -> Spec:
    if rows is None:
        return {}
    return {"data": {"values": rows} | ({"name": name} if name else {})}
