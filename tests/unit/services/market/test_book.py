"""The worker of one book over memory: which commands make a batch, what is acknowledged, what is refused or repeated."""

import asyncio
import json
from contextlib import asynccontextmanager, suppress

import pytest
from factories import active, scenario
from fake_consumers import ConsumerNats
from faststream.nats import NatsBroker, TestNatsBroker
from market_builder import AGENTS, LOCK_STEP, REAL_TIME, C, MemoryMarket

from econsim import subjects
from econsim.adapters.jetstream import provision
from econsim.adapters.jetstream.order_consumers import book_consumer
from econsim.adapters.jetstream.ordered_push import OrderedPush
from econsim.domain.market.book import MarketBook
from econsim.schemas.quota import QuotaUpdate
from econsim.schemas.scenario import Market
from econsim.services.context import ServiceContext
from econsim.services.handlers import BindMessage
from econsim.services.market.book import BookWorker, book_subscribers
from econsim.services.quota_meter import QuotaMeter
from econsim.streams import DEAD_LETTER
from econsim.testing import FakeCounters, FakeQuotaTable

ORDER = {"command_id": "c", "order_id": "o", "price": C, "quantity": 1}


class ServedMarket(MemoryMarket):
    """A market whose worker takes its commands from the queue in memory."""

    def __init__(self, run=LOCK_STEP):
        super().__init__(run)
        self.table = FakeQuotaTable()
        self.context.meter = QuotaMeter(FakeCounters(), self.table, lambda: 0)
        self.commands = 0

    async def place(self, agent, order_id, verb="place_bid", **fields):
        """Put an agent's order into the queue."""
        self.commands += 1
        payload = ORDER | {"command_id": f"c{self.commands}", "order_id": order_id} | fields
        await self.client.command(f"market.cpu.{verb}.run.{agent}", payload)

    async def close_tick(self, tick, **fields):
        self.commands += 1
        payload = {"command_id": f"tick{tick}", "tick": tick, "period": 1, "tick_of_period": tick} | fields
        await self.client.command(subjects.CLOSE_TICK(resource="cpu", run="run", agent="clock"), payload)

    @asynccontextmanager
    async def served(self):
        """Serve the book by a new worker, from the log and the queue as they are."""
        batches = self.new_worker()
        await batches.rebuild()
        consumer = book_consumer("run", "cpu", "test")
        deliveries = OrderedPush(self.client, consumer.idle_heartbeat_s)
        subscription = await self.client.subscribe(consumer.deliver_subject, cb=deliveries.receive)
        await provision.recreate_consumer(self.client, consumer)
        tick, period = batches.next_time
        worker = BookWorker(
            self.context, self.run, self.book, batches, deliveries, [], [],
            sequence=self.book.last_sequence, tick=tick, period=period,
        )  # fmt: skip
        working = asyncio.create_task(worker.work())
        try:
            yield
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
            await subscription.unsubscribe()

    async def until_acknowledged(self, count):
        await self.client.until(lambda: len(self.client.acknowledged) >= count)

    def cleared(self):
        """Return tick and number of orders of each finished batch."""
        events = self.client.events("tick_cleared")
        return [(event["tick"], event["data"]["orders"]) for event in events]


async def test_in_lock_step_commands_wait_for_the_end_of_their_tick_and_are_acknowledged_after_it():
    market = ServedMarket()
    await market.place("anna", "b1")
    async with market.served():
        await market.place("anna", "b2")
        await market.close_tick(1)
        await market.until_acknowledged(3)

    assert market.cleared() == [(1, 2)]
    assert market.client.steps.index("log tick_cleared") < market.client.steps.index("ack 1")


async def test_in_real_time_a_batch_is_what_has_arrived():
    market = ServedMarket(REAL_TIME)
    await market.place("anna", "b1")
    await market.place("anna", "b2")

    async with market.served():
        await market.until_acknowledged(2)

    assert [orders for _, orders in market.cleared()] == [2]


async def test_in_real_time_orders_wait_between_two_periods():
    market = ServedMarket(REAL_TIME)
    async with market.served():
        await market.close_tick(1, close_period=True)
        await market.until_acknowledged(1)

        await market.place("anna", "b")
        await market.close_tick(2, period=2, tick_of_period=1)
        await market.until_acknowledged(3)

    assert market.cleared() == [(1, 0), (2, 1)]


async def test_an_unreadable_command_becomes_a_dead_letter_and_delays_no_other():
    market = ServedMarket()
    await market.place("anna", "bad", price="cheap")
    await market.place("anna", "good")
    await market.close_tick(1)

    async with market.served():
        await market.until_acknowledged(3)

    assert [subject for subject, _ in market.client.stored(DEAD_LETTER.name)] == [
        "dead_letter.market.cpu.place_bid.run.anna"
    ]
    (rejected,) = await market.client.wait_for_published(1, "market.cpu.order_rejected.run.anna")
    assert rejected["data"]["items"][0]["order_id"] == "anna.bad"
    assert market.cleared() == [(1, 1)]


async def test_an_agent_over_its_open_orders_is_refused_before_the_batch():
    market = ServedMarket()
    await market.table.change("run", "anna", QuotaUpdate(max_open_orders=1))
    await market.place("anna", "b1")
    await market.place("anna", "b2")
    await market.close_tick(1)

    async with market.served():
        await market.until_acknowledged(3)

    (rejected,) = await market.client.wait_for_published(1, "market.cpu.order_rejected.run.anna")
    (item,) = rejected["data"]["items"]
    assert (item["order_id"], item["code"]) == ("anna.b2", "open_orders_are_exceeded")
    assert market.client.stored(DEAD_LETTER.name) == []
    assert market.cleared() == [(1, 1)]


async def test_a_command_of_a_finished_batch_is_only_acknowledged():
    market = ServedMarket()
    await market.place("anna", "b")
    await market.close_tick(1)
    queue = market.client.streams[subjects.ORDERS].messages
    commands = list(queue)
    async with market.served():
        await market.until_acknowledged(2)
    queue[:] = commands  # the acknowledgements were lost

    async with market.served():
        await market.close_tick(2)
        await market.until_acknowledged(5)

    assert market.cleared() == [(1, 1), (2, 0)]


async def test_a_real_time_batch_that_was_opened_is_done_again_with_the_same_commands():
    market = ServedMarket(REAL_TIME)
    await market.place("anna", "b1")
    await market.client.jetstream().publish("market.cpu.tick_cleared.run", b"in the way")
    async with market.served():
        await market.client.until(lambda: "deliver bid_accepted" in market.client.steps)
    await market.place("anna", "b2")

    async with market.served():
        await market.until_acknowledged(2)

    batches = [event["data"]["last_sequence"] for event in market.client.events("batch_opened")]
    assert (batches, [orders for _, orders in finished(market)]) == ([1, 2], [1, 1])


def finished(market):
    """Return the finished batches of a log in which the record in the way is no event."""
    found = []
    for subject, data in market.client.stored(subjects.AUDIT):
        with suppress(ValueError):
            event = json.loads(data)
            if ".tick_cleared." in subject:
                found.append((event["tick"], event["data"]["orders"]))
    return found


@pytest.fixture
async def memory():
    """A book's subscribers on a broker in memory."""
    broker = NatsBroker()
    context = ServiceContext("market", broker)
    broker.add_middleware(BindMessage(context))
    run, client = active(scenario(*AGENTS)), ConsumerNats()
    deliveries, consumer = OrderedPush(client, 1), book_consumer("run", "cpu", "test")
    book = MarketBook(Market(resource="cpu"), 1)
    kept = book_subscribers(context, run, book, deliveries, consumer)
    async with TestNatsBroker(broker) as memory:
        memory.kept, memory.deliveries, memory.deliver_subject = kept, deliveries, consumer.deliver_subject
        yield memory


async def test_the_depth_of_a_book_is_answered(memory):
    reply = await memory.request(b'{"levels": 1}', subjects.GET_BOOK(run="run", agent="anna", resource="cpu"))

    assert json.loads(reply.body) == {
        "resource": "cpu",
        "quote": {"bid": None, "ask": None, "last": None},
        "bids": [],
        "asks": [],
        "own": [],
    }


async def test_a_delivery_of_the_books_consumer_is_kept_for_its_worker(memory):
    await memory.publish(b"order", memory.deliver_subject, reply_to="$JS.ACK.orders.book.1.7.1.0.0")

    delivery = await memory.deliveries.get()

    assert (delivery.sequence, delivery.message.data) == (7, b"order")
