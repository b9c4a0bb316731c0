"""The view of a run against what the report and the markets say. Catches: a figure that is not the report's, a book that is not the market's."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
from run_builders import only, records, replacing_scenario, small_run, summed, thinking_run

from econsim import subjects
from econsim.report.point_series import POINTS_KEPT_MAX, PointSeries
from econsim.report.run_view import EVENTS_MAX, RunView

MECHANISMS = ("continuous_double_auction", "call_auction", "zi_double_auction")


def view_of(entries) -> RunView:
    """Return the view of a run after these events."""
    view = RunView()
    for place, entry in enumerate(entries, 1):
        view.add(place, entry)
    return view


@pytest.mark.parametrize("run", [small_run(), thinking_run()])
def test_the_view_of_a_whole_run_has_the_figures_of_its_report(run) -> None:
    view, report = view_of(run), summed(run)

    assert view.efficiency == pytest.approx(report.efficiency)
    assert (view.state, view.tick, view.figures.orders) == ("closed", report.ticks, report.orders)
    money = {row.agent: (row.wealth, row.profit) for row in view.agents.rows()}
    assert money == {holder.agent: (holder.wealth, holder.profit) for holder in report.holders}
    assert sum(row.thinking for row in view.agents.rows()) == sum(each.price for each in report.thinking)


def test_a_run_has_a_rate_of_orders_only_while_it_goes_on() -> None:
    run = [
        replace(entry, occurred_at=f"2026-01-01T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}Z")
        for n, entry in enumerate(small_run())
    ]

    assert view_of(run[:-1]).orders_per_second > 0
    assert view_of(run).orders_per_second is None


@pytest.mark.parametrize(
    "run",
    [*(small_run(mechanism=each) for each in MECHANISMS), records(replacing_scenario())],
    ids=[*MECHANISMS, "replacing"],
)
def test_the_book_of_the_view_has_the_best_prices_that_the_market_tells(run) -> None:
    view, told, seen = RunView(), [], []

    for place, entry in enumerate(run, 1):
        view.add(place, entry)
        if entry.type == subjects.TICK_CLEARED.type:
            bids, asks = view.markets[entry.entity].depth(1)
            seen.append([level.price for side in (bids, asks) for level in side])
            told.append([price for side in ("bid", "ask") if (price := entry.data["quote"][side])])

    assert seen == told
    assert len(told) >= 5


def test_a_copy_goes_on_as_the_view_does() -> None:
    run = small_run()
    half = len(run) // 2
    copy = pickle.loads(pickle.dumps(view_of(run[:half])))

    for place, entry in enumerate(run[half:], half + 1):
        copy.add(place, entry)

    whole = view_of(run)
    assert (copy.figures, copy.agents.rows()) == (whole.figures, whole.agents.rows())
    assert (copy.efficiency, list(copy.events)) == (
        whole.efficiency,
        list(whole.events)[-(len(run) - half) :],
    )


def test_a_view_keeps_no_more_events_than_its_limit() -> None:
    run = small_run()

    view = RunView()
    for place in range(1, 2 * EVENTS_MAX):
        view.add(place, run[min(place, len(run)) - 1])

    assert (len(view.events), view.count) == (EVENTS_MAX, 2 * EVENTS_MAX - 1)


def test_prices_of_a_long_run_are_thinned_out_and_reach_from_its_start_to_its_end() -> None:
    series = PointSeries()

    for tick in range(1, 10 * POINTS_KEPT_MAX):
        series.add(tick, tick)

    ticks = [tick for tick, _ in series.points]
    assert len(ticks) <= POINTS_KEPT_MAX
    assert (ticks[0] < 3 * POINTS_KEPT_MAX / 100, ticks[-1]) == (True, 10 * POINTS_KEPT_MAX - 1)
    assert ticks == sorted(ticks)


def test_a_price_that_comes_after_that_of_a_later_tick_is_left_out() -> None:
    series = PointSeries()

    for tick in (1, 5, 3, 6):
        series.add(tick, 10 * tick)

    assert series.points == [(1, 10), (5, 50), (6, 60)]


def test_each_call_of_a_model_is_a_thought_with_its_price() -> None:
    run = thinking_run()

    thoughts = [row for row in view_of(run).thoughts if row.kind == "thought"]

    calls = [item for entry in only(run, subjects.LLM_INVOKED) for item in entry.data["items"]]
    assert [(row.agent, row.price) for row in thoughts] == [(item["agent"], item["price"]) for item in calls]
    assert all(row.text for row in thoughts)
