"""A run with guests over the real server, all services in this process."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from factories import group, role, scenario
from nats.aio.client import Client

from econsim.adapters.connection import connect
from econsim.agents.services import EconomicService
from econsim.app import SERVICES, Server, running
from econsim.errors import NotFound
from econsim.launch.runs import open_run
from econsim.subjects import ORDER_OUTCOME


def guest_scenario(**clock):
    """Return a market with one resting seller at 1, 2 and 3 credits, and the guests anna and bert."""
    sellers = group("seller", "truthful", roles=[role("ask", values=[[1, 2, 3]])])
    guests = [group(name, "external", credits=100) for name in ("anna", "bert")]
    timing = {"mode": "real_time", "ticks_per_period": 10_000, "tick_ms": 1_000, **clock}
    return scenario(sellers, *guests, resources=("cpu", "gpu"), clock=timing)


@dataclass
class Live:
    """A run that is open, and what its guests were told."""

    nc: Client
    run: str
    guests: tuple
    markets: tuple
    told: list = field(default_factory=list)

    def economy(self, agent="anna"):
        return EconomicService(self.nc, self.run, agent)

    async def answering(self):
        """Wait until every service answers."""
        async with asyncio.timeout(30):
            while True:
                try:
                    return await self.state()
                except NotFound:
                    await asyncio.sleep(0.1)

    async def state(self):
        """Return what must not change: balances and the guests' part of the books."""
        balances = [await self.economy(agent).get_balance() for agent in self.guests]
        books = [await self.economy().get_book(resource) for resource in self.markets]
        return balances, [book.bids for book in books]


@asynccontextmanager
async def live_run(server, run, wanted):
    """Run all services and open a run for the time of the context."""
    here = Server(server.url, server.creds)
    async with running(tuple(SERVICES), here):
        client = await connect(server.url, server.creds("operator"), "test-live")
        guests = tuple(each.name for each in wanted.agents if each.policy == "external")
        live = Live(client, run, guests, tuple(each.resource for each in wanted.markets))

        async def hear(message):
            live.told.append(message)

        for subject in ORDER_OUTCOME:
            await client.subscribe(subject.pattern(), cb=hear)
        try:
            await open_run(client, run, wanted)
            await live.answering()
            yield live
        finally:
            await client.close()
