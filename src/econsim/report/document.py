"""An HTML document that loads nothing from elsewhere: the frame that the report and the experiments' pages share.

The charts' JavaScript lies ready in `page/vega_embed.js`, because `vl_convert` takes two seconds of CPU to bundle it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template

from econsim.report.charts import ON_DARK
from econsim.report.markup import Specs


@dataclass(frozen=True, slots=True)
class Document:
    """Contents of a page; texts are escaped when it is rendered, markup is not."""

    title: str
    """Title of the browser's window, as text."""
    eyebrow: str
    """Kind of the page, as text."""
    heading: str
    """Heading of the page, as text."""
    lede: str
    """Introduction, as markup."""
    notes: str
    """Notes below the introduction, as markup."""
    main: str
    """Body of the page, as markup."""
    footer: str
    """Footer of the page, as markup."""
    specs: Specs
    """Charts of the page."""
    style: str = ""
    """More style rules than all pages share."""
    origin: str = ""
    """Line below the title of each picture that a reader saves from the page, as text."""


def render_document(document: Document) -> str:
    """Return the page as HTML."""
    charts = json.dumps(document.specs, separators=(",", ":"), allow_nan=False)
    return Template(page_part("document.html")).substitute(
        title=escape(document.title),
        eyebrow=escape(document.eyebrow),
        heading=escape(document.heading),
        lede=document.lede,
        notes=document.notes,
        main=document.main,
        footer=document.footer,
        origin=escape(document.origin),
        style=f"{page_part('page.css')}\n{_dark_charts()}\n{document.style}".strip(),
        script=page_part("page.js"),
        library=page_part("vega_embed.js"),
        charts=charts.replace("<", "\\u003c"),
    )


def _dark_charts() -> str:
    """Return the rules that give the marks of charts their colours on a dark screen, and on no paper and in no file."""
    rules = "".join(
        f'.chart [{part}="{colour}"]{{{part}:{lighter}}}'
        for colour, lighter in ON_DARK.items()
        for part in ("fill", "stroke")
    )
    return f"@media screen and (prefers-color-scheme: dark) {{{rules}}}"


def page_part(name: str) -> str:
    """Return the text of a file in `page/`."""
    return files("econsim.report").joinpath("page", name).read_text(encoding="utf-8").strip()
