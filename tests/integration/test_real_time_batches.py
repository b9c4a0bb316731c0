"""A real-time batch that is done again: arrival cuts it once, and whoever repeats it cuts it the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from factories import group, scenario
from faststream.nats import NatsBroker, NatsCredentials
from nats.aio.client import Client
from nats.aio.msg import Msg
from recomputed import discrepancies, log_of

from econsim import subjects
from econsim.adapters.clock import random_name
from econsim.adapters.jetstream import provision
from econsim.adapters.jetstream.order_consumers import book_consumer
from econsim.adapters.jetstream.ordered_push import OrderedPush
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.app import Server, running
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.agent.active_run import active_run as run_of
from econsim.domain.market.book import MarketBook
from econsim.runs.remote import open_run
from econsim.schemas.market import TickCleared
from econsim.schemas.orders import PlaceBid
from econsim.services.context import ServiceContext
from econsim.services.leadership import LeadershipLost
from econsim.services.market.batch import BatchRunner
from econsim.services.market.book import BookWorker

pytestmark = pytest.mark.nats

SCENARIO = scenario(
    group("anna", "external", credits=100),
    group("bert", "external", credits=100),
    clock={"mode": "real_time", "ticks_per_period": 10_000, "tick_ms": 60_000},
)


@pytest.fixture
async def market(server: EmbeddedServer) -> AsyncIterator[ServiceContext]:
    """Connect as a market service of which the test is the one worker; clock and ledger work."""
    here = Server(server.url, server.creds)
    broker = NatsBroker(
        server.url, security=NatsCredentials(str(server.creds("market"))), inbox_prefix=b"_INBOX.market"
    )
    async with running(("clock", "ledger"), here), broker:
        await broker.start()
        yield ServiceContext("market", broker)


async def test_a_batch_done_again_takes_in_what_it_took_in_before(
    market: ServiceContext, nc: Client, run: str
) -> None:
    opened = run_of(await open_run(nc, run, SCENARIO))
    await place_order(nc, run, 1)
    with pytest.raises(LeadershipLost):
        await work_until(market, opened, nc, commands=1, finishes=False)
    await place_order(nc, run, 2)

    await work_until(market, opened, nc, commands=2)

    assert await batches(nc, run) == [1, 1]
    assert discrepancies(await log_of(nc, run)) == []


async def place_order(nc: Client, run: str, number: int) -> None:
    """Put anna's order of this number into the queue."""
    command = PlaceBid(command_id=f"b{number}", order_id=f"b{number}", price=number * 1_000_000, quantity=1)
    subject = subjects.PLACE_BID(resource="cpu", run=run, agent="anna")
    await nc.jetstream().publish(subject, command.model_dump_json().encode())


async def block_next_batch(nc: Client, run: str) -> None:
    """Keep the book's next batch from finishing: another record lies where its end would go."""
    await nc.jetstream().publish(subjects.TICK_CLEARED(run=run, resource="cpu"), b"no event")


async def batches(nc: Client, run: str) -> list[int]:
    """Return how many orders each finished batch took in."""
    data = [addressed.event.data for addressed in await log_of(nc, run)]
    return [each.orders for each in data if isinstance(each, TickCleared)]


async def work_until(
    context: ServiceContext, run: ActiveRun, nc: Client, commands: int, *, finishes: bool = True
) -> None:
    """Serve the book until it has finished so many commands; as many have arrived before the first batch."""
    book = MarketBook(run.data.scenario.markets[0], 1)
    runner = BatchRunner(context, run, book)
    await runner.rebuild()
    if not finishes:
        await block_next_batch(nc, run.name)
    consumer = book_consumer(run.name, "cpu", random_name("test"))
    deliveries, arrived = OrderedPush(context.client, consumer.idle_heartbeat_s), asyncio.Semaphore(0)

    async def receive(message: Msg) -> None:
        await deliveries.receive(message)
        arrived.release()

    subscription = await context.client.subscribe(consumer.deliver_subject, cb=receive)
    await provision.recreate_consumer(context.client, consumer)
    for _ in range(commands):
        await arrived.acquire()
    worker = BookWorker(context, run, book, runner, deliveries, sequence=book.last_sequence)
    working = asyncio.create_task(worker.work())
    try:
        async with asyncio.timeout(60):
            while not working.done() and sum(await batches(nc, run.name)) < commands:  # noqa: ASYNC110 - the log tells nobody
                await asyncio.sleep(0.01)
        if working.done():
            await working
    finally:
        working.cancel()
        await subscription.unsubscribe()
