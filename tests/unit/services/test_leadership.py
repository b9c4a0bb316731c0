"""Leader election: which runs a service serves, and when its tasks end."""

import asyncio
from types import SimpleNamespace

from factories import run_opened
from run_builders import small_scenario

from econsim.domain.agent.active_run import ActiveRuns
from econsim.services.leadership import Leadership, LeaderTask


async def test_a_run_that_opens_while_a_service_stops_is_not_served():
    served = []
    context = SimpleNamespace(runs=ActiveRuns())
    leadership = Leadership(
        context, lambda run: served.append(run.name) or [LeaderTask("lease", asyncio.Event().wait)]
    )

    await leadership.stop()
    leadership.add_run(run_opened(small_scenario(), "late"))

    assert not context.runs
    assert not served
