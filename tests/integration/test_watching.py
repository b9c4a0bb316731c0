"""A run over a real server, watched while it goes on. Catches: an event that the view lacks, a moment that cannot be gone to."""

from __future__ import annotations

from contextlib import aclosing

import pytest
from bench_builders import TRADES
from eventually import eventually
from nats_runs import over_nats, shortened
from run_builders import summed

from econsim import subjects
from econsim.cli.watched_run import WatchedRun
from econsim.domain.audit.facts import as_record, facts
from econsim.errors import NotFound
from econsim.report.run_view import RunView
from econsim.schemas.scenario import Scenario
from econsim.terminal.app import WatchApp
from econsim.terminal.run_screen import RunScreen

pytestmark = pytest.mark.nats


def judged_scenario() -> Scenario:
    """Return a period of genesis with one expectation, and thoughts."""
    found = shortened("genesis", ticks=12)
    return Scenario.model_validate({**found.model_dump(mode="json"), "expectations": [TRADES]})


async def watched(source) -> RunView:
    """Return the view of a run at its end."""
    view = RunView()
    async with aclosing(source.onwards(0, 0)) as events:
        async for event in events:
            view.add(*event)
    return view


async def test_a_run_is_watched_from_its_opening_to_its_end_as_an_observer(server, connect_as) -> None:
    source = WatchedRun(await connect_as("observer"), "watched", server.creds("observer"))
    screen = RunScreen(source)
    async with WatchApp(screen).run_test(size=(100, 30)):
        events = await over_nats(server, judged_scenario(), "watched")
        await eventually(lambda: screen.player.ended)
        await eventually(lambda: screen.moment.verdicts and screen.moment.verdicts[0].outcome.is_final)

    report = summed([as_record(each) for each in events])
    view = screen.view
    assert (view.state, view.count, view.efficiency) == (
        "closed",
        len(events),
        pytest.approx(report.efficiency),
    )
    assert sum(row.thinking for row in view.agents.rows()) == sum(each.price for each in report.thinking) > 0
    assert screen.moment.verdicts[0].outcome.is_pass


async def test_any_moment_of_a_run_is_found_in_the_log(server, connect_as) -> None:
    source = WatchedRun(await connect_as("auditor"), "sought", server.creds("auditor"))
    events = await over_nats(server, shortened("genesis", ticks=6), "sought")
    view = await watched(source)

    place = await source.place_of_tick(4)
    opened = await source.record_at(place)
    trade = next(
        fact for each in events if each.event.type == subjects.TRADE_EXECUTED.type for fact in facts(each)
    )
    of_trade = await source.place_of(trade.data["trade_id"])

    assert (opened.type, opened.tick) == (subjects.TICKED.type, 4)
    assert (await source.record_at(of_trade)).event_id == trade.event_id.partition(".")[0]
    assert (await source.causes(trade.event_id)).chain(trade.event_id)[-1].type == subjects.RUN_OPENED.type
    assert await source.newest_place() == view.place
    for wanted in (source.place_of_tick(99), source.place_of("nonsense"), source.record_at(view.place + 1)):
        with pytest.raises(NotFound):
            await wanted
