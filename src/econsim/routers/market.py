"""The market service: one worker at a time runs each order book; every worker answers requests about markets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from econsim import subjects
from econsim.domain.agent.active_run import ActiveRun
from econsim.schemas.execute import Execute, Executed
from econsim.schemas.market import GetPrices, Prices
from econsim.services.context import DepthWatch, ServiceContext
from econsim.services.definition import ServiceDefinition
from econsim.services.handlers import caller, current_context
from econsim.services.leadership import Component, LeaderTask
from econsim.services.market import book, execute, stuck_orders

service = ServiceDefinition("market")
"""The market service."""


@service.request(subjects.GET_PRICES)
async def get_prices(_: GetPrices) -> Prices:
    """Return the public prices of all markets of the caller's run."""
    context = current_context()
    return await execute.current_prices(context, await context.require_run(caller().run))


@service.request(subjects.EXECUTE, max_workers=32)
async def execute_trade(request: Execute) -> Executed:
    """Do several reads and orders in one round trip."""
    context, sender = current_context(), caller()
    return await execute.execute(context, await context.require_run(sender.run), sender.agent, request)


@service.tasks_of_run
def books(context: ServiceContext, run: ActiveRun) -> Sequence[LeaderTask]:
    """Return one task for each order book of a run, unless an executor does all of the run."""
    if run.is_whole:
        return ()
    return tuple(
        LeaderTask(f"book.{run.name}.{resource}", partial(book.serve, context, run, market))
        for resource, market in run.markets.items()
    )


@service.tasks_of_service
def queue_cleaning(context: ServiceContext) -> Sequence[LeaderTask]:
    """Return the task that clears the order queue of what is stuck."""
    return (LeaderTask(stuck_orders.LEASE, partial(stuck_orders.serve, context)),)


@service.in_background
def components(context: ServiceContext) -> Sequence[Component]:
    """Return what keeps the depth of the order queue in view."""
    return (DepthWatch(context),)
