"""The report in a real browser, on a phone and on a desk, light, dark and on paper: nothing overflows, nothing is cut off.

Looks at what the browser laid out. Cannot catch what is ugly.
"""

import csv
import io
import json
import re
from dataclasses import replace

import pytest
from browsers import needs_browser
from run_builders import records, small_run, small_scenario, summed, thinking_run

from econsim.report.comparison import render_comparison
from econsim.report.figure_file import figure_csv
from econsim.report.html import render

pytestmark = [pytest.mark.slow, needs_browser]

CUT_OFF = """() => [...document.querySelectorAll('[data-chart]')].flatMap((place) => {
    const box = place.getBoundingClientRect();
    return [...place.querySelectorAll('svg text')].map((text) => [text, text.getBoundingClientRect()])
        .filter(([, at]) => at.width && (at.left < box.left - 1 || at.right > box.right + 1 || at.top < box.top - 1 || at.bottom > box.bottom + 1))
        .map(([text]) => `${place.dataset.chart}: ${text.textContent}`);
})"""
"""Returns the texts of charts that reach beyond them."""

ON_EACH_OTHER = """() => [...document.querySelectorAll('[data-chart]')].flatMap((place) => {
    const boxes = [...place.querySelectorAll('svg .mark-text.role-mark text')].map((text) => [text, text.getBoundingClientRect()]);
    return boxes.flatMap(([one, a], at) => boxes.slice(at + 1)
        .filter(([, b]) => a.left < b.right - 2 && b.left < a.right - 2 && a.top < b.bottom - 4 && b.top < a.bottom - 4)
        .map(([other]) => `${place.dataset.chart}: ${one.textContent} / ${other.textContent}`));
})"""
"""Returns the labels of charts that stand on each other."""

DRAWN = "[data-chart]:has(svg .role-mark > *)"
"""Charts with a mark at least."""

WIDER_THAN_PAPER = "() => [...document.querySelectorAll('.table, .chart, pre')].filter((part) => part.scrollWidth > part.clientWidth + 1).length"
"""Returns how many parts of the page reach beyond their place."""

SCREENS = ((480, "light"), (480, "dark"), (1280, "light"), (1280, "dark"))
"""A phone and a desk, by day and by night."""

PAPER_PX = 700
"""Width of paper less its margins."""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Write a page of each kind; return their paths."""
    place = tmp_path_factory.mktemp("pages")
    many = summed(records(small_scenario("zi_c", clock={"periods": 30, "ticks_per_period": 20})))
    cut = replace(summed(small_run(mechanism="call_auction")), closed=False)
    texts = {
        "small": render(summed(small_run())),
        "many": render(many),
        "thinking": render(summed(thinking_run())),
        "cut": render(cut),
        "comparison": render_comparison([summed(small_run()), summed(small_run("zi_c", name="run_2"))]),
    }
    for name, text in texts.items():
        (place / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: place / f"{name}.html" for name in texts}


@pytest.fixture
def shown(browser, pages):
    """Open a page, wait for its charts, and let nothing be complained of or asked for elsewhere."""
    contexts, complaints = [], []

    def show(name, width=1280, scheme="light"):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None,
        )
        page.on(
            "request",
            lambda asked: (
                complaints.append(asked.url) if not asked.url.startswith(("file:", "blob:")) else None
            ),
        )
        page.goto(pages[name].as_uri())
        count = page.locator("[data-chart]").count()
        page.wait_for_function(
            "n => document.querySelectorAll('[data-chart] + .save').length === n", arg=count
        )
        return page

    yield show
    for context in contexts:
        context.close()
    assert not complaints


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
@pytest.mark.parametrize("name", ["small", "many", "thinking", "cut", "comparison"])
def test_nothing_overflows_and_no_label_is_cut_off(shown, name, width, scheme):
    page = shown(name, width, scheme)

    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.locator(DRAWN).count() == page.locator("[data-chart]").count() > 0
    assert page.evaluate(CUT_OFF) == []
    assert page.evaluate(ON_EACH_OTHER) == []


@pytest.mark.parametrize(("name", "most"), [("small", 5), ("many", 6), ("comparison", 4)])
@pytest.mark.parametrize("width", [480, 1280])
def test_it_prints_on_a_few_pages_whatever_the_screen(shown, name, most, width):
    page = shown(name, width, "dark")
    before = page.locator(".chart").first.bounding_box()

    printed = page.pdf(format="A4")

    assert 1 < len(re.findall(rb"/Type /Page\b", printed)) <= most
    assert page.locator(".chart").first.bounding_box() == before


def test_on_paper_no_table_and_no_chart_is_cut_off(shown):
    page = shown("thinking", PAPER_PX)

    page.emulate_media(media="print")

    assert page.evaluate(WIDER_THAN_PAPER) == 0
    assert page.locator(".save").first.is_hidden()


def saved(page, name, kind):
    """Save a figure as a reader does; return the bytes of the file."""
    place = page.locator("figure", has=page.locator(f"[data-chart={name}]"))
    with page.expect_download() as waiting:
        place.get_by_role("button", name=kind.upper()).click()
    assert waiting.value.suggested_filename == f"{name}.{kind}"
    return waiting.value.path().read_bytes()


def test_each_figure_can_be_saved_without_a_network(shown):
    page = shown("cut", scheme="dark")

    picture, dots = saved(page, "cpu_prices", "svg").decode(), saved(page, "profits", "png")

    assert "not finished: period 2 of 2, tick 12" in picture
    assert "var(" not in picture
    assert dots.startswith(b"\x89PNG")
    assert int.from_bytes(dots[16:20]) > 2_000


def test_the_data_of_a_figure_are_saved_as_the_command_line_writes_them(shown):
    page = shown("small")
    charts = json.loads(page.locator("#charts").text_content())

    for name in ("cpu_prices", "efficiency", "profits"):
        rows = [
            [*csv.reader(io.StringIO(text))]
            for text in (saved(page, name, "csv").decode(), figure_csv(charts[name]))
        ]
        assert [[*map(number, row)] for row in rows[0]] == [[*map(number, row)] for row in rows[1]]


def number(cell):
    """Return a cell as a number, if it is one: the languages write some of them differently."""
    try:
        return float(cell)
    except ValueError:
        return cell
