"""Recorder of a run: its times, its repeated events, and the agents a silent tick waits for.

Cannot catch: the order of events on a real log.
"""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from econsim import subjects
from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.domain.audit.facts import record
from econsim.domain.execution import in_memory
from econsim.report import progress_bar
from econsim.report.progress_bar import ProgressDisplay, waiting_text
from econsim.runs import recorder, scenario_file
from econsim.runs.overrides import apply_overrides
from econsim.runs.recorder import Recorder
from econsim.schemas.agent import CycleCompleted, Limits
from econsim.schemas.clock import RunOpened, Ticked
from econsim.schemas.executor import Execution

GENESIS = apply_overrides(scenario_file.load("genesis"), periods=1)
SMITH = apply_overrides(scenario_file.load("smith1962"), periods=1)
ENVELOPE = Envelope("demo", "salt", 1, in_memory.NOW)


def opened(join_ms=0, **overrides):
    scenario = apply_overrides(GENESIS, **overrides)
    scenario = scenario.model_copy(update={"clock": scenario.clock.model_copy(update={"join_ms": join_ms})})
    return ENVELOPE.event(subjects.RUN_OPENED, "clock", RunOpened(scenario=scenario, salt="salt"))


def ticked():
    return ENVELOPE.event(subjects.TICKED, "clock", Ticked(period=1, tick_of_period=1))


def recorded(*events, progress=None, stored=False):
    made = Recorder(progress, stored=stored)
    for event in events:
        made.add(event)
    return made


@pytest.mark.slow
def test_a_run_in_memory_is_recorded_to_its_end():
    summary = recorded(*in_memory.run(GENESIS)).summary()

    assert (summary.scenario.name, summary.failure) == ("genesis", "")
    assert summary.speed.elapsed_s > 0


def test_a_run_that_was_partly_read_later_has_no_speed():
    made = Recorder(None, timed=False)
    for event in in_memory.run(GENESIS):
        made.add(event)

    assert made.summary().speed is None


@pytest.mark.parametrize(("execution", "known"), [(Execution.SHARED, True), (Execution.WHOLE, False)])
def test_ticks_that_come_in_bundles_have_no_latency(execution, known):
    opening, *log = in_memory.run(SMITH)
    opening = AddressedEvent(
        opening.subject,
        opening.event.model_copy(
            update={"data": opening.event.data.model_copy(update={"execution": execution})}
        ),
    )

    speed = recorded(opening, *log).summary().speed

    assert (speed.latency_p50_ms is not None) is known
    assert speed.elapsed_s > 0


@pytest.mark.parametrize("name", ["smith1962", "zip_learning", "call_vs_cda"])
def test_facts_and_records_give_the_summary_and_facts_the_figures_that_events_give(name):
    scenario = apply_overrides(scenario_file.load(name), periods=1)
    shown = ProgressDisplay(Console(file=StringIO())), ProgressDisplay(Console(file=StringIO()))
    log = list(in_memory.run(scenario))

    stored = recorded(*(record(each.subject, each.json()) for each in log), stored=True).summary()
    facts = recorded(*log, progress=shown[0]).summary()
    events = recorded(
        *(AddressedEvent(each.subject, each.event) for each in log), progress=shown[1]
    ).summary()

    assert replace(facts, speed=None) == replace(events, speed=None) == replace(stored, speed=None)
    assert shown[0].figures.snapshot() == shown[1].figures.snapshot()


def test_a_repeated_event_changes_nothing():
    log = list(in_memory.run(GENESIS))

    once, twice = (
        recorded(*log).summary(),
        recorded(*(each for event in log for each in (event, event))).summary(),
    )

    assert twice.canonical_hash == once.canonical_hash


def test_an_open_tick_waits_for_its_external_agents():
    assert recorded(opened(externals=["ana", "bob"]), ticked()).waiting_for() == ["ana", "bob"]


def test_an_agent_that_answered_is_not_waited_for():
    answer = CycleCompleted(tick=1, agents=1, limits={"cpu": Limits()})
    done = ENVELOPE.event(subjects.CYCLE_COMPLETED, "ana", answer, agent="ana")

    assert recorded(opened(externals=["ana", "bob"]), ticked(), done).waiting_for() == ["bob"]


def test_a_waiting_room_waits_for_agents_that_are_not_ready():
    room = opened(join_ms=1_000, externals=["ana", "bob"])
    ready = ENVELOPE.event(subjects.CYCLE_COMPLETED, "ana", CycleCompleted(tick=0, agents=1), agent="ana")

    assert recorded(room, ready).waiting_for() == ["bob"]
    assert recorded(opened(externals=["ana"])).waiting_for() == []


@pytest.mark.parametrize("overrides", [{}, {"externals": ["ana"], "real_time": True}])
def test_no_tick_waits_without_external_agents_or_in_real_time(overrides):
    assert recorded(opened(**overrides), ticked()).waiting_for() == []


def test_a_silent_tick_shows_whom_it_waits_for_without_a_terminal(monkeypatch):
    monkeypatch.setattr(progress_bar, "LINE_S", 0.0)
    monkeypatch.setattr(recorder, "SILENCE_S", 0.0)
    out = StringIO()

    with ProgressDisplay(Console(width=200, file=out)) as progress:
        recorded(opened(externals=["ana"]), ticked(), progress=progress).show_waiting()

    assert out.getvalue().splitlines()[-1].endswith("waiting for ana")


def test_a_silent_tick_shows_whom_it_waits_for_on_a_terminal(monkeypatch):
    monkeypatch.setattr(progress_bar, "REDRAW_S", 0.0)
    monkeypatch.setattr(recorder, "SILENCE_S", 0.0)
    out = StringIO()

    with ProgressDisplay(Console(width=200, file=out, force_terminal=True)) as progress:
        recorded(opened(externals=["ana"]), ticked(), progress=progress).show_waiting()

    assert "waiting for ana" in out.getvalue()


def test_many_agents_that_are_waited_for_are_counted():
    assert waiting_text([f"a{n}" for n in range(7)]) == "waiting for a0, a1, a2, a3, a4 and 2 more"
    assert waiting_text([]) == ""
