"""A run on the screen, without a terminal. Catches: a pane that fails, a text that passes for ours, a screen drawn too often."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager

import pytest
from eventually import eventually
from factories import group, role, scenario
from recorded_source import RecordedSource
from run_builders import records, small_run, small_scenario, thinking_run
from screen_text import screen_text
from textual.widgets import Input, Static

from econsim import subjects
from econsim.report.run_view import RunView
from econsim.terminal.app import WatchApp
from econsim.terminal.keys import PANES
from econsim.terminal.list_panes import AgentsPane, EventsPane, VerdictsPane
from econsim.terminal.rows import Rows
from econsim.terminal.run_screen import RunScreen
from econsim.terminal.text_screen import TextScreen

pytestmark = pytest.mark.slow

EVIL = "[red]bold[/red] \x1b[2J\x1b]0;owned\x07 \u202etxt [link=file:///etc]x[/link]"
"""Markup, a sequence that clears a terminal, one that names its window, a mark that turns the direction of writing."""


@asynccontextmanager
async def watching(entries, size=(80, 24), **fields):
    """Provide screen and pilot of a run of which all that happened is shown."""
    screen = RunScreen(RecordedSource(entries, **fields))
    app = WatchApp(screen)
    async with app.run_test(size=size, notifications=True) as pilot:
        await eventually(lambda: screen.player.view.count == screen.player.source.happened)
        await drawn(pilot)
        yield screen, pilot


async def drawn(pilot):
    """Wait until the screen is drawn, and whatever was asked of the log is there."""
    await pilot.pause()
    await pilot.app.workers.wait_for_complete(
        [worker for worker in pilot.app.workers if worker.group in ("move", "read", "default")]
    )
    screen = pilot.app.screen
    if isinstance(screen, RunScreen):
        screen.redraw(always=True)
    await pilot.pause()


async def press(pilot, *keys):
    for key in keys:
        await pilot.press(key)
        await drawn(pilot)


@pytest.mark.parametrize("size", [(80, 24), (200, 60), (40, 12), (20, 5)])
async def test_every_pane_is_shown_at_every_size(size) -> None:
    async with watching(thinking_run(), size) as (screen, pilot):
        for number, name in enumerate(PANES, 1):
            await press(pilot, str(number))
            assert screen.pane is screen.query_one(f"#{name} Pane")
            assert "run_1"[: size[0] - 10] in screen_text(pilot)


async def test_the_head_tells_the_figures_of_the_report() -> None:
    async with watching(small_run(), (100, 30)) as (screen, pilot):
        head = screen_text(pilot).splitlines()[:2]

    view: RunView = screen.view
    assert "CLOSED" in head[0]
    assert f"trades {view.figures.trades}" in head[1]
    assert f"efficiency {100 * view.efficiency:.1f} % of theory" in head[1]


async def test_agents_are_sorted_by_the_column_that_is_asked_for() -> None:
    async with watching(small_run()) as (screen, pilot):
        await press(pilot, "2", "o")
        agents = screen.query_one(AgentsPane)
        by_profit = [agents.agent_at(index) for index in range(3)]
        await press(pilot, "r")
        worst = agents.agent_at(0)

    rows = sorted(screen.view.agents.rows(), key=lambda row: row.profit)
    assert [row.profit for row in rows[:-4:-1]] == [
        next(row.profit for row in rows if row.agent == agent) for agent in by_profit
    ]
    assert worst == rows[0].agent


async def test_of_ten_thousand_agents_only_those_on_the_screen_are_made() -> None:
    buyers = group("buyer", "zi_c", count=10_000, roles=[role("bid", first=3.25, last=0.75)])
    wanted = scenario(buyers, clock={"periods": 1, "ticks_per_period": 1})
    made = []
    async with watching(records(wanted)) as (screen, pilot):
        await press(pilot, "2")
        rows = screen.pane.rows
        rows.show(rows.count, lambda index: (made.append(index), ((str(index),), ""))[1])
        await press(pilot, "end", "home")

    assert rows.count == 10_000
    assert 0 < len(set(made)) <= 3 * 24


async def test_the_filter_shows_the_events_that_fit() -> None:
    async with watching(small_run()) as (screen, pilot):
        await press(pilot, "slash", *"type:ticked", "enter")

        assert {event.entry.type for event in screen.player.listed.events} == {subjects.TICKED.type}
        assert "tick 12 opened, period 2" in screen_text(pilot)


async def test_the_events_of_an_agent_are_one_key_away() -> None:
    async with watching(small_run()) as (screen, pilot):
        await press(pilot, "2", "enter")

        assert isinstance(screen.pane, EventsPane)
        assert screen.pane.query_one(Input).value.startswith("agent:")


async def test_why_shows_the_causes_up_to_the_opening_of_the_run() -> None:
    async with watching(small_run(), (120, 30)) as (_, pilot):
        await press(pilot, "slash", *"type:trade", "enter", "w")

        assert isinstance(pilot.app.screen, TextScreen)
        shown = screen_text(pilot)
        assert re.search(r"opened run run_1(.|\n)*ticked(.|\n)*▶ trade_executed", shown)
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, RunScreen)


@pytest.mark.parametrize(("typed", "tick"), [("7", 7), ("#400", None), ("buyer_001-7-0", 7)])
async def test_any_moment_can_be_gone_to(typed, tick) -> None:
    async with watching(small_run()) as (screen, pilot):
        await press(pilot, "g", *typed, "enter")

        assert screen.player.paused
        assert screen.view.tick == tick or screen.view.place == 400
        assert "PAUSED" in screen_text(pilot)


async def test_arrows_to_the_side_step_along_the_log() -> None:
    async with watching(small_run()) as (screen, pilot):
        last = screen.view.place
        await press(pilot, "left", "left")
        back = screen.view.place
        await press(pilot, "right")
        await eventually(lambda: screen.view.place == last - 10)

    assert back == last - 20


async def test_a_place_that_is_not_there_is_told_and_nothing_moves() -> None:
    async with watching(small_run()) as (screen, pilot):
        await press(pilot, "g", *"nonsense", "enter")

        await eventually(lambda: "no event 'nonsense'" in screen_text(pilot))
        assert screen.view.state == "closed"


async def test_verdicts_of_an_earlier_moment_are_those_of_then() -> None:
    row = {"form": "at_least", "times": 1, "event": {"type": "trade_executed"}, "name": "somebody trades"}
    run = records(small_scenario(expectations=[row]))
    async with watching(run, (100, 24)) as (screen, pilot):
        await press(pilot, "4")
        await eventually(lambda: screen.moment.verdicts and screen.moment.verdicts[0].outcome.is_final)
        await drawn(pilot)
        at_the_end = screen_text(pilot)
        await press(pilot, "g", "1", "enter")
        earlier = screen_text(pilot)
        assert isinstance(screen.pane, VerdictsPane)

    assert "✓ holds" in at_the_end
    assert "~ fails so far" in earlier


async def test_before_the_first_event_has_been_read_the_log_is_said_to_be_read_and_no_run_to_be_awaited() -> (
    None
):
    async with watching(small_run(), happened=0) as (_, pilot):
        shown = screen_text(pilot)

    assert "reading the log" in shown
    assert "waiting" not in shown


async def test_an_open_run_that_tells_nothing_more_is_called_silent_with_the_time_since() -> None:
    run = small_run()
    silent_since = run[79].occurred_at
    async with watching(run, happened=80, now="2099-01-01T00:00:00Z") as (screen, pilot):
        await eventually(lambda: screen.player.idle_s > 1)
        await drawn(pilot)

        assert f"since {silent_since[11:19]} UTC" in screen_text(pilot)
        assert "econsim resume run_1" in screen_text(pilot).replace("\n", " ")


async def test_the_screen_is_drawn_some_ten_times_a_second_whatever_comes() -> None:
    run = small_run()
    async with watching(run, happened=1) as (screen, _):
        drawings = []
        rows = screen.query_one("#trades", Rows)
        show = rows.show
        rows.show = lambda *given: (drawings.append(screen.view.count), show(*given))
        screen.player.source.happen(len(run))
        await eventually(lambda: screen.player.ended)

    assert len(drawings) < len(run) / 10


async def test_while_nothing_happens_nothing_is_drawn() -> None:
    async with watching(small_run()) as (screen, _):
        drawings = []
        for widget in screen.query(Static):
            widget.update = drawings.append
        for _ in range(10):
            screen.redraw()
        idle = len(drawings)
        screen.player.pause()
        screen.redraw()

    assert idle == 0
    assert "PAUSED" in str(drawings[0])


async def test_of_a_closed_run_the_last_tick_is_shown_and_no_rate() -> None:
    async with watching(small_run()) as (screen, pilot):
        await press(pilot, "5")
        shown = screen_text(pilot)

    assert f"tick {screen.view.tick}: " in shown
    assert "/s)" not in shown


async def test_texts_of_agents_have_no_markup_and_no_control_characters_on_any_pane() -> None:
    run = list(thinking_run())
    for place, entry in enumerate(run):
        if entry.type == subjects.LLM_INVOKED.type:
            items = [{**item, "content": EVIL, "message": EVIL} for item in entry.data["items"]]
            run[place] = entry.with_data({"items": items})
    async with watching(run, (160, 40)) as (_, pilot):
        shown = []
        for keys in (
            ["3"],
            ["enter"],
            ["escape"],
            ["w"],
            ["escape"],
            ["slash", *"invoked", "enter"],
            ["enter"],
        ):
            await press(pilot, *keys)
            shown.append(screen_text(pilot))

    assert "[red]bold[/red]" in shown[0]
    assert "[link=file:///etc]" in shown[1]
    for screen in shown:
        assert not set(screen) & set("\x1b\x07\x9b\u202e")


async def test_without_colour_every_state_is_told_in_words(monkeypatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with watching(small_run(), (120, 30)) as (_, pilot):
        strips = pilot.app.screen._compositor.render_strips()
        styles = [segment.style for strip in strips for segment in strip if segment.style]
        assert "equilibrium" in screen_text(pilot)

    colours = {style.color.triplet for style in styles if style.color and style.color.triplet}
    assert all(triplet.red == triplet.green == triplet.blue for triplet in colours)


async def test_light_and_dark_can_be_chosen() -> None:
    async with watching(small_run()) as (_, pilot):
        await press(pilot, "d")
        assert not pilot.app.current_theme.dark
        await press(pilot, "d")
        assert pilot.app.current_theme.dark


async def test_the_help_names_every_key() -> None:
    async with watching(small_run(), (130, 50)) as (_, pilot):
        await press(pilot, "question_mark")
        shown = screen_text(pilot)

    assert all(word in shown for word in ("pause", "why", "filter", "sort", "dark or light", "spans"))
