"""Effects of a book's batches: reserve, match, settle, publish, in an order that survives a crash.

| Step (`_process`) | Written to | After a crash right here |
| --- | --- | --- |
| `_open`, in real time only | log: `batch_opened` | the next worker takes the same commands |
| reserve | ledger: `Submit` | the same submission again, answered as before |
| clear | nothing | the book is rebuilt from the log, as it was before the batch |
| `_settle` | ledger: `Submit` | as for reserve |
| `_publish` | log, bucket `market_prices` | the same event ids, so the streams drop the repeats (deduplication) |
| `deliver_outcomes` | core NATS | external agents get the deliveries again, under the same event ids |
| `_finish` | log: `tick_cleared` | the batch is finished; its commands come again and are only acknowledged |
| `_offer_snapshot` | bucket `market_snapshots`, now and then | the next worker folds more of the log |

`tick_cleared` is published with an expected sequence, right behind the one before it. This fencing keeps a worker that
lost its lease from finishing a batch; a batch without `tick_cleared` is done again. `batch_opened` follows the same rule: arrival
decided the extent of the batch, so it is stored before anything follows from it (a write-ahead record).

A worker that starts takes the book of the newest snapshot, which covers the log up to a `tick_cleared`, and folds what comes after
that. A snapshot that does not agree with the log is passed over (`services/snapshots`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar, cast

from econsim import __version__, subjects
from econsim.adapters.jetstream.audit_log import StoredEvent, digest_at, read
from econsim.adapters.nats.connection import Outgoing, publish_many, reliable_publish
from econsim.adapters.nats.rpc import TOO_LARGE, submit
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.audit.decoding import decode_if_valid
from econsim.domain.audit.envelope import AddressedEvent, Envelope, derived_id, digest
from econsim.domain.audit.snapshot import SnapshotForm, StateSnapshot
from econsim.domain.market.batch_checks import BatchProgress, LogProgress, RunLogChecks
from econsim.domain.market.book import BatchEnd, ClearedBatch, MarketBook, PendingBatch
from econsim.domain.market.book_state import BookState
from econsim.domain.market.events import (
    ACTOR,
    ITEM_EVENTS,
    agent_event,
    allocation_events,
    cleared_event,
    item_events,
    price_event,
    public_summary,
    recipients,
)
from econsim.domain.market.settlement import settlement_halt
from econsim.errors import Conflict, EconsimError, Refused
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
from econsim.schemas.subject import fields
from econsim.services.context import ServiceContext
from econsim.services.leadership import LeadershipLost
from econsim.services.snapshots import Snapshots

Step = TypeVar("Step", PendingBatch, ClearedBatch)


@dataclass(frozen=True, slots=True)
class BatchesState:
    """All that the worker of a book knows between two batches."""

    book: BookState
    """State of the book."""
    opening_fence: int
    """Place of the newest `batch_opened`, 0 for none."""
    opening: Event[BatchOpened] | None
    """Newest `batch_opened`; none in lock-step."""


SNAPSHOT: Final = SnapshotForm(BatchesState, __version__)
"""Form of the snapshots of books."""


class BookHalted(EconsimError):
    """The book cannot go on; its run ends."""

    code = "trading_was_halted"

    def __init__(self, data: TradingHalted) -> None:
        """Keep the data of the event that says so."""
        super().__init__(f"the book of {data.resource} stops: {data.chain or 'its batch'}: {data.reason}")
        self.data = data


class BatchRunner:
    """The batches of one book, each run to its end; beside the book it holds the two fences and the newest opening."""

    def __init__(self, context: ServiceContext, run: ActiveRun, book: MarketBook) -> None:
        """Run the batches of this book; call `rebuild` first."""
        self._context = context
        self._run = run
        self._book = book
        self._resource = book.market.resource
        self._lock_step = run.is_lock_step
        self._barrier = len(run.data.scenario.markets) if self._lock_step else 0
        self._fence = self._opening_fence = 0
        self._opening: Event[BatchOpened] | None = None
        self._newest_digest = ""
        self.halted = False
        """True if the log says that the book stopped for good."""
        self.snapshots = Snapshots(context.snapshots, f"{run.name}.{self._resource}", SNAPSHOT)
        """Snapshots of the book."""

    @property
    def unfinished(self) -> Event[BatchOpened] | None:
        """Return the opening of a real-time batch that was opened and not finished; none if there is no such batch."""
        opening = self._opening
        return opening if opening and opening.data.batch > self._book.batch else None

    @property
    def next_time(self) -> tuple[int, int]:
        """Return the tick and period of the next real-time batch, as far as they follow from the book's own past."""
        if self._opening is None:
            return 1, 1
        return self._opening.tick + self._opening.data.closes_tick, self._opening.data.period

    async def rebuild(self) -> None:
        """Take the book of the newest snapshot, and fold the finished batches that the log has after it.

        Raises CorruptLog if the log lacks one of their events.
        """
        kinds = [subject for subject, _ in ITEM_EVENTS]
        kinds += [
            subjects.PRICE_UPDATED,
            subjects.TICK_CLEARED,
            subjects.BATCH_OPENED,
            subjects.TRADING_HALTED,
        ]
        patterns = [subject(resource=self._resource, run=self._run.name) for subject in kinds]
        checks = RunLogChecks(self._run.name, [self._resource], lock_step=self._lock_step, partial=False)
        start = await self._restore(checks) + 1
        async for stored in read(self._context.client, self._run.name, patterns, start):
            # The next event goes behind the newest record there, even if that is no event.
            match fields(stored.subject).action:
                case "tick_cleared":
                    self._fence = stored.sequence
                    self._newest_digest = digest(stored.subject, stored.payload)
                case "batch_opened":
                    self._opening_fence = stored.sequence
            self.snapshots.count(1)
            if addressed := decode_if_valid(stored.subject, stored.payload):
                checks.check(stored.sequence, addressed)
                self._fold(addressed)
        if checks.is_between_batches and self._fence:
            self._offer_snapshot()

    async def _restore(self, checks: RunLogChecks) -> int:
        """Take the book of the newest snapshot, and return the place in the log that it covers; 0 without one."""
        snapshot = await self.snapshots.newest(partial(digest_at, self._context.client))
        if snapshot is None:
            return 0
        state = snapshot.state
        self._book.restore(state.book)
        done = BatchProgress(state.book.batch, state.book.next_n, state.book.quote)
        checks.resume(LogProgress(0, {self._resource: done}))
        self._fence, self._newest_digest = snapshot.sequence, snapshot.digest
        self._opening_fence, self._opening = state.opening_fence, state.opening
        return snapshot.sequence

    def _offer_snapshot(self) -> None:
        book = self._book

        def take() -> StateSnapshot[BatchesState]:
            state = BatchesState(book.state(), self._opening_fence, self._opening)
            return StateSnapshot(self._fence, self._newest_digest, state)

        self.snapshots.offer(take)

    def _fold(self, addressed: AddressedEvent) -> None:
        match addressed.event.data:
            case Accepted(items=items) | Rejected(items=items) | Traded(items=items) | Cancelled(items=items):
                self._book.collect(items)
                self.snapshots.count(0, len(items))
            case BatchOpened():
                self._opening = cast("Event[BatchOpened]", addressed.event)
            case TickCleared() as cleared:
                self._book.replay(cleared)
            case TradingHalted():
                self.halted = True

    async def process(self, actions: Sequence[Action], end: BatchEnd, causation_id: str | None) -> None:
        """Run one batch; returns when it is durable. A tick that was cleared before is passed over.

        Raises BookHalted if no worker can run the batch; `trading_halted` is in the log then.
        Raises LeadershipLost if another worker wrote in between.
        """
        if self._lock_step and end.tick <= self._book.batch:
            return
        envelope = Envelope(
            self._run.name, self._run.data.salt, end.tick, self._context.clock.now(), causation_id
        )
        try:
            with self._context.tracing.tick(self._run, end.tick, subjects.CLOSE_TICK):
                await self._process(envelope, actions, end)
        except BookHalted as halted:
            event = envelope.event(subjects.TRADING_HALTED, ACTOR, halted.data, resource=self._resource)
            await reliable_publish(self._context.jetstream, event.subject, event.json(), event.event.event_id)
            raise

    async def _process(self, envelope: Envelope, actions: Sequence[Action], end: BatchEnd) -> None:
        book = self._book
        book.use(self._run.conditions.market(self._resource, end.period))
        if not self._lock_step:
            await self._open(envelope, end)
        pending = self._decide(partial(book.reserve, end.tick, actions, shuffle=self._lock_step))
        refused: dict[str, Refusal] = {}
        if pending.chains or self._barrier:
            refused = await self._submit(envelope, "reserve", pending.chains, self._barrier)
        batch = self._decide(partial(book.clear, pending, refused, end))
        # Before the events: a trade that the ledger refuses to settle did not happen, and the log must not say it did.
        await self._settle(envelope, batch.chains)
        await self._publish(envelope, batch)
        # Before `tick_cleared`: an agent that receives the next tick has received its outcomes of this one.
        await self.deliver_outcomes(envelope, batch.items)
        await self.deliver_outcomes(envelope, batch.repeats, batch.cleared.batch)
        await self._finish(envelope, batch)
        self._offer_snapshot()

    async def _open(self, envelope: Envelope, end: BatchEnd) -> None:
        """Publish the extent of a real-time batch; raises LeadershipLost if another worker did first."""
        if self.unfinished:
            return
        data = BatchOpened(
            batch=self._book.batch + 1,
            period=end.period,
            last_sequence=end.last_sequence,
            closes_tick=end.ends_tick,
        )
        addressed = envelope.event(subjects.BATCH_OPENED, ACTOR, data, data.batch, resource=self._resource)
        self._opening_fence = (await self._publish_fenced(addressed, self._opening_fence)).sequence
        self._opening = cast("Event[BatchOpened]", addressed.event)

    def _decide(self, decide: Callable[[], Step]) -> Step:
        """Return a decision of the rules; an error there comes each time, so the book must halt."""
        try:
            return decide()
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise BookHalted(TradingHalted(resource=self._resource, chain=None, reason=reason)) from error

    async def _submit(
        self, envelope: Envelope, phase: str, chains: Sequence[Chain], barrier: int = 0
    ) -> dict[str, Refusal]:
        """Ask the ledger; the command's id derives from its chains, so a repeat is the same command (idempotent)."""
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
        except Refused as error:
            if error.error_code != TOO_LARGE:
                raise
            reason = f"{len(chains)} chains at once are more bytes than a message may have; give agents shorter names"
            raise BookHalted(TradingHalted(resource=self._resource, chain=None, reason=reason)) from error

    async def _settle(self, envelope: Envelope, chains: Sequence[Chain]) -> None:
        """Post fills and void cancelled reservations; a refusal halts the book, though reservations make it impossible."""
        for start in range(0, len(chains), LONG_CHAINS_PER_SUBMISSION_MAX):
            part = chains[start : start + LONG_CHAINS_PER_SUBMISSION_MAX]
            if halted := settlement_halt(self._resource, part, await self._submit(envelope, "settle", part)):
                raise BookHalted(halted)

    async def _publish(self, envelope: Envelope, batch: ClearedBatch) -> None:
        """Write the price to its bucket and every event but the last to the log, all at once."""
        events = [*item_events(envelope, self._resource, batch)]
        if self._resource == self._run.cognition.resource:
            events += allocation_events(envelope, self._resource, batch)
        messages = [_outgoing(addressed) for addressed in events]
        if updated := price_event(envelope, self._resource, batch):
            key = f"$KV.market_prices.{self._resource}.{self._run.name}"
            messages += [_outgoing(updated), Outgoing(key, updated.json(), updated.event.event_id)]
        await publish_many(self._context.jetstream, messages)
        self.snapshots.count(len(messages) + 1, len(batch.items))
        if updated and self._run.externals:
            await self._context.client.publish(subjects.ALL_PRICES(run=self._run.name), updated.json())

    async def _finish(self, envelope: Envelope, batch: ClearedBatch) -> None:
        """Publish `tick_cleared` right behind the one before it; raises LeadershipLost if another worker did."""
        cleared = cleared_event(envelope, self._resource, batch)
        stored = await self._publish_fenced(cleared, self._fence)
        self._fence, self._newest_digest = stored.sequence, digest(stored.subject, stored.payload)
        if self._run.externals:
            public = public_summary(cleared, self._resource, self._run.name)
            await self._context.client.publish(public.subject, public.json())

    async def _publish_fenced(self, addressed: AddressedEvent, expected_sequence: int) -> StoredEvent:
        """Publish an event behind the one before it and return it; raises LeadershipLost if another's lies there."""
        id_, payload = addressed.event.event_id, addressed.json()
        try:
            ack = await reliable_publish(
                self._context.jetstream,
                addressed.subject,
                payload,
                id_,
                expected_sequence=expected_sequence,
            )
        except Conflict as error:
            raise LeadershipLost from error
        return StoredEvent(ack.seq, addressed.subject, payload)

    async def deliver_outcomes(self, envelope: Envelope, items: Iterable[Item], *key: int) -> None:
        """Send the external agents the outcomes of their orders."""
        for item in items:
            for agent in recipients(item):
                delivery = agent_event(envelope, self._resource, item, agent, *key)
                await self._context.client.publish(delivery.subject, delivery.json())


def _outgoing(addressed: AddressedEvent) -> Outgoing:
    return Outgoing(addressed.subject, addressed.json(), addressed.event.event_id)
