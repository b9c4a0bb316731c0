"""The timeline of verdicts: what the picture of a report holds. Cannot catch how it looks."""

import json
import re
from dataclasses import replace

import altair as alt
import pytest
import vl_convert
from expectation_builders import form, judged, stored_run, tick, verdict
from requirements import requirement
from run_builders import small_run, summed

from econsim.domain.expectation.verdict import Ruling, Verdict, Witness
from econsim.report.html import render
from econsim.report.verdict_chart import verdict_timeline
from econsim.report.verdict_lanes import LANES_MAX, verdict_lanes

NEVER = form(form="never", event={"type": "ticked"})
HOLDS = verdict(form(form="never", event={"type": "trading_halted"}), [tick(1)])
WAITS = form(
    form="then", trigger={"type": "trading_halted"}, event={"type": "trade_executed"}, within={"ticks": 1}
)
VACUOUS = verdict(WAITS, [tick(1)])


def event(sequence, tick, event_id, cause=""):
    return Witness(sequence, tick, event_id, "market.trade_executed", "bob", f"event {event_id}", cause)


def failure(*witness, nearest=None, outcome=Ruling.FAILS):
    return Verdict(NEVER, "no <tick>", outcome, "it happened", "3 ticks", witness, nearest, "r1")


def corners(lanes):
    return [(corner["tick"], corner["row"], corner["aside"]) for corner in lanes.links]


@requirement("benchmark.visual")
def test_a_failing_run_has_a_picture_of_what_decided_it():
    scenario, stored = stored_run("smith1962")
    halted = [{"type": kind} for kind in ("bid_accepted", "trade_executed", "trading_halted")]
    wanted = form(form="sequence", events=halted, max_gap={"ticks": 3})
    _, verdicts = judged(scenario, stored, wanted)

    lanes = verdict_lanes(verdicts)
    page = render(replace(summed(small_run()), judged=verdicts))

    assert [each["label"].split()[1] for each in lanes.events] == ["bid_accepted", "trade_executed"]
    assert {corner["tick"] for corner in lanes.links} == {each["tick"] for each in lanes.events}
    assert lanes.events[1]["cause"] == f"#{verdicts[0].witness[0].sequence}"
    assert f'style="height: {lanes.height_px}px" data-height="{lanes.height_px}"' in page
    assert json.dumps(lanes.events[1]["description"]) in page


def test_lanes_that_are_no_pass_come_first_and_each_names_its_outcome():
    undecidable = failure(event(4, 2, "b"), outcome=Ruling.UNDECIDABLE)

    lanes = verdict_lanes([HOLDS, VACUOUS, undecidable, failure(event(4, 2, "b"))])

    assert [each["sign"] for each in lanes.heads if each["sign"]] == ["✕", "?", "○", "✓"]
    assert [each["text"].split(":")[0] for each in lanes.heads if each["sign"]] == [
        "fails, missed by 3 ticks",
        "undecidable, missed by 3 ticks",
        "vacuous",
        "holds",
    ]


def test_only_the_nearest_miss_is_hollow():
    first, near = event(1, 5, "a"), event(9, 8, "b")

    assert [each["decides"] for each in verdict_lanes([failure(first, nearest=near)]).events] == [True, False]
    assert [each["decides"] for each in verdict_lanes([failure(first, nearest=first)]).events] == [True]


def test_events_are_linked_where_one_names_the_other_and_go_around_those_between():
    events = event(1, 5, "a.0"), event(2, 5, "b", "a.0"), event(3, 7, "c", "a"), event(4, 7, "d", "else")

    lanes = verdict_lanes([failure(*events)])

    top = lanes.events[0]["row"]
    straight = [(5, top, 0), (5, top, 0), (5, top + 1, 0), (5, top + 1, 0)]
    around = [(5, top, 0), (5, top, 1), (5, top + 2, 1), (7, top + 2, 0)]
    assert corners(lanes) == straight + around
    assert [each["cause"] for each in lanes.events] == ["none", "#1", "#1", "else"]


def test_another_item_of_a_record_is_no_cause():
    lanes = verdict_lanes([failure(event(1, 5, "a.0"), nearest=event(2, 6, "b", "a.1"))])

    assert lanes.links == []


def test_without_events_there_is_no_picture():
    assert verdict_lanes([HOLDS, VACUOUS]) is None
    assert 'data-chart="verdicts"' not in render(replace(summed(small_run()), judged=(HOLDS,)))


def test_many_verdicts_have_a_picture_of_the_first():
    verdicts = [HOLDS] * LANES_MAX + [failure(event(1, 5, "a"))]

    page = render(replace(summed(small_run()), judged=tuple(verdicts)))

    assert len([each for each in verdict_lanes(verdicts).heads if each["sign"]]) == LANES_MAX
    assert len(verdict_lanes(verdicts).events) == 1
    assert f"The first {LANES_MAX} of {LANES_MAX + 1}" in page


@pytest.mark.parametrize("ticks", [(0, 0), (4000, 11000)])
def test_the_picture_can_be_drawn_and_holds_every_word(ticks):
    first, last = ticks
    lanes = verdict_lanes([failure(event(1, first, "a"), nearest=event(2, last, "b", "a")), HOLDS])
    spec = verdict_timeline(lanes)

    alt.Root.validate(spec)
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", vl_convert.vegalite_to_svg({**spec, "width": 426}))

    assert {"✕", "✓", "#1 trade_executed", "#2 trade_executed", "tick"} <= set(texts)
    assert "fails, missed by 3 ticks: no &lt;tick&gt;" in texts
