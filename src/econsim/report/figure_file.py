"""Figures as files of their own: SVG, PNG or PDF in the size of a column of a paper, or the data behind them as CSV."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Final

import vl_convert

from econsim.report.charts import ON_DARK, Spec
from econsim.report.markup import Figure
from econsim.report.picture_file import INKS, Theme, config
from econsim.report.series import Rows

PX_PER_MM: Final = 96 / 25.4
"""Pixels of a chart in a millimetre, as CSS and SVG count them."""
POINT_PX: Final = 96 / 72
"""Pixels of a chart in a typographic point."""
DOTS_PER_INCH: Final = 300
"""Resolution of a PNG: what journals ask for."""
WIDTH_MM: Final = 160
"""Width of a figure by default: the text of an A4 page."""
ASPECT: Final = 0.55
"""Height of a figure over its width, unless it has rows of its own height."""
SHORTEST_MM: Final = 45
"""Least height of a figure by default: below it axes have no room."""
TEXT_POINTS: Final = 8
"""Size of a figure's text, as of the small print of a paper."""


@dataclass(frozen=True, slots=True)
class PictureLook:
    """Size and colours of a picture file."""

    width_mm: float = WIDTH_MM
    """Width of the whole picture."""
    height_mm: float | None = None
    """Height of the whole picture; none for one that fits the figure."""
    theme: Theme = Theme.LIGHT
    """Colours of text and ground."""
    title: bool = True
    """True if the picture has its title, and below it the run that it is of."""


def write_figure(figure: Figure, origin: str, path: Path, look: PictureLook) -> None:
    """Write a figure, with the directories it needs, in the form that the file's ending names: `.svg`, `.png`, `.pdf` or `.csv`.

    Raises ValueError for another ending.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    match path.suffix.lower():
        case ".csv":
            path.write_text(figure_csv(figure.chart), encoding="utf-8", newline="")
        case ".svg":
            path.write_text(_svg(picture(figure, origin, look)), encoding="utf-8")
        case ".png":
            path.write_bytes(_png(picture(figure, origin, look)))
        case ".pdf":
            path.write_bytes(_pdf(picture(figure, origin, look)))
        case other:
            message = f"a figure cannot be written as {other!r}"
            raise ValueError(message)


def picture(figure: Figure, origin: str, look: PictureLook) -> Spec:
    """Return the specification of a picture file: the chart with size, colours, and the text's size of a paper."""
    width = look.width_mm * PX_PER_MM
    height = look.height_mm * PX_PER_MM if look.height_mm else _height_px(figure, width, titled=look.title)
    names = INKS[look.theme]
    text = re.sub(r"var\(--(\w+)\)", lambda found: names[found[1]], json.dumps(figure.chart))
    for colour, lighter in ON_DARK.items() if look.theme is Theme.DARK else ():
        text = text.replace(colour, lighter)
    text_px = TEXT_POINTS * POINT_PX
    text = text.replace('"fontSize": 12', f'"fontSize": {text_px:.2f}')
    spec: Spec = json.loads(text)
    fit = {"autosize": {"type": "fit", "contains": "padding"}, "width": round(width), "height": round(height)}
    title = {"text": figure.title, "subtitle": origin, "limit": round(width) - 12} if look.title else None
    return spec | fit | ({"title": title} if title else {}) | {"config": config(look.theme, text_px)}


def tables_of(spec: Spec) -> list[tuple[str, Rows]]:
    """Return the data behind a chart: those with a name, or all if none has one."""
    found = list(_tables(spec, spec.get("datasets", {})))
    return [each for each in found if each[0]] or found


def figure_csv(spec: Spec) -> str:
    """Return the data behind a chart as CSV: the columns of all its tables together, the first one names the table."""
    found = tables_of(spec)
    columns = list(dict.fromkeys(column for _, rows in found for row in rows for column in row))
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(["table", *columns])
    for name, rows in found:
        writer.writerows([name, *(row.get(column) for column in columns)] for row in rows)
    return out.getvalue()


def _tables(part: Spec, datasets: dict[str, Rows]) -> Iterator[tuple[str, Rows]]:
    data = part.get("data") or {}
    rows = data.get("values", datasets.get(data.get("name", "")))
    if rows is not None:
        yield data.get("name", ""), rows
    for key in ("layer", "vconcat", "hconcat"):
        for each in part.get(key, ()):
            yield from _tables(each, datasets)
    if "spec" in part:
        yield from _tables(part["spec"], datasets)


def _height_px(figure: Figure, width: float, *, titled: bool) -> float:
    above = 44.0 if titled else 0.0
    own = figure.height_px or max(ASPECT * width, SHORTEST_MM * PX_PER_MM)
    return own + above


_SIZE: Final = re.compile(r'width="(\d+)" height="(\d+)"')
"""Size of a picture in pixels, as its SVG begins."""


def _svg(spec: Spec, per_px: float = 1 / PX_PER_MM, unit: str = "mm") -> str:
    """Return a picture as SVG, its size in a unit of which a pixel has so many."""

    def size(found: re.Match[str]) -> str:
        width, height = (f"{int(px) * per_px:.2f}{unit}" for px in found.groups())
        return f'width="{width}" height="{height}"'

    return _SIZE.sub(size, vl_convert.vegalite_to_svg(spec), count=1)


def _png(spec: Spec) -> bytes:
    # The library counts 72 dots to the inch at scale 1, and charts count 96.
    return vl_convert.vegalite_to_png(spec, scale=72 / 96, ppi=DOTS_PER_INCH)


def _pdf(spec: Spec) -> bytes:
    return vl_convert.svg_to_pdf(_svg(spec, 1 / POINT_PX, ""))
