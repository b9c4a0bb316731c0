"""What an economy comes to does not depend on what carries its messages: the same log to the last event."""

from __future__ import annotations

import asyncio

import pytest
from economies import ODD, exhausted
from factories import group, role, scenario
from live_run import live_run
from nats_runs import hash_in_memory, over_nats
from run_builders import canonical_hash

from econsim.agents.session import AgentSession
from econsim.runs.remote import run_events

pytestmark = pytest.mark.nats


async def owing(economy):
    """Wait until an agent owes something; return its money."""
    async with asyncio.timeout(60):
        while True:
            money = (await economy.get_balance()).credits
            if money.debt:
                return money
            await asyncio.sleep(0.05)


async def test_a_period_waits_for_the_gain_of_an_agent_outside_the_hosts(server, run) -> None:
    wanted = exhausted(3.00, 1.00, outside="buyer", ticks=50)

    async with live_run(server, run, wanted) as live, asyncio.timeout(60):
        seat = AgentSession(live.externals["buyer"], run, "buyer")
        async for tick in seat.ticks():
            if tick.tick_of_period == 3:
                await seat.economy.place_bid("cpu", 1)
        log = [event async for event in run_events(live.nc, run)]

    closed = log[-1].event.data
    assert (closed.periods, closed.ticks) == (2, 8)


@pytest.mark.parametrize("name", ODD)
async def test_an_odd_economy_has_one_hash_over_nats_and_in_memory(server, run, name) -> None:
    events = await over_nats(server, ODD[name], run)

    assert canonical_hash(events) == hash_in_memory(ODD[name])


async def test_an_outside_seller_that_cannot_pay_its_cost_owes_it_and_is_told(server, run) -> None:
    buyer = group("buyer", "truthful", roles=[role("bid", values=[[1]])])
    seller = group("anna", "external", credits=0, roles=[role("ask", values=[[3]])])
    timing = {"mode": "real_time", "periods": 100_000, "ticks_per_period": 10}

    async with live_run(server, run, scenario(buyer, seller, clock=timing)) as live:
        await live.economy().place_ask("cpu", 1)
        money = await owing(live.economy())

    assert (money.owned, money.debt, money.net) == (0, 2, -2)
