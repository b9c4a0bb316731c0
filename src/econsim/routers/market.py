"""The market service: one worker per order book, found by lease, and the requests about markets.

The worker is `services/market/book.py`; the rules are `domain/`. Here is only what listens.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from faststream.nats import NatsRouter

from econsim import subjects
from econsim.schemas.execute import Execute, Executed
from econsim.schemas.market import GetPrices, Prices
from econsim.services.context import QueueWatch, ServiceContext
from econsim.services.handlers import caller, wire
from econsim.services.leadership import ActiveRun, Leadership, Post
from econsim.services.market import book, execute, stuck_orders
from econsim.services.run_events import hear_of_runs

QUEUE = "market"
"""Queue group: any worker answers, one answers."""


def router(context: ServiceContext, leadership: Leadership) -> NatsRouter:
    """Return what every worker of the service listens to; one of them also clears its queue of what is stuck."""
    routes = NatsRouter()
    leadership.attend(QueueWatch(context))
    leadership.stand(Post(stuck_orders.LEASE, partial(stuck_orders.serve, context, leadership)))

    hear_of_runs(routes, leadership, "market")

    @routes.subscriber(subjects.GET_PRICES.pattern(), QUEUE, decoder=wire(GetPrices))
    async def get_prices(_: GetPrices) -> Prices:
        """Return the public prices of all markets of the caller's run."""
        return await execute.prices_of(context.client, leadership.known(caller().run))

    @routes.subscriber(subjects.EXECUTE.pattern(), QUEUE, decoder=wire(Execute), max_workers=32)
    async def execute_trade(request: Execute) -> Executed:
        """Do several reads and orders in one round trip."""
        who = caller()
        return await execute.execute(context, leadership.known(who.run), who.agent, request)

    return routes


def posts(context: ServiceContext, run: ActiveRun) -> Sequence[Post]:
    """Return the order books of a run."""
    return tuple(
        Post(f"book.{run.name}.{market.resource}", partial(book.serve, context, run, market))
        for market in run.data.scenario.markets
    )
