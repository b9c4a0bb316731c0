"""An economy has the same log over NATS and in memory, to the last event."""

from __future__ import annotations

import asyncio

import pytest
from economies import ODD, exhausted
from eventually import eventually
from factories import group, role, scenario
from live_run import live_run
from nats_runs import hash_in_memory, over_nats
from run_builders import canonical_hash

from econsim.agents.session import AgentSession
from econsim.runs.remote import run_events

pytestmark = pytest.mark.nats


async def wait_for_debt(economy):
    """Wait until an agent owes something; return its money."""

    async def look():
        money = (await economy.get_balance()).credits
        return money if money.debt else None

    return await eventually(look, 60)


async def test_a_period_waits_for_the_gain_of_an_external_agent(server, run) -> None:
    wanted = exhausted(3.00, 1.00, external="buyer", ticks=50)

    async with live_run(server, run, wanted) as live, asyncio.timeout(60):
        session = AgentSession(live.externals["buyer"], run, "buyer")
        async for tick in session.ticks():
            if tick.tick_of_period == 3:
                await session.economy.place_bid("cpu", 1)
        log = [event async for event in run_events(live.nc, run)]

    closed = log[-1].event.data
    assert (closed.periods, closed.ticks) == (2, 8)


@pytest.mark.parametrize("name", ODD)
async def test_an_odd_economy_has_one_hash_over_nats_and_in_memory(server, run, name) -> None:
    events = await over_nats(server, ODD[name], run)

    assert canonical_hash(events) == hash_in_memory(ODD[name])


async def test_an_external_seller_owes_the_cost_that_it_cannot_pay(server, run) -> None:
    buyer = group("buyer", "truthful", roles=[role("bid", values=[[1]])])
    seller = group("anna", "external", credits=0, roles=[role("ask", values=[[3]])])
    timing = {"mode": "real_time", "periods": 100_000, "ticks_per_period": 10}

    async with live_run(server, run, scenario(buyer, seller, clock=timing)) as live:
        await live.economy().place_ask("cpu", 1)
        money = await wait_for_debt(live.economy())

    assert (money.owned, money.debt, money.net) == (0, 2, -2)
