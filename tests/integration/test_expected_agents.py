"""The command that creates an account says whether the run has that agent, and how to add it."""

import pytest
from factories import group, role, scenario
from live_run import live_run

from econsim.runs.launch.expected_agents import why_agent_cannot_join
from econsim.runs.remote import close_run

pytestmark = pytest.mark.nats

ECONOMY = scenario(
    group("seller", "truthful", roles=[role("ask", values=[[1]])]),
    group("anna", "external"),
    clock={"mode": "real_time", "ticks_per_period": 10_000, "tick_ms": 1_000},
)


async def test_an_agent_that_cannot_join_gets_the_reason_and_the_remedy(server, run, connect_as):
    def reason(agent, name=run):
        return why_agent_cannot_join(server.url, server.creds("observer"), name, agent)

    before = await reason("anna")
    async with live_run(server, run, ECONOMY):
        assert await reason("anna") == ""
        assert "has no agent bob and takes none while it goes on" in await reason("bob")
        assert "seller_001 of run" in await reason("seller_001")
        await close_run(await connect_as("operator"), run)
        after = await reason("anna")

    assert before.startswith(f"run {run} is not open")
    assert f"`econsim run SCENARIO --name {run} --external anna`" in before
    assert after.startswith(f"run {run} has ended")


async def test_nothing_is_said_where_the_log_cannot_be_read(server, run):
    assert await why_agent_cannot_join(server.url, server.creds("market"), run, "anna") == ""
