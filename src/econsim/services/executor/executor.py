"""The executor of one run: one worker does the whole run and stores it in bundles of many ticks.

Theory of operation. The executor service's leader of a run calls `serve`. It runs the rules of all services in this thread
(`domain/execution/in_memory.py`). Every bundle is stored in two steps: the journal's entries in one commit of the ledger's bucket,
which copies the entries into the log, then all other events in one atomic batch of the log. Positions that changed go with the entries of
the last bundle, and of one every few seconds.
Events and entries follow from the scenario and the run's salt, so a worker that takes over executes the run from its beginning,
passes over what is stored already, and goes on behind it:

    crash after             the next worker
    the commit of a bundle  finds the newest entry, which must be the one that it made itself (hash chain)
    its batch               finds the newest event, and stores those that come after it
    the last batch          publishes `run_closed`

Two workers at once: each commit and each batch expects that the newest one before it is the worker's own (fencing), so the
slower worker raises LeadershipLost. An answer that is lost leaves unknown whether something is stored: the place is read anew.

Collections: the bundle under way (`bundle.py` bounds it); the state of the run, which the driver holds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final, TypeVar

from econsim import subjects
from econsim.adapters.jetstream.atomic_batch import AtomicBatches, BatchMessage
from econsim.adapters.jetstream.state_store import JetStreamStateStore
from econsim.adapters.nats.connection import publish_many, reliable_publish
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.domain.execution.coded_wire import entry_hash, entry_sequence
from econsim.domain.execution.in_memory import conduct
from econsim.domain.ledger.positions import StoredPositions
from econsim.errors import Conflict, CorruptJournal, CorruptLog, Unavailable
from econsim.ports import WRITES_MAX, Write
from econsim.services.context import ServiceContext
from econsim.services.executor.bundle import Bundle
from econsim.services.executor.place import JournalPlace, LogPlace, journal_place, log_place
from econsim.services.leadership import LeadershipLost
from econsim.subjects import AUDIT, TICKED

BUNDLE_S: Final = 0.5
"""Seconds after which a bundle is stored though it is not full: a reader of the log sees the run go on."""

POSITIONS_S: Final = 5.0
"""Seconds between two writes of the changed positions; the last bundle has them all. Nobody in a whole run reads them, and those of 1 000
holders are 1 000 messages."""

TRIES_MAX: Final = 5
"""Attempts to store a part of a bundle while the server does not answer; then the worker starts again."""

RETRY_WAIT_S: Final = 0.1
"""Pause before the second attempt, doubled for each further one: a restarted server needs 0.3 s."""

Place = TypeVar("Place", LogPlace, JournalPlace)


async def serve(context: ServiceContext, run: ActiveRun) -> None:
    """Execute the run from where it was stored to its closing.

    Raises CorruptLog or CorruptJournal if what is stored does not follow from the run's scenario, LeadershipLost if another
    worker stored something in between, Unavailable if the server does not answer.
    """
    executor = Executor(context, run)
    await executor.find_place()
    await executor.execute()


class Executor:
    """One run, executed by this worker."""

    def __init__(self, context: ServiceContext, run: ActiveRun) -> None:
        """Prepare; `find_place` before `execute`."""
        envelope = Envelope(run.name, run.data.salt, 0, context.clock.now())
        self._context = context
        self._run = run.name
        self._conduct = conduct(run.data.scenario, envelope)
        self._positions = StoredPositions(run.name, self._conduct.ledger, self._conduct.journal)
        self._store = JetStreamStateStore(context.client)
        self._batches = AtomicBatches(context.client, AUDIT)
        self._bundle = Bundle(run.name)
        self._log = LogPlace()
        self._journal = JournalPlace()
        self._passed_over = ""
        """Id of the newest event that was stored before this worker's time, until it is reached; empty from then on."""
        self._stored_at = self._positions_at = time.monotonic()

    async def find_place(self) -> None:
        """Find what is stored of the run."""
        self._log = await log_place(self._context.client, self._run)
        self._journal = await journal_place(self._context.client, self._run)
        self._passed_over = self._log.event_id

    async def execute(self) -> None:
        """Execute the run to its end, and store all of it that is not stored."""
        for addressed in self._conduct.events():
            match addressed.type:
                case subjects.RUN_OPENED.type:
                    continue
                case subjects.RUN_CLOSED.type:
                    await self._store_bundle(with_positions=True)
                    await self._close(addressed)
                case subjects.TICKED.type:
                    await self._before_tick()
                    self._add(addressed)
                case subjects.TRANSFER_POSTED.type | subjects.TRANSFER_REFUSED.type:
                    self._add_entry(addressed)
                case _:
                    self._add(addressed)

    def _add(self, addressed: AddressedEvent) -> None:
        if not self._passed_over:
            self._bundle.add_event(addressed)
        elif addressed.event_id == self._passed_over:
            self._passed_over = ""

    def _add_entry(self, addressed: AddressedEvent) -> None:
        """Add an entry that is not stored.

        Raises CorruptJournal if the newest stored one is another than this worker's. Entries are stored before the events of
        their ticks, so a new one comes behind all events of the log: raises CorruptLog if the newest was not reached.
        """
        sequence = entry_sequence(addressed)
        if sequence > self._journal.sequence:
            self._require_own_log()
            self._bundle.add_entry(sequence, addressed)
        elif sequence == self._journal.sequence and entry_hash(addressed) != self._journal.hash:
            message = f"journal entry {sequence} of run {self._run!r} does not follow from its scenario"
            raise CorruptJournal(message, sequence=sequence)

    async def _before_tick(self) -> None:
        """Store the bundle if it is full or old, and give other tasks a turn: leases are renewed meanwhile."""
        if self._bundle.is_full or time.monotonic() - self._stored_at > BUNDLE_S:
            await self._store_bundle()
        self._conduct.set_now(self._context.clock.now())
        await asyncio.sleep(0)

    async def _store_bundle(self, *, with_positions: bool = False) -> None:
        """Store the ticks of the bundle, in the order that a crash allows, and begin the next one."""
        bundle, now = self._bundle, time.monotonic()
        writes = list(bundle.entries)
        if with_positions or now - self._positions_at > POSITIONS_S:
            writes += self._changed_positions()
            self._positions_at = now
        if bundle.events or writes:
            for start in range(0, len(writes), WRITES_MAX):
                await self._commit(writes[start : start + WRITES_MAX])
            for start in range(0, len(bundle.events), WRITES_MAX):
                await self._append(bundle.events[start : start + WRITES_MAX])
            await publish_many(self._context.jetstream, bundle.prices.values())
            bundle.clear()
        self._stored_at = time.monotonic()

    def _changed_positions(self) -> list[Write]:
        """Return the writes of changed positions; none while the ledger is behind the stored journal."""
        if self._conduct.journal.sequence < self._journal.sequence:
            return []
        self._positions.change(self._conduct.ledger.holders())
        return self._positions.writes(2 * len(self._positions.unwritten))

    async def _commit(self, writes: Sequence[Write]) -> None:
        """Store entries and positions."""

        async def commit() -> JournalPlace:
            return JournalPlace(await self._store.commit(self._run, writes, self._journal.revision))

        async def find_commit() -> JournalPlace | None:
            place = await journal_place(self._context.client, self._run)
            if place.revision != self._journal.revision and place.newest != writes[-1]:
                raise LeadershipLost
            return place if place.newest == writes[-1] else None

        found = await self._persist(commit, find_commit)
        self._journal = JournalPlace(found.revision, self._conduct.journal.sequence)

    async def _append(self, messages: Sequence[BatchMessage]) -> None:
        """Store events."""
        newest = messages[-1].headers["Nats-Msg-Id"]
        pattern = TICKED(run=self._run)

        async def append() -> LogPlace:
            last = await self._batches.store(messages, pattern, self._log.ticked)
            places = range(last - len(messages) + 1, last + 1)
            own = [at for at, each in zip(places, messages, strict=True) if each.subject == pattern]
            return LogPlace(newest, own[-1] if own else self._log.ticked)

        async def find_batch() -> LogPlace | None:
            place = await log_place(self._context.client, self._run)
            if place.event_id not in (newest, self._log.event_id):
                raise LeadershipLost
            return place if place.event_id == newest else None

        self._log = await self._persist(append, find_batch)

    async def _persist(
        self, store: Callable[[], Awaitable[Place]], find: Callable[[], Awaitable[Place | None]]
    ) -> Place:
        """Store a part of a bundle and return the place after it; `find` returns it if an attempt had success after all."""
        for attempt in range(TRIES_MAX):
            try:
                return await store()
            except (Unavailable, Conflict):
                await asyncio.sleep(RETRY_WAIT_S * 2**attempt)
            with suppress(Unavailable):
                if place := await find():
                    return place
        message = f"run {self._run!r} cannot be stored; the worker starts again"
        raise Unavailable(message)

    async def _close(self, addressed: AddressedEvent) -> None:
        """Publish that the run has ended."""
        self._require_own_log()
        with suppress(Conflict):  # an operator was faster
            await reliable_publish(
                self._context.jetstream,
                addressed.subject,
                addressed.json(),
                addressed.event.event_id,
                expected_sequence=0,
            )

    def _require_own_log(self) -> None:
        """Raise CorruptLog if the newest event of the log is none that this worker has made so far."""
        if self._passed_over:
            message = f"the log of run {self._run!r} does not follow from its scenario: it has event {self._passed_over}"
            raise CorruptLog(message)
