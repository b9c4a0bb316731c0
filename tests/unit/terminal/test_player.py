"""How the view moves along the log. Catches: a moment that is not that of its event, memory that grows, a log read whole."""

from __future__ import annotations

import asyncio

import pytest
from eventually import eventually
from recorded_source import RecordedSource
from run_builders import records, small_run, small_scenario

from econsim import subjects
from econsim.errors import Unavailable
from econsim.report.event_filter import EventSearch
from econsim.report.run_view import EVENTS_MAX, RunView
from econsim.terminal.player import COPY_EVERY, Player
from econsim.terminal.texts import event_cells


def figures(view: RunView):
    """Return what tells one moment from another."""
    return view.count, view.place, view.tick, view.figures, view.efficiency, view.agents.rows()


def at(entries) -> RunView:
    view = RunView()
    for number, entry in enumerate(entries, 1):
        view.add(10 * number, entry)
    return view


async def played(entries, **fields) -> Player:
    """Return a player that has shown all that happened so far."""
    player = Player(RecordedSource(entries, **fields))
    player.start()
    await eventually(lambda: player.view.count == player.source.happened)
    return player


async def test_a_closed_run_is_shown_to_its_end() -> None:
    player = await played(small_run())

    await eventually(lambda: player.ended)

    assert figures(player.view) == figures(at(small_run()))
    await player.stop()


@pytest.mark.parametrize("share", [0, 0.3, 0.9])
async def test_a_place_shows_the_run_as_it_was_then_and_holds_it(share) -> None:
    run = small_run()
    player, wanted = await played(run), 1 + int(share * (len(run) - 2))

    await player.seek(10 * wanted + 3)

    assert (player.paused, figures(player.view)) == (True, figures(at(run[:wanted])))
    assert [event.place for event in player.view.events] == [10 * number for number in range(1, wanted + 1)]
    await player.stop()


async def test_a_step_shows_one_event_and_a_step_back_takes_it_away() -> None:
    run = small_run()
    player = await played(run)
    await player.seek(500)

    player.step()
    await eventually(lambda: player.view.place == 510)
    await player.step_back()

    assert figures(player.view) == figures(at(run[:50]))
    await player.stop()


async def test_a_run_that_goes_on_is_held_while_paused_and_caught_up_with_after() -> None:
    run = small_run()
    player = await played(run, happened=40)

    player.pause()
    player.source.happen(30)
    await asyncio.sleep(0)
    held = player.view.count
    player.go_on()

    await eventually(lambda: player.view.count == 70)
    assert held == 40
    await player.stop()


async def test_steps_back_that_come_faster_than_they_are_made_add_up() -> None:
    run = small_run()
    player = await played(run)
    await player.seek(500)

    first = asyncio.create_task(player.step_back())
    await asyncio.sleep(0)
    first.cancel()
    await player.step_back()

    assert player.view.place == 480
    await player.stop()


async def test_a_search_for_a_moment_that_is_given_up_leaves_a_view_that_goes_on() -> None:
    run = small_run()
    player = await played(run)

    seeking = asyncio.create_task(player.seek(30))
    await asyncio.sleep(0)
    seeking.cancel()
    await asyncio.gather(seeking, return_exceptions=True)
    player.go_on()

    await eventually(lambda: player.ended)
    assert figures(player.view) == figures(at(run))
    await player.stop()


async def test_a_log_that_cannot_be_read_is_told_and_tried_again() -> None:
    player = await played(small_run(), happened=40)
    player.source.fault = Unavailable("the server is away")
    player.source.happen(10)
    await eventually(lambda: player.problem)

    player.source.fault = None
    player.go_on()

    await eventually(lambda: player.view.count == 50)
    assert not player.problem
    await player.stop()


async def test_a_tick_is_played_at_the_pace_that_is_asked_for() -> None:
    player = await played(small_run())
    await player.seek(0)
    player.pace = 64

    player.go_on()

    # All that stands before the second tick is shown at once; the first tick waits.
    await eventually(lambda: player.view.tick == 2)
    assert not player.ended
    await player.stop()


async def test_an_older_moment_of_a_long_run_is_made_from_a_copy() -> None:
    # A price that is told again and again makes a log long.
    again = next(entry for entry in small_run() if entry.type == subjects.PRICE_UPDATED.type)
    run = [*small_run()[:50], *[again] * (6 * COPY_EVERY), *small_run()[50:]]
    player = await played(run)
    player.source.reads = 0
    wanted = len(run) - COPY_EVERY // 2

    await player.seek(10 * wanted)

    assert figures(player.view) == figures(at(run[:wanted]))
    assert player.source.reads < 4 * COPY_EVERY
    await player.stop()


async def test_a_filter_finds_events_from_before_those_that_the_view_keeps() -> None:
    again = next(entry for entry in small_run() if entry.type == subjects.PRICE_UPDATED.type)
    run = [*small_run()[:50], *[again] * EVENTS_MAX]
    player = await played(run)
    player.listed.reset(player.view.events, EventSearch.parse("type:trade"))

    found = await player.search_back()

    trades = [
        10 * number for number, entry in enumerate(run, 1) if entry.type == subjects.TRADE_EXECUTED.type
    ]
    assert ([event.place for event in player.listed.events], found) == (trades, len(trades))
    assert trades
    await player.stop()


async def test_a_record_that_does_not_follow_its_schema_is_named_and_the_others_are_shown() -> None:
    run = list(records(small_scenario()))
    broken = next(place for place, entry in enumerate(run) if entry.type == subjects.TRADE_EXECUTED.type)
    run[broken].content = {"items": [{"price": "nonsense"}]}

    player = await played(run)

    assert f"place {10 * (broken + 1)} cannot be shown" in player.misfit
    assert player.view.state == "closed"
    (shown,) = [event for event in player.view.events if event.place == 10 * (broken + 1)]
    assert "does not follow its schema" in event_cells(shown)[0][-1]
    await player.stop()
