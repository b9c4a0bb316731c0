"""Progress and final tables as text. Cannot catch how they look."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from factories import group, role, scenario
from rich.console import Console
from run_builders import records, small_run, small_scenario, summed

from econsim.domain.audit.facts import as_record
from econsim.domain.audit.late_event import LateEvent
from econsim.domain.execution.in_memory import run
from econsim.report import progress_bar
from econsim.report.format import count, decimal, group_rows, money, percent, price_range, spark, thin
from econsim.report.live_figures import LiveFigures
from econsim.report.progress_bar import ProgressDisplay, picture
from econsim.report.speed import Speed
from econsim.report.summary import ExpectationResult
from econsim.report.terminal import WIDE_MIN, print_summary
from econsim.schemas.expectation import MeasureExpectation


def watched(log):
    """Return the snapshot after some records."""
    watch = LiveFigures()
    for entry in log:
        watch.update(entry)
    return watch.snapshot()


def shown(show, width=WIDE_MIN):
    """Return what is printed on a console that is no terminal."""
    out = StringIO()
    show(Console(width=width, file=out))
    return out.getvalue()


def test_a_snapshot_counts_what_happened():
    summary, snapshot = summed(small_run()), watched(small_run())

    assert snapshot.closed
    assert (snapshot.orders, snapshot.trades) == (summary.orders, summary.trades)
    assert (snapshot.tick, snapshot.ticks_max, snapshot.period) == (12, 12, 2)
    assert snapshot.markets[0].last == snapshot.markets[0].history[-1]


def test_a_snapshot_knows_how_far_there_is_to_go():
    snapshot = watched(entry for entry in small_run() if entry.tick <= 4)

    assert (snapshot.tick, snapshot.ticks_max, snapshot.period, snapshot.periods) == (4, 12, 1, 2)


def test_a_snapshot_of_events_that_nobody_made_is_that_of_their_records():
    late = list(run(small_scenario("zi_c"), "run_1", "ab"))

    assert any(isinstance(each, LateEvent) for each in late)
    assert watched(late) == watched(map(as_record, late))


def test_a_run_that_has_not_opened_can_be_shown():
    assert "starting" in shown(lambda console: console.print(picture(watched([]), 0.0)))


def test_without_a_terminal_a_line_is_written_now_and_then(monkeypatch):
    monkeypatch.setattr(progress_bar, "LINE_S", 0.0)

    def go(console):
        with ProgressDisplay(console) as progress:
            for entry in small_run():
                progress.update(entry)

    lines = shown(go).splitlines()

    assert len(lines) == len(small_run())
    assert lines[-1].startswith("tick 12/12, period 2/2, ")
    assert "cpu" in lines[-1]


def summed_up():
    return summed(small_run(), canonical_hash="c0ffee10" * 8, speed=Speed(2.0, 1.5, 9.25))


@pytest.mark.parametrize("word", ["effic.", "alpha", "volume", "P0", "Gini", "events", "p99 9.2"])
def test_the_tables_name_all_that_was_asked_for(word):
    assert word in shown(lambda console: print_summary(summed_up(), console))


@pytest.mark.parametrize("width", [20, 40, 60, 80, WIDE_MIN, 200])
def test_nothing_of_the_tables_is_cut(width):
    lines = shown(lambda console: print_summary(summed_up(), console), width).splitlines()

    assert max(len(line) for line in lines if not line.startswith("hash")) <= width
    assert not [line for line in lines if "…" in line]


def test_groups_of_several_policies_are_shown_with_what_an_agent_earned():
    buyers = group("buyer", "truthful", count=2, roles=[role("bid", values=[[3]])])
    sellers = group("seller", "zip", count=1, roles=[role("ask", values=[[1]])])
    summary = summed(records(scenario(buyers, sellers, clock={"periods": 1, "ticks_per_period": 6})))

    earned = {name: float(mean) * int(agents) for name, _, agents, mean in group_rows(summary)}

    assert earned["buyer"] + earned["seller"] == pytest.approx(2)
    assert [row[:3] for row in group_rows(summary)] == [("buyer", "truthful", "2"), ("seller", "zip", "1")]
    assert "earned each" in shown(lambda console: print_summary(summary, console))


def test_groups_of_one_policy_are_not_compared():
    assert not group_rows(summed(small_run()))


def test_expectations_that_are_not_judged_are_shown_with_the_reason():
    summary = summed(small_run())
    scenario = summary.scenario.model_copy(update={"unjudged": {"an external agent takes part": 4}})

    told = shown(lambda console: print_summary(replace(summary, scenario=scenario), console))

    assert "4 expectations not judged: an external agent takes part" in told


def test_the_source_of_an_expectation_is_shown_as_text_whatever_is_in_it():
    source = "Smith [1962], table [/1] \x1b]52;c;aGk="
    expected = MeasureExpectation.model_validate(
        {"measure": "efficiency", "value": 1, "tolerance": 1, "source": source}
    )
    changed = replace(summed_up(), verdicts=(ExpectationResult(expected, 1.0, 1),))

    text = shown(lambda console: print_summary(changed, console), 200)

    assert "Smith [1962], table [/1] \ufffd]52" in text
    assert "\x1b" not in text


def test_what_people_copy_stays_in_one_piece(tmp_path):
    report = tmp_path / ("a_long_name" * 12) / "report.html"

    text = shown(lambda console: print_summary(summed_up(), console, report), 60)

    assert "c0ffee10" * 8 in text
    assert str(report) in text


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (percent(0.96219, 2), "96.22 %"),
        (percent(None), "—"),
        (decimal(1234.5), "1 234.50"),
        (count(1_234_567), "1 234 567"),
        (money(3_250_000), "3.25"),
        (money(1_234_567.8), "1.2346"),
        (price_range(2_000_000, 2_000_000), "2"),
        (price_range(1_930_000, 2_070_000), "1.93 to 2.07"),
        (spark([1, 2, 3]), "▁▄█"),
        (spark([]), ""),
        (spark([5, 5]), "▄▄"),
    ],
)
def test_numbers_are_written_for_people(written, text):
    assert written == text


def test_long_series_keep_their_ends():
    assert thin(range(10), 4) == [0, 3, 6, 9]
    assert thin(range(3), 4) == [0, 1, 2]
