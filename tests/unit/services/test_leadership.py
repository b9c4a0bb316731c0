"""What a service serves: nothing it hears of once it stops."""

import asyncio

from run_builders import small_scenario

from econsim import subjects
from econsim.domain.audit.envelope import Stamp
from econsim.schemas.clock import RunOpened
from econsim.services.leadership import Post, Tenancy


def opened(run):
    stamp = Stamp(run, "ab", 0, "1970-01-01T00:00:00.000000000Z")
    return stamp.event(subjects.RUN_OPENED, "clock", RunOpened(scenario=small_scenario(), salt="ab")).event


async def test_a_run_that_is_heard_of_while_a_service_stops_is_not_served():
    served = []
    tenancy = Tenancy(None, lambda run: served.append(run.name) or [Post("post", asyncio.Event().wait)])

    await tenancy.stop()
    tenancy.opened(opened("late"))

    assert not tenancy.runs
    assert not served
