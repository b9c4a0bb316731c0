"""What a service serves: nothing it hears of once it stops."""

import asyncio

from run_builders import small_scenario

from econsim import subjects
from econsim.domain.audit.envelope import Envelope
from econsim.schemas.clock import RunOpened
from econsim.services.leadership import Leadership, Post


def opened(run):
    envelope = Envelope(run, "ab", 0, "1970-01-01T00:00:00.000000000Z")
    return envelope.event(subjects.RUN_OPENED, "clock", RunOpened(scenario=small_scenario(), salt="ab")).event


async def test_a_run_that_is_heard_of_while_a_service_stops_is_not_served():
    served = []
    leadership = Leadership(None, lambda run: served.append(run.name) or [Post("post", asyncio.Event().wait)])

    await leadership.stop()
    leadership.opened(opened("late"))

    assert not leadership.runs
    assert not served
