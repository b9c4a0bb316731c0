"""A run with external agents over the real server, all services in this process; each external agent in its own account."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from factories import group, role, scenario
from nats.aio.client import Client
from superuser import superuser

from econsim.adapters.nats.connection import connect
from econsim.agents.channel import AgentChannel
from econsim.agents.economy import EconomicService
from econsim.app import Server, running
from econsim.errors import NotFound, Unavailable
from econsim.routers import SERVICES
from econsim.runs.launch.agent_accounts import ensure_accounts
from econsim.runs.remote import open_run
from econsim.subjects import ORDER_OUTCOME, TICKED


def external_scenario(**clock):
    """Return a market with one resting seller at 1, 2 and 3 credits, and the external agents anna and bert."""
    sellers = group("seller", "truthful", roles=[role("ask", values=[[1, 2, 3]])])
    externals = [group(name, "external", credits=100) for name in ("anna", "bert")]
    timing = {"mode": "real_time", "ticks_per_period": 10_000, "tick_ms": 1_000, **clock}
    return scenario(sellers, *externals, resources=("cpu", "gpu"), clock=timing)


@dataclass
class Live:
    """A run that is open, and the outcomes delivered to its external agents."""

    nc: Client
    """A superuser of SIM."""
    run: str
    externals: dict
    """Name → connection in the external agent's own account."""
    creds: dict
    """Name → creds file."""
    markets: tuple
    outcomes: list = field(default_factory=list)
    here: Server | None = None
    """Where its services are."""
    market: AsyncExitStack = field(default_factory=AsyncExitStack)
    """Stops the market service, which is apart from the others."""

    def economy(self, agent="anna"):
        return EconomicService(AgentChannel(self.externals[agent], self.run, agent))

    async def restart_market(self):
        """Stop the market service, and start one that knows the log alone."""
        await self.market.aclose()
        await self.market.enter_async_context(running(("market",), self.here))

    async def until_served(self):
        """Wait until every service answers."""
        async with asyncio.timeout(300):
            while True:
                try:
                    return await self.state()
                except (NotFound, Unavailable):
                    await asyncio.sleep(0.1)

    async def state(self):
        """Return what must not change: balances and the external agents' part of the books."""
        balances = [await self.economy(agent).get_balance() for agent in self.externals]
        books = [
            await self.economy(next(iter(self.externals))).get_book(resource) for resource in self.markets
        ]
        return balances, [book.bids for book in books]


def four_ticks():
    """Return a market of four ticks on which an external agent ana finds more than one unit to buy from the second on."""
    sellers = group("seller", "truthful", count=12, roles=[role("ask", values=[[1]])])
    return scenario(sellers, group("ana", "external"), clock={"ticks_per_period": 4, "deadline_ms": 20_000})


@asynccontextmanager
async def ticks_told_twice(live):
    """Have every agent receive each tick once more for the time of the context, as after a lost connection."""

    async def repeat(message):
        if "Told-Again" not in (message.headers or {}):
            # The log drops it: it has the id of the first.
            headers = {**(message.headers or {}), "Told-Again": "1"}
            await live.nc.publish(message.subject, message.data, headers=headers)

    subscription = await live.nc.subscribe(TICKED(run=live.run), cb=repeat)
    yield
    await subscription.unsubscribe()


@asynccontextmanager
async def live_run(server, run, wanted, away=(), apart=()):
    """Run all services and open a run for the time of the context.

    External agents in `away` do not connect; the caller runs the services `apart`.
    """
    here = Server(server.url, server.creds, server.trust)
    async with AsyncExitStack() as stack:
        others = tuple(service for service in SERVICES if service not in ("market", *apart))
        await stack.enter_async_context(running(others, here))
        client = await connect(server.url, superuser(server), "test-live")
        stack.push_async_callback(client.close)
        accounts = await ensure_accounts(here, run, wanted)
        creds = {account.agent: account.creds for account in accounts}
        connecting = creds.keys() - {*away}
        externals = {
            agent: await connect(server.url, creds[agent], f"external agent-{agent}") for agent in connecting
        }
        for external in externals.values():
            stack.push_async_callback(external.close)
        live = Live(client, run, externals, creds, tuple(each.resource for each in wanted.markets), here=here)
        stack.push_async_callback(live.market.aclose)
        await live.restart_market()

        async def receive(message):
            live.outcomes.append(message)

        for subject in ORDER_OUTCOME:
            await client.subscribe(subject.pattern(), cb=receive)
        await open_run(client, run, wanted)
        if externals:
            await live.until_served()
        yield live
