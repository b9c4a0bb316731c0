"""The worker of one order book: it gathers commands from the queue into batches and acknowledges them.

In lock-step commands wait until the clock's `close_tick`, which ends their batch. In real time the commands that have
arrived are a batch. A command is acknowledged after its effects are durable (at-least-once delivery); a batch that was
under way at a crash is done again from the log and the queue, under the same ids (idempotent).

| Field | Holds | Entry comes | Entry goes | Bound |
| --- | --- | --- | --- | --- |
| `BookWorker.unacknowledged` | deliveries of the batch under way | `_receive` | acknowledged after the batch | unacknowledged messages of the consumer |
| `BookWorker.actions` | actions of the batch under way | `_add` | after the batch | actions of those deliveries |
| `BookWorker.new_orders` | agent → orders of the batch under way | `_add` | after the batch | agents of the run |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from nats.aio.msg import Msg

from econsim import subjects
from econsim.adapters.clock import random_name
from econsim.adapters.jetstream import provision
from econsim.adapters.jetstream.order_consumers import book_consumer
from econsim.adapters.jetstream.ordered_push import Delivery, OrderedPush
from econsim.adapters.nats.short_path import shorten
from econsim.domain.admission import quota
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.market.book import BatchEnd, MarketBook
from econsim.domain.market.commands import TRUSTED, parse_command
from econsim.errors import QuotaExceeded, Refused, Unavailable
from econsim.schemas import subject
from econsim.schemas.base import Event
from econsim.schemas.market import BatchOpened, Book, GetBook, OwnOrder
from econsim.schemas.orders import Action, CloseTick, Verb
from econsim.schemas.scenario import Market
from econsim.schemas.stream import Consumer
from econsim.services.context import ServiceContext
from econsim.services.handlers import caller, current_message, raw_body, strict_decoder
from econsim.services.market.batch import BatchRunner, BookHalted
from econsim.services.market.reject import ACK, dead_letter_command, reject_command
from econsim.services.subscriptions import Subscriber, running

BATCH_MAX: Final = 500
"""Commands in one real-time batch; more would only make the first wait for the last."""


async def serve(context: ServiceContext, run: ActiveRun, market: Market) -> None:
    """Rebuild the book from the log and process its commands until cancelled, or until it cannot go on.

    Raises DeliveryMissed if a delivery is missing and LeadershipLost if another worker wrote: the caller starts again.
    """
    book = MarketBook(market, run.data.scenario.seed)
    batches = BatchRunner(context, run, book)
    async with batches.snapshots.in_use():
        await batches.rebuild()
        if not batches.halted:
            await _work(context, run, book, batches)


async def _work(context: ServiceContext, run: ActiveRun, book: MarketBook, batches: BatchRunner) -> None:
    """Process the commands of a rebuilt book."""
    market = book.market
    consumer = book_consumer(run.name, market.resource, random_name(context.service))
    deliveries = OrderedPush(context.client, consumer.idle_heartbeat_s)
    async with running(context, book_subscribers(context, run, book, deliveries, consumer)):
        await provision.recreate_consumer(context.client, consumer)
        tick, period = batches.next_time
        worker = BookWorker(
            context,
            run,
            book,
            batches,
            deliveries,
            sequence=book.last_sequence,
            tick=tick,
            period=period,
        )
        with suppress(BookHalted):
            await worker.work()


def book_subscribers(
    context: ServiceContext, run: ActiveRun, book: MarketBook, deliveries: OrderedPush, consumer: Consumer
) -> Sequence[Subscriber]:
    """Return the subscribers of one book, not yet started: of its commands, and of requests for its depth."""
    resource = book.market.resource
    commands = context.broker.subscriber(
        consumer.deliver_subject,
        decoder=raw_body,
        # A core subscription to the consumer's deliveries: an automatic reply would acknowledge them.
        no_reply=True,
        persistent=False,
    )
    depths = context.broker.subscriber(
        subjects.GET_BOOK.pattern(run=run.name, resource=resource),
        decoder=strict_decoder(GetBook),
        persistent=False,
    )

    @commands
    async def take_command(_: bytes) -> None:
        """Receive a command; it is acknowledged with its batch."""
        await deliveries.receive(current_message())

    @depths
    async def get_book(request: GetBook) -> Book:
        """Return the depth of the order book, and the asking agent's orders on it."""
        bids, asks = book.depth(request.levels)
        own = tuple(
            OwnOrder(each.order_id, each.side, each.price, each.open)
            for each in book.agent_orders(caller().agent)
        )
        return Book(resource=resource, quote=book.quote, bids=bids, asks=asks, own=own)

    for subscriber in (commands, depths):
        shorten(subscriber)
    return commands, depths


@dataclass(slots=True)
class BookWorker:
    """The commands of one book, gathered into batches."""

    context: ServiceContext
    run: ActiveRun
    book: MarketBook
    batches: BatchRunner
    deliveries: OrderedPush
    unacknowledged: list[Msg] = field(default_factory=list)
    """Deliveries to acknowledge after the batch."""
    actions: list[Action] = field(default_factory=list)
    """Actions of the batch."""
    new_orders: Counter[str] = field(default_factory=Counter)
    """Agent that sends single commands → its new orders in the batch, which will rest on the book if accepted."""
    sequence: int = 0
    """Sequence in the queue of the last command received; a redelivery lies at or below it."""
    tick: int = 0
    """Tick that is open."""
    period: int = 1
    """Period of the tick."""

    async def work(self) -> None:
        """Process commands until cancelled."""
        while True:
            for delivery in [await self.deliveries.get(), *await self.deliveries.rest(BATCH_MAX)]:
                await self._receive(delivery)
            # Between two periods orders wait for the first tick of the next: units are being redeemed.
            if (
                not self.run.is_lock_step
                and self.unacknowledged
                and not self.book.period_closed
                and not self.batches.unfinished
            ):
                await self._process(BatchEnd(self.tick, self.period, ends_tick=False))

    async def _receive(self, delivery: Delivery) -> None:
        """Receive one command; an unreadable one becomes a dead letter at once and delays no other."""
        sequence, message = delivery
        if sequence <= self.sequence:
            # Processed before this worker's time, or unacknowledged for so long that it was delivered again.
            self.unacknowledged.append(message)
            return
        unfinished = self.batches.unfinished
        last = unfinished.data.last_sequence if unfinished else 0
        if unfinished and sequence > last:
            # The last command of the batch is gone from the queue.
            await self._repeat(unfinished)
        try:
            command = parse_command(subject.fields(message.subject), message.data, self.run.agents)
        except Refused as error:
            await dead_letter_command(self.context, message, error)
            return
        # A command of an opened batch passed the quota once already.
        new = sequence > last
        if new and not isinstance(command, CloseTick) and (full := await self._over_quota(message, command)):
            await reject_command(self.context, message, command[0], full)
            return
        self.sequence = sequence
        self.unacknowledged.append(message)
        if isinstance(command, CloseTick):
            await self._close(command)
            return
        self._add(message, command)
        if unfinished and sequence == last:
            await self._repeat(unfinished)

    async def _over_quota(self, message: Msg, actions: Sequence[Action]) -> QuotaExceeded | None:
        """Return the refusal of an agent that may place no more orders here; none for hosts, which are trusted."""
        where = subject.fields(message.subject)
        if where.action in TRUSTED or actions[0].verb is Verb.CANCEL or self.book.is_repeat(actions[0]):
            return None
        freed = actions[0].verb is Verb.REPLACE
        used = self.book.open_order_count(where.agent) + self.new_orders[where.agent] - freed
        kind = quota.QuotaKind.OPEN_ORDERS
        with suppress(Unavailable):  # the limit last known holds then: the book must not wait for it
            await self.context.meter.quotas(where.run, where.agent)
        limit = self.context.meter.limit(kind, where.run, where.agent)
        return quota.refusal(kind, limit, used, 1, 0) if used >= limit else None

    def _add(self, message: Msg, actions: Sequence[Action]) -> None:
        sender = subject.fields(message.subject).agent
        if subject.fields(message.subject).action not in TRUSTED:
            self.new_orders[sender] += actions[0].verb is Verb.BID or actions[0].verb is Verb.ASK
        self.actions.extend(actions)

    async def _close(self, command: CloseTick) -> None:
        """Process the tick's batch, unless it was processed before this worker's time."""
        self.tick, self.period = command.tick, command.period
        end = BatchEnd(command.tick, command.period, command.tick_of_period, ends_period=command.close_period)
        await self._process(end, command.causation_id)
        self.tick += 1

    async def _repeat(self, unfinished: Event[BatchOpened]) -> None:
        """Process a real-time batch again that was opened before this worker's time, with the same commands."""
        await self._process(
            BatchEnd(unfinished.tick, unfinished.data.period, ends_tick=False), unfinished.causation_id
        )

    async def _process(self, end: BatchEnd, causation_id: str | None = None) -> None:
        """Run the batch, then acknowledge its commands."""
        end = replace(end, last_sequence=self.sequence)
        await self.batches.process(self.actions, end, causation_id)
        for message in self.unacknowledged:
            await self.context.client.publish(message.reply, ACK)
        self.unacknowledged.clear()
        self.actions.clear()
        self.new_orders.clear()
