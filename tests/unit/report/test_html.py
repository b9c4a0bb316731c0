"""The report as a page. Catches: anything loaded from elsewhere, charts without data, markup from a scenario.

Cannot catch how it looks.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import altair as alt
import pytest
from expectation_builders import form, tick, verdict
from jsonschema import ValidationError
from requirements import requirement
from run_builders import only, records, small_run, small_scenario, summed, thinking_run

from econsim import subjects
from econsim.report.figure_file import tables_of
from econsim.report.html import render, write_report
from econsim.report.speed import Speed


class Page(HTMLParser):
    """Takes a page apart into tags, scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self._open = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open = tag

    def handle_data(self, data):
        self.texts.append((self._open, data))

    def attributes(self, *names):
        return [value for _, attrs in self.tags for name, value in attrs.items() if name in names]

    def charts(self):
        place = next(i for i, (_, attrs) in enumerate(self.tags) if attrs.get("id") == "charts")
        script = sum(tag == "script" for tag, _ in self.tags[:place])
        return json.loads([text for tag, text in self.texts if tag == "script" and text.strip()][script])


@pytest.fixture(scope="module")
def page():
    return Page(render(summed(small_run(), canonical_hash="ab" * 32, speed=Speed(1.5, 2.0, 3.0))))


def values(spec, field):
    """Return all values of a field in a chart's data."""
    return [row[field] for _, rows in tables_of(spec) for row in rows if field in row]


def test_nothing_is_loaded_from_elsewhere(page):
    styles = "".join(text for tag, text in page.texts if tag == "style")

    assert page.attributes("src", "href", "srcset", "data", "action", "poster") == []
    assert not re.search(r"url\(|@import", styles)
    assert not {"link", "iframe", "object", "embed", "img", "base"}.intersection(tag for tag, _ in page.tags)


def test_the_page_itself_forbids_loading(page):
    policy = next(attrs["content"] for _, attrs in page.tags if attrs.get("http-equiv"))

    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_charts_name_no_address(page):
    assert "http" not in json.dumps(page.charts())


@pytest.mark.parametrize("run", [small_run, thinking_run])
def test_every_chart_follows_the_schema_of_vega_lite(run):
    for spec in Page(render(summed(run()))).charts().values():
        alt.Root.validate(spec)


def test_a_chart_that_breaks_the_schema_is_noticed(page):
    broken = page.charts()["profits"] | {"mark": {"type": "circel"}}

    with pytest.raises(ValidationError):
        alt.Root.validate(broken)


@requirement("benchmark.visual")
def test_every_place_has_its_chart(page):
    assert page.attributes("data-chart") == list(page.charts())
    assert {
        "efficiency",
        "surplus",
        "efficiency_by_period",
        "alpha_by_period",
        "cpu_prices",
        "cpu_schedule",
        "cpu_shares",
        "cpu_surplus",
        "cpu_volume",
        "profits",
        "lorenz",
    } == set(page.charts())


@requirement("benchmark.visual")
def test_a_run_that_fails_has_one_chart_more():
    failed = verdict(form(form="never", event={"type": "ticked"}), [tick(1)])

    page = Page(render(replace(summed(small_run()), judged=(failed,))))

    assert page.attributes("data-chart") == list(page.charts())
    assert next(iter(page.charts())) == "verdicts"
    alt.Root.validate(page.charts()["verdicts"])


def test_charts_hold_the_trades(page):
    prices = {
        item["price"] / 1_000_000
        for entry in only(small_run(), subjects.TRADE_EXECUTED)
        for item in entry.data["items"]
    }

    assert prices <= set(values(page.charts()["cpu_schedule"], "price"))
    assert prices == set(values(page.charts()["cpu_prices"], "price"))


def test_the_price_path_holds_the_equilibrium(page):
    assert values(page.charts()["cpu_prices"], "P0") == [2.0]


def test_words_of_a_scenario_are_no_markup():
    hostile = "</script><script>alert(1)</script><b>"
    source = {"measure": "alpha", "value": 1, "tolerance": 1, "source": hostile}
    wanted = small_scenario(title=hostile, description=hostile, expectations=[source])

    page = Page(render(summed(records(wanted))))

    assert sum(tag == "script" for tag, _ in page.tags) == 3
    assert not any(tag == "script" and text.startswith("alert") for tag, text in page.texts)


def test_a_run_without_trades_has_a_report():
    log = [entry for entry in small_run() if entry.tick == 0]

    text = render(summed(log))

    assert "not finished" in text
    assert "— %" not in text


def test_the_file_is_whole_and_light(tmp_path):
    path = write_report(summed(small_run()), tmp_path / "new" / "report.html")

    assert path.read_text(encoding="utf-8").endswith("</html>")
    assert 500_000 < path.stat().st_size < 1_500_000
