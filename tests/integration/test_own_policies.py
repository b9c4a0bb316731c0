"""Policies of one's own over NATS: the same run as in memory, in several hosts, from where services may run them alone."""

from contextlib import aclosing
from pathlib import Path

import pytest
from run_builders import canonical_hash
from superuser import superuser

from econsim.adapters.nats.connection import connect
from econsim.adapters.policies import load_policies
from econsim.app import Server, running
from econsim.domain.execution import in_memory
from econsim.routers import SERVICES
from econsim.runs import scenario_file
from econsim.runs.launch.left_runs import left_runs, stop_runs
from econsim.runs.remote import open_run, run_events
from econsim.schemas.agent import CognitiveCyclesCompleted

pytestmark = pytest.mark.nats

EXAMPLE = Path(__file__).parents[2] / "examples" / "policies" / "patient.toml"


def shortened():
    """Return the example of one period of twenty ticks, in two hosts."""
    found = scenario_file.load(EXAMPLE)
    clock = found.clock.model_copy(update={"periods": 1, "ticks_per_period": 20})
    return found.model_copy(update={"clock": clock, "hosts": 2, "expectations": ()})


async def over_nats(server, name, policies):
    """Return the events of a run whose services may run policies from a directory."""
    client = await connect(server.url, superuser(server), "test-run")
    try:
        async with running(tuple(SERVICES), Server(server.url, server.creds, policies=policies)):
            await open_run(client, name, shortened())
            async with aclosing(run_events(client, name)) as events:
                return [addressed async for addressed in events]
    finally:
        await client.close()


async def test_hosts_run_a_scenario_s_own_policies_as_memory_does(server, run):
    events = await over_nats(server, run, EXAMPLE.parent)

    wanted = shortened()
    assert canonical_hash(events) == canonical_hash(in_memory.run(wanted, policies=load_policies(wanted)))


async def test_services_that_may_run_none_set_their_agents_aside_and_the_run_ends(server, run):
    events = await over_nats(server, run, None)

    reports = [each.event.data for each in events if isinstance(each.event.data, CognitiveCyclesCompleted)]
    why = {item.agent: item.failure for data in reports for item in data.items}
    assert len(why) == 22
    assert all(f"ECONSIM_POLICIES={EXAMPLE.parent}" in reason for reason in why.values())


async def test_only_runs_with_own_policies_that_a_command_left_open_are_stopped_before_others_run(
    server, run
):
    client, told = await connect(server.url, superuser(server), "test-run"), []
    here = Server(server.url, server.creds)
    plain = scenario_file.load("smith1962")
    async with running(("clock",), here):
        await open_run(client, run, shortened())
        await open_run(client, f"{run}_plain", plain)

    left = await left_runs(here)
    await stop_runs(here, [each for each in left if each == run], told.append)

    assert run in left
    assert f"{run}_plain" not in left
    assert run not in await left_runs(here)
    (said,) = told
    assert "ended without a word" in said
    assert f"`econsim resume {run}` goes on with it" in said
    await client.close()
