"""The frame of every HTML page: what is escaped, and the bundled library."""

import pytest
import vl_convert

from econsim.report.document import Document, page_part, render_document

BUNDLE = "window.vegaEmbed = vegaEmbed;"


def document(**changes):
    parts = dict.fromkeys(("title", "eyebrow", "heading", "lede", "notes", "main", "footer"), "")
    return Document(**(parts | {"specs": {}} | changes))


def test_texts_are_escaped_and_markup_is_not():
    page = render_document(document(title="<t>", heading="a & b", main="<p>body</p>"))

    assert "<title>&lt;t&gt;</title>" in page
    assert "<h1>a &amp; b</h1>" in page
    assert "<p>body</p>" in page


def test_a_chart_cannot_end_its_script():
    page = render_document(document(specs={"x": {"title": "</script><script>alert(1)"}}))

    assert "</script><script>alert(1)" not in page
    assert r"\u003c/script>" in page


def test_a_page_adds_its_own_style_to_that_of_all_pages():
    page = render_document(document(style=".own { color: red; }"))

    assert page.index("--muted") < page.index(".own { color: red; }") < page.index("</style>")


@pytest.mark.slow
def test_the_bundled_library_is_that_of_the_locked_version():
    """Write it anew from `vl_convert.javascript_bundle(BUNDLE)`."""
    assert page_part("vega_embed.js") == vl_convert.javascript_bundle(BUNDLE).strip()
