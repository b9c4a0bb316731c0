"""The watch of ticks: what a service knows of the logical time of open runs."""

from types import SimpleNamespace

import pytest
from fake_consumers import ConsumerNats, service_context
from market_builder import LOCK_STEP

from econsim import subjects
from econsim.domain.agent.active_run import active_run
from econsim.domain.audit.envelope import Envelope
from econsim.schemas.clock import RunOpened, Ticked
from econsim.schemas.executor import Execution
from econsim.services.tick_watch import TickWatch

WHOLE = active_run(
    Envelope("whole", "salt", 0, "2026-01-01T00:00:00Z")
    .event(
        subjects.RUN_OPENED,
        "anna",
        RunOpened(scenario=LOCK_STEP.data.scenario, salt="salt", execution=Execution.WHOLE),
    )
    .event
)


def tick(run, number):
    data = Ticked(period=1, tick_of_period=number)
    ticked = Envelope(run, "salt", number, "2026-01-01T00:00:00Z").event(subjects.TICKED, "clock", data)
    return SimpleNamespace(subject=ticked.subject, data=ticked.json())


@pytest.fixture
def context():
    found = service_context("admission", ConsumerNats())
    found.runs["run"], found.runs["whole"] = LOCK_STEP, WHOLE
    return found


async def test_the_newest_tick_of_an_open_run_is_known(context):
    watch = TickWatch(context)

    for number in (1, 2):
        await watch.note(tick("run", number))

    assert context.runs.tick("run") == 2


@pytest.mark.parametrize("run", ["whole", "unknown"])
async def test_other_runs_ticks_are_dropped(context, run):
    await TickWatch(context).note(tick(run, 3))

    assert context.runs.tick(run) is None


async def test_a_record_that_is_no_event_changes_nothing(context):
    await TickWatch(context).note(SimpleNamespace(subject=subjects.TICKED(run="run"), data=b"{"))

    assert context.runs.tick("run") is None
