"""The worker of one order book: commands in, settled and published batches out.

Lock-step: commands are held until the clock's mark closes the tick. Real time: what has arrived is a
batch. A command is acknowledged after its effects are durable; whatever was under way before is done
again from the log and the queue, under the same ids.
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
from econsim.adapters.jetstream.ordered_push import Deliveries, Delivery
from econsim.domain.admission import quota
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.market.book import BatchEnd, MarketBook
from econsim.domain.market.commands import TRUSTED, parse_command
from econsim.errors import QuotaExceeded, Refused, Unavailable
from econsim.schemas import subject
from econsim.schemas.base import Event
from econsim.schemas.market import BatchOpened, Book, GetBook
from econsim.schemas.orders import Action, CloseTick, Verb
from econsim.schemas.scenario import Market, Mode
from econsim.services.context import ServiceContext
from econsim.services.handlers import current_message, raw_body, strict_decoder
from econsim.services.market.batch import Batches, Halted
from econsim.services.market.reject import ACK, set_aside, turn_away
from econsim.services.subscriptions import Subscriber, running
from econsim.streams import Consumer, book_consumer

BATCH_MAX: Final = 500
"""Real time: commands in one batch; more would only make the first wait for the last."""


async def serve(context: ServiceContext, run: ActiveRun, market: Market) -> None:
    """Rebuild the book from the log and process its commands until cancelled, or until it cannot go on.

    Raises Missed when a delivery is missing and Lost when another worker wrote: start again.
    """
    book = MarketBook(market, run.data.scenario.seed)
    batches = Batches(context, run, book)
    await batches.rebuild()
    if batches.halted:
        return
    consumer = book_consumer(run.name, market.resource, random_name(context.service))
    deliveries = Deliveries(context.client, consumer.idle_heartbeat_s)
    async with running(context, listen(context, run, book, deliveries, consumer)):
        await provision.take_over(context.client, consumer)
        tick, period = batches.now
        worker = Worker(
            context,
            run,
            book,
            batches,
            deliveries,
            sequence=book.last_sequence,
            tick=tick,
            period=period,
        )
        with suppress(Halted):
            await worker.work()


def listen(
    context: ServiceContext, run: ActiveRun, book: MarketBook, deliveries: Deliveries, consumer: Consumer
) -> Sequence[Subscriber]:
    """Return the subscribers of one book, not yet started: its commands, and questions about its depth."""
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
        """Take in a command; it is acknowledged with its batch."""
        await deliveries.hear(current_message())

    @depths
    async def get_book(request: GetBook) -> Book:
        """Return the depth of the order book."""
        bids, asks = book.depth(request.levels)
        return Book(resource=resource, quote=book.quote, bids=bids, asks=asks)

    return commands, depths


@dataclass(slots=True)
class Worker:
    """The commands of one book, gathered into batches."""

    context: ServiceContext
    run: ActiveRun
    book: MarketBook
    batches: Batches
    deliveries: Deliveries
    held: list[Msg] = field(default_factory=list)
    """Taken in, not yet acknowledged."""
    actions: list[Action] = field(default_factory=list)
    """What they ask for."""
    placing: Counter[str] = field(default_factory=Counter)
    """Agents that send single commands → orders among them that will rest on the book, if they are taken in."""
    sequence: int = 0
    """Place in the queue of the last command taken in; what comes again lies at or below it."""
    tick: int = 0
    """The tick that is open."""
    period: int = 1
    """The period it belongs to."""

    async def work(self) -> None:
        """Process commands until cancelled."""
        lock_step = self.run.data.scenario.clock.mode is Mode.LOCK_STEP
        while True:
            for delivery in [await self.deliveries.get(), *await self.deliveries.rest(BATCH_MAX)]:
                await self._take(delivery)
            # Between two periods orders wait for the first tick of the next: units are being redeemed.
            if not lock_step and self.held and not self.book.period_closed and not self.batches.begun:
                await self._process(BatchEnd(self.tick, self.period, ends_tick=False))

    async def _take(self, delivery: Delivery) -> None:
        """Take one command in; what cannot be read is set aside at once and holds nobody up."""
        sequence, message = delivery
        if sequence <= self.sequence:
            # Done before this worker's time, or held for so long that it came again.
            self.held.append(message)
            return
        begun = self.batches.begun
        last = begun.data.last_sequence if begun else 0
        if begun and sequence > last:
            # What the batch was to end with is gone from the queue.
            await self._again(begun)
        try:
            command = parse_command(subject.fields(message.subject), message.data, self.run.agents)
        except Refused as error:
            await set_aside(self.context, message, error)
            return
        # What a batch took in once was let in.
        new = sequence > last
        if new and not isinstance(command, CloseTick) and (full := await self._over_quota(message, command)):
            await turn_away(self.context, message, command[0], full)
            return
        self.sequence = sequence
        self.held.append(message)
        if isinstance(command, CloseTick):
            await self._close(command)
            return
        self._hold(message, command)
        if begun and sequence == last:
            await self._again(begun)

    async def _over_quota(self, message: Msg, actions: Sequence[Action]) -> QuotaExceeded | None:
        """Return why an agent may place no more orders here; hosts are trusted with theirs."""
        where = subject.fields(message.subject)
        if where.action in TRUSTED or actions[0].verb is Verb.CANCEL or self.book.is_repeat(actions[0]):
            return None
        freed = actions[0].verb is Verb.REPLACE
        used = self.book.open_order_count(where.agent) + self.placing[where.agent] - freed
        kind = quota.QuotaKind.OPEN_ORDERS
        with suppress(Unavailable):  # then as it was last known: the book must not wait for it
            await self.context.meter.quotas(where.run, where.agent)
        limit = self.context.meter.limit(kind, where.run, where.agent)
        return quota.refusal(kind, limit, used, 1, 0) if used >= limit else None

    def _hold(self, message: Msg, actions: Sequence[Action]) -> None:
        sender = subject.fields(message.subject).agent
        if subject.fields(message.subject).action not in TRUSTED:
            self.placing[sender] += actions[0].verb is Verb.BID or actions[0].verb is Verb.ASK
        self.actions.extend(actions)

    async def _close(self, command: CloseTick) -> None:
        """Process the tick's batch, unless that was done before this worker's time."""
        self.tick, self.period = command.tick, command.period
        mark = BatchEnd(
            command.tick, command.period, command.tick_of_period, ends_period=command.close_period
        )
        await self._process(mark, command.causation_id)
        self.tick += 1

    async def _again(self, begun: Event[BatchOpened]) -> None:
        """Process a real-time batch that was opened before this worker's time, as it was."""
        await self._process(BatchEnd(begun.tick, begun.data.period, ends_tick=False), begun.causation_id)

    async def _process(self, mark: BatchEnd, causation_id: str | None = None) -> None:
        """Carry out the batch, then acknowledge what led to it."""
        mark = replace(mark, last_sequence=self.sequence)
        await self.batches.process(self.actions, mark, causation_id)
        for message in self.held:
            await self.context.client.publish(message.reply, ACK)
        self.held.clear()
        self.actions.clear()
        self.placing.clear()
