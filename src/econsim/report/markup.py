"""Pieces of the report's HTML: a figure with its chart, a table. Everything shown is escaped here."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Literal

from econsim.report.charts import Spec

Specs = dict[str, Spec]
"""Chart name → Vega-Lite specification, without colours of page and text."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Chart with title and caption."""

    name: str
    """Name of the figure, unique in the page."""
    title: str
    """Title of the figure."""
    caption: str
    """Caption of the figure, as a sentence."""
    chart: Spec
    """Chart of the figure."""
    wide: bool = False
    """True if the figure takes a whole row."""
    height_px: int = 0
    """Height of the chart in pixels; 0 for that of all charts."""


def figure(drawn: Figure, specs: Specs) -> str:
    """Return a figure's place in the page, and put its chart among the specifications."""
    # The schema's address only names the language; without it the page holds no address to load.
    specs[drawn.name] = {key: value for key, value in drawn.chart.items() if key not in ("$schema", "config")}
    size, title, caption = " wide" if drawn.wide else "", escape(drawn.title), escape(drawn.caption)
    height = (
        f' style="height: {drawn.height_px}px" data-height="{drawn.height_px}"' if drawn.height_px else ""
    )
    return (
        f'<figure class="card{size}"><figcaption><b>{title}</b><span>{caption}</span></figcaption>'
        f'<div class="chart" data-chart="{escape(drawn.name)}" role="img" aria-label="{title}. {caption}"{height}>'
        "</div></figure>"
    )


def grid(drawn: Sequence[Figure], specs: Specs) -> str:
    """Return figures side by side, the last one over the whole width if it would stand alone; empty without figures."""
    if not drawn:
        return ""
    alone = 0
    for each in drawn:
        alone = 0 if each.wide else 1 - alone
    shown = [*drawn[:-1], replace(drawn[-1], wide=bool(alone) or drawn[-1].wide)]
    return f'<div class="grid">{"".join(figure(each, specs) for each in shown)}</div>'


def section(heading: str, *parts: str, facts: str = "") -> str:
    """Return a part of the page of markup under a heading, with a line of facts, markup too; empty without parts."""
    if not any(parts):
        return ""
    told = f'<p class="facts">{facts}</p>' if facts else ""
    return f'<section class="part"><h2>{heading}</h2>{told}{"".join(parts)}</section>'


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    raw: Container[int] = (),
    text: Container[int] = (),
    look: Literal["card", "card stacked", ""] = "card",
) -> str:
    """Return a table; columns in `raw` hold markup already, columns in `text` hold sentences.

    On a narrow screen a table scrolls sideways; if it is stacked, the cells of a row stand below each other, each beside its heading.
    """

    def row(tag: str, values: Sequence[str]) -> str:
        cells = (
            f"<{tag}{' class=text' if column in text else ''}{heading(column) if tag == 'td' else ''}>"
            f"{value if tag == 'td' and column in raw else escape(value)}</{tag}>"
            for column, value in enumerate(values)
        )
        return f"<tr>{''.join(cells)}</tr>"

    def heading(column: int) -> str:
        return f' data-head="{escape(_breakable(head[column]))}"' if look == "card stacked" else ""

    body = "".join(row("td", values) for values in rows)
    # Who has no mouse scrolls a table sideways when it has the focus.
    about = f'role="group" aria-label="Table: {escape(", ".join(head[:3]))}" tabindex="0"'
    rows_of_head = row("th", head)
    return f'<div class="table {look}" {about}><table><thead>{rows_of_head}</thead><tbody>{body}</tbody></table></div>'


def _breakable(path: str) -> str:
    """Return a path, like `clock.ticks_per_period`, that a narrow line breaks after its dots and underscores."""
    return re.sub(r"(?<=[._])(?=\w)", "\u200b", path)
