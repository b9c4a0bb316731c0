"""Carrying out a book's batches: reserve, match, settle, publish, in an order that survives a crash.

`tick_cleared` comes last and only after the one before it (an expected sequence), so a worker that lost
its lease cannot finish a batch, and a batch without it is done again. In real time `batch_opened` comes first, under
the same rule: arrival decided what the batch is, so it is written down before anything follows from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar, cast

import nats.errors

from econsim import subjects
from econsim.adapters.jetstream.audit_log import read
from econsim.adapters.nats.connection import Outgoing, publish_many, reliable_publish
from econsim.adapters.nats.rpc import submit
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.audit.decoding import decode_if_valid
from econsim.domain.audit.envelope import AddressedEvent, Envelope, derived_id
from econsim.domain.market.batch_checks import RunLogChecks
from econsim.domain.market.book import BatchEnd, ClearedBatch, MarketBook, PendingBatch
from econsim.domain.market.events import (
    ACTOR,
    ITEM_EVENTS,
    agent_event,
    batch_events,
    price_event,
    public_summary,
    recipients,
)
from econsim.domain.market.settlement import settlement_halt
from econsim.errors import Conflict, EconsimError
from econsim.schemas.base import Event
from econsim.schemas.ledger import LONG_CHAINS_PER_SUBMISSION_MAX, Chain, Refusal, Submit
from econsim.schemas.market import (
    Accepted,
    BatchOpened,
    Cancelled,
    Item,
    Rejected,
    TickCleared,
    Traded,
    TradingHalted,
)
from econsim.schemas.orders import Action
from econsim.schemas.scenario import Mode
from econsim.schemas.subject import fields
from econsim.services.context import ServiceContext
from econsim.services.leadership import LeadershipLost

Step = TypeVar("Step", PendingBatch, ClearedBatch)


class Halted(EconsimError):
    """The book cannot go on; its run ends."""

    code = "trading_was_halted"

    def __init__(self, data: TradingHalted) -> None:
        """Keep what the log is to tell."""
        super().__init__(f"the book of {data.resource} stops: {data.chain or 'its batch'}: {data.reason}")
        self.data = data


class Batches:
    """The effects of one book's batches."""

    def __init__(self, context: ServiceContext, run: ActiveRun, book: MarketBook) -> None:
        """Carry out the batches of this book; `rebuild` first."""
        self._context = context
        self._run = run
        self._book = book
        self._resource = book.market.resource
        self._lock_step = run.data.scenario.clock.mode is Mode.LOCK_STEP
        self._barrier = len(run.data.scenario.markets) if self._lock_step else 0
        self._fence = self._opening_fence = 0
        self._opening: Event[BatchOpened] | None = None
        self.halted = False

    @property
    def begun(self) -> Event[BatchOpened] | None:
        """Return what is settled of a real-time batch that was opened and not finished."""
        opening = self._opening
        return opening if opening and opening.data.batch > self._book.batch else None

    @property
    def now(self) -> tuple[int, int]:
        """Return the tick and period the next real-time batch falls in, as far as the book's own past tells."""
        if self._opening is None:
            return 1, 1
        return self._opening.tick + self._opening.data.closes_tick, self._opening.data.period

    async def rebuild(self) -> None:
        """Fold the book's finished batches from the log."""
        kinds = [subject for subject, _ in ITEM_EVENTS]
        kinds += [
            subjects.PRICE_UPDATED,
            subjects.TICK_CLEARED,
            subjects.BATCH_OPENED,
            subjects.TRADING_HALTED,
        ]
        patterns = [subject(resource=self._resource, run=self._run.name) for subject in kinds]
        whole = RunLogChecks(self._run.name, [self._resource], lock_step=self._lock_step, partial=False)
        async for stored in read(self._context.client, self._run.name, patterns):
            # The next one goes after the newest record there, even if that is no event.
            match fields(stored.subject).action:
                case "tick_cleared":
                    self._fence = stored.sequence
                case "batch_opened":
                    self._opening_fence = stored.sequence
            if addressed := decode_if_valid(stored.subject, stored.payload):
                whole.check(stored.sequence, addressed)
                self._fold(addressed)

    def _fold(self, addressed: AddressedEvent) -> None:
        match addressed.event.data:
            case Accepted(items=items) | Rejected(items=items) | Traded(items=items) | Cancelled(items=items):
                self._book.collect(items)
            case BatchOpened():
                self._opening = cast("Event[BatchOpened]", addressed.event)
            case TickCleared() as cleared:
                self._book.replay(cleared)
            case TradingHalted():
                self.halted = True

    async def process(self, actions: Sequence[Action], mark: BatchEnd, causation_id: str | None) -> None:
        """Carry out one batch; returns when it is durable. A tick cleared before is passed over.

        Raises Halted when the batch cannot be carried out, whoever tries; the log tells of it then.
        """
        book = self._book
        if self._lock_step and mark.tick <= book.batch:
            return
        envelope = Envelope(
            self._run.name, self._run.data.salt, mark.tick, self._context.clock.now(), causation_id
        )
        try:
            await self._carry_out(envelope, actions, mark)
        except Halted as halted:
            event = envelope.event(subjects.TRADING_HALTED, ACTOR, halted.data, resource=self._resource)
            await reliable_publish(self._context.jetstream, event.subject, event.json(), event.event.event_id)
            raise

    async def _carry_out(self, envelope: Envelope, actions: Sequence[Action], mark: BatchEnd) -> None:
        book = self._book
        if not self._lock_step:
            await self._open(envelope, mark)
        opened = self._decided(partial(book.reserve, mark.tick, actions, shuffle=self._lock_step))
        refused: dict[str, Refusal] = {}
        if opened.chains or self._barrier:
            refused = await self._submit(envelope, "reserve", opened.chains, self._barrier)
        closed = self._decided(partial(book.clear, opened, refused, mark))
        # Before its events: what the ledger refuses to settle did not happen, and the log must not say it did.
        await self._settle(envelope, closed.chains)
        await self._publish(envelope, closed)
        # Before `tick_cleared`: an agent that hears the next tick has heard what became of this one.
        await self._deliver(envelope, closed.items)
        await self._deliver(envelope, closed.repeats, closed.cleared.batch)
        await self._finish(envelope, closed)

    async def _open(self, envelope: Envelope, mark: BatchEnd) -> None:
        """Settle what a real-time batch takes in; raises Lost if another worker did first."""
        if self.begun:
            return
        data = BatchOpened(
            batch=self._book.batch + 1,
            period=mark.period,
            last_sequence=mark.last_sequence,
            closes_tick=mark.ends_tick,
        )
        addressed = envelope.event(subjects.BATCH_OPENED, ACTOR, data, data.batch, resource=self._resource)
        self._opening_fence = await self._fenced(addressed, self._opening_fence)
        self._opening = cast("Event[BatchOpened]", addressed.event)

    def _decided(self, decide: Callable[[], Step]) -> Step:
        """Return what the rules decide; what fails there fails each time, so the book must stop."""
        try:
            return decide()
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise Halted(TradingHalted(resource=self._resource, chain=None, reason=reason)) from error

    async def _submit(
        self, envelope: Envelope, phase: str, chains: Sequence[Chain], barrier: int = 0
    ) -> dict[str, Refusal]:
        """Ask the ledger; the command's id is made of what it asks, so a repeat is the same command."""
        content = derived_id(
            envelope.salt, envelope.tick, phase, self._resource, *(chain.id for chain in chains)
        )
        command = Submit(
            command_id=f"{phase}-{self._resource[:16]}-{envelope.tick}-{content[:16]}",
            causation_id=envelope.causation_id,
            tick=envelope.tick,
            barrier=barrier,
            book=self._resource,
            chains=tuple(chains),
        )
        try:
            return (
                await submit(self._context.client, self._run.name, self._context.service, command)
            ).refused
        except nats.errors.MaxPayloadError as error:
            reason = f"{len(chains)} chains at once are more bytes than a message may have; give agents shorter names"
            raise Halted(TradingHalted(resource=self._resource, chain=None, reason=reason)) from error

    async def _settle(self, envelope: Envelope, chains: Sequence[Chain]) -> None:
        """Post fills and void what was cancelled: the reservations make refusals impossible."""
        for start in range(0, len(chains), LONG_CHAINS_PER_SUBMISSION_MAX):
            part = chains[start : start + LONG_CHAINS_PER_SUBMISSION_MAX]
            if halted := settlement_halt(self._resource, part, await self._submit(envelope, "settle", part)):
                raise Halted(halted)

    async def _publish(self, envelope: Envelope, closed: ClearedBatch) -> None:
        """Write the price to its bucket and every event but the last to the log, all at once."""
        *events, _ = batch_events(envelope, self._resource, closed)
        messages = [_outgoing(addressed) for addressed in events]
        if updated := price_event(envelope, self._resource, closed):
            key = f"$KV.market_prices.{self._resource}.{self._run.name}"
            messages += [_outgoing(updated), Outgoing(key, updated.json(), updated.event.event_id)]
        await publish_many(self._context.jetstream, messages)
        if updated and self._run.externals:
            await self._context.client.publish(subjects.ALL_PRICES(run=self._run.name), updated.json())

    async def _finish(self, envelope: Envelope, closed: ClearedBatch) -> None:
        """Publish `tick_cleared` right after the one before it; raises Lost if another worker did."""
        *_, cleared = batch_events(envelope, self._resource, closed)
        self._fence = await self._fenced(cleared, self._fence)
        if self._run.externals:
            public = public_summary(cleared, self._resource, self._run.name)
            await self._context.client.publish(public.subject, public.json())

    async def _fenced(self, addressed: AddressedEvent, expected_sequence: int) -> int:
        """Publish an event behind the one before it and return its place; raises Lost if another worker's lies there."""
        id_ = addressed.event.event_id
        try:
            ack = await reliable_publish(
                self._context.jetstream,
                addressed.subject,
                addressed.json(),
                id_,
                expected_sequence=expected_sequence,
            )
        except Conflict as error:
            raise LeadershipLost from error
        return ack.seq

    async def _deliver(self, envelope: Envelope, items: Iterable[Item], *key: int) -> None:
        """Tell the agents that speak for themselves what became of their orders."""
        for item in items:
            for agent in recipients(item):
                delivery = agent_event(envelope, self._resource, item, agent, *key)
                await self._context.client.publish(delivery.subject, delivery.json())


def _outgoing(addressed: AddressedEvent) -> Outgoing:
    return Outgoing(addressed.subject, addressed.json(), addressed.event.event_id)
