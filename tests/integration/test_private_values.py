"""An external agent sees what units are worth to it, alone, and what it has earned."""

from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal

import pytest
from factories import group, role, scenario
from live_run import live_run

from econsim.agents.session import join

pytestmark = pytest.mark.nats

ECONOMY = scenario(
    group("seller", "truthful", roles=[role("ask", values=[[1, 2]])]),
    group("anna", "external", credits=10, roles=[role("bid", values=[[3, 3, 2.5]])]),
    group("bert", "external", credits=10),
    clock={"ticks_per_period": 6, "deadline_ms": 1_000},
)


@asynccontextmanager
async def joined(server, run, agent, away=()):
    """Join as an agent of a run of its own."""
    async with AsyncExitStack() as stack:
        live = await stack.enter_async_context(live_run(server, run, ECONOMY, away))
        me = join(run, agent, nats=server.url, creds=live.creds[agent])
        yield await stack.enter_async_context(me)


async def buy_all(me):
    """Bid for each unit what it is worth, until the run closes."""
    async for _ in me.ticks():
        bought = (await me.economy.get_balance()).units("cpu").owned
        for value in me.values["cpu"].values[bought : bought + 1]:
            await me.economy.place_bid("cpu", value, kind="immediate_or_cancel")


async def test_a_bot_that_bids_its_values_earns_what_units_are_worth_to_it_less_their_prices(server, run):
    async with joined(server, run, "anna") as anna:
        await buy_all(anna)
        paid = [each.price for each in anna.economy.take_outcomes() if each.kind == "filled"]
        earned = await anna.earnings()

    assert (anna.values["cpu"].side, anna.dealt) == ("bid", 10)
    assert paid == [1, 2]
    assert earned == Decimal(3 + 3) - sum(paid)


async def test_an_agent_without_a_role_sees_no_values(server, run):
    async with joined(server, run, "bert", away=["anna"]) as bert:
        assert (bert.values, bert.dealt) == ({}, 10)
