"""Pictures as files of their own: a Vega-Lite specification with colours, font and size, as SVG or PNG."""

from __future__ import annotations

from typing import Any, Final

import vl_convert

FONT: Final = "Helvetica Neue, Helvetica, Arial, sans-serif"
"""Font of picture files; pages use the reader's font."""

PNG_SCALE: Final = 2.0
"""Pixels of a PNG for each pixel of the specification."""

LOOK: Final[dict[str, Any]] = {
    # A background of its own, so that the picture is readable on a dark page too.
    "background": "#ffffff",
    "padding": 22,
    "font": FONT,
    "view": {"stroke": None},
    "title": {
        "anchor": "start",
        "fontSize": 19,
        "fontWeight": 600,
        "color": "#171a21",
        "offset": 14,
        "subtitleFontSize": 13,
        "subtitleColor": "#626a79",
        "subtitlePadding": 6,
    },
    "axis": {
        "labelColor": "#4a5160",
        "titleColor": "#4a5160",
        "gridColor": "#eceef2",
        "domainColor": "#cfd4dd",
        "tickColor": "#cfd4dd",
        "labelFontSize": 12,
        "titleFontSize": 13,
        "titleFontWeight": 400,
        "titlePadding": 10,
    },
    "legend": {"labelFontSize": 13, "labelColor": "#171a21", "symbolStrokeWidth": 3, "symbolSize": 110},
}
"""Vega-Lite configuration of the picture file."""


def svg(spec: dict[str, Any]) -> str:
    """Return the picture of a specification as SVG."""
    return vl_convert.vegalite_to_svg(spec | {"config": LOOK})


def png(spec: dict[str, Any]) -> bytes:
    """Return the picture of a specification as PNG."""
    return vl_convert.vegalite_to_png(spec | {"config": LOOK}, scale=PNG_SCALE)
