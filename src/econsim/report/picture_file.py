"""Pictures as files of their own: their colours, font and sizes, and a Vega-Lite specification as SVG or PNG.

`figure_file` writes the figures of a report in the size of a paper's column; the pictures of studies, benchmarks and experiments are as
large as their specification says.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

import vl_convert

FONT: Final = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"
"""Font of picture files; pages use the reader's font."""

TEXT_PX: Final = 13.0
"""Size of the text of a picture that a specification gives its size."""

PADDING_PX: Final = 22
"""Ground around such a picture."""

PNG_SCALE: Final = 2.0
"""Pixels of a PNG for each pixel of the specification."""


class Theme(StrEnum):
    """Colours of text and ground of a picture."""

    LIGHT = "light"
    """Dark text on white."""
    DARK = "dark"
    """Light text on the dark ground of the page, for slides."""
    CLEAR = "clear"
    """Dark text without a ground."""


INKS: Final = {
    Theme.LIGHT: {
        "ink": "#171a21",
        "muted": "#4a5160",
        "grid": "#eceef2",
        "line": "#b9c0cc",
        "card": "#ffffff",
    },
    Theme.DARK: {
        "ink": "#eceff5",
        "muted": "#a9b1c0",
        "grid": "#222834",
        "line": "#3b4352",
        "card": "#171b23",
    },
    Theme.CLEAR: {
        "ink": "#171a21",
        "muted": "#4a5160",
        "grid": "#e3e6ec",
        "line": "#b9c0cc",
        "card": "#ffffff",
    },
}
"""Theme → colour of each name that a chart's specification has for one."""


def config(theme: Theme, text_px: float) -> dict[str, Any]:
    """Return the Vega-Lite configuration of a picture file: colours, and sizes by that of its text."""
    names = INKS[theme]
    axis = {
        "labelColor": names["muted"],
        "titleColor": names["muted"],
        "gridColor": names["grid"],
        "domainColor": names["line"],
        "tickColor": names["line"],
        "labelFontSize": text_px,
        "titleFontSize": text_px,
        "titleFontWeight": 400,
        "titlePadding": 6,
        "tickCount": 6,
    }
    title = {
        "anchor": "start",
        "frame": "bounds",
        "color": names["ink"],
        "fontSize": 1.25 * text_px,
        "fontWeight": 600,
        "offset": 8,
        "subtitleColor": names["muted"],
        "subtitleFontSize": 0.9 * text_px,
        "subtitlePadding": 4,
    }
    legend = {
        "labelColor": names["ink"],
        "titleColor": names["muted"],
        "labelFontSize": text_px,
        "symbolStrokeWidth": 3,
        "symbolSize": 110,
    }
    return {
        "background": None if theme is Theme.CLEAR else names["card"],
        "font": FONT,
        "view": {"stroke": None},
        "axis": axis,
        "axisX": {"grid": False, "labelOverlap": "greedy", "labelSeparation": 6},
        "legend": legend,
        "title": title,
    }


def svg(spec: dict[str, Any]) -> str:
    """Return the picture of a specification as SVG."""
    return vl_convert.vegalite_to_svg(_as_picture(spec))


def png(spec: dict[str, Any]) -> bytes:
    """Return the picture of a specification as PNG."""
    return vl_convert.vegalite_to_png(_as_picture(spec), scale=PNG_SCALE)


def _as_picture(spec: dict[str, Any]) -> dict[str, Any]:
    # On a ground of its own, so that it is readable on a dark page too.
    return spec | {"config": config(Theme.LIGHT, TEXT_PX), "padding": PADDING_PX}
