"""The one writer of a run's ledger: concurrent submissions in, durable answers out.

Owns group commit, the lock-step barrier and the handling of failed commits. The rules of money are in
`domain/ledger/ledger.py`; the keys and the writes of a commit in `services/ledger/state.py`.

Theory of operation. The handlers of `routers/ledger.py` call `submit`, SUBMISSIONS_MAX of them at once; beyond that
the subscriber waits (backpressure). One task, `_drain`, commits. Submissions that arrive during a commit go into the next
one (group commit). A commit is atomic: journal entries, barrier mark, and the positions (balances and holdings) that
changed. The journal is the truth, and positions follow from it. So a submission may defer its positions: they come with the
next commit that defers none, at the latest with one of their own (`store_positions`). A journal entry that is all there is to
commit is one message, which is much faster than a batch.

    submit ──submission_parts──▶ parts ──▶ CommitItem … ──▶ _queue ──_take_group──▶ group ──_commit──▶ store
      │                            ▲                                                          │
      │ barrier: _wait_for_books   │ released by the last book, sorted by book                │ durable
      └──────▶ _barriers[tick] ────┘                                                          ▼
      ◀───────────────── future of each WaitingSubmission ◀── AnswerUnit with items_left == 0 ◀── _answer

A `WaitingSubmission` is one command. An `AnswerUnit` is what is answered together: one submission, or those of all books of
a barrier. A `CommitItem` is what is committed together: one part of a submission, or the mark of a barrier, which is
the last item of its unit. A group has as many items of the queue as fit in one atomic batch.

    submission:  (submit) ─▶ at the barrier ─▶ queued ─▶ in a commit ─▶ answered
                                                              └─▶ failed: Conflict, Unavailable, or what was raised

A command repeated at its barrier takes the place of the one that waits there, which fails: a book holds one handler, however
long it repeats, so that the last book always finds a free one.

A crash, or a lost answer, at each step. Senders repeat a command until it is answered (at-least-once); the rest
follows from deduplication by id in `domain/ledger/ledger.py` and from compare-and-set in the store.

    before a commit            nothing is stored; the sender's repeat is decided as new. A barrier is collected anew.
    between two commits        the parts before are durable. A repeat is cut into the same parts: those before are
                               answered from the remembered decisions, the others are decided now.
    the store's answer lost    unknown whether written: the state is stale, is read anew, and the group is applied
                               again: repeated decisions write nothing.
    after commit, no answer    the journal is the write-ahead log of the positions: nothing is half done. A repeat
                               writes nothing and gets the same answer.
    deferred positions         a restart compares the stored positions with the journal and writes those behind it.
    after a barrier's mark     a restart reads the mark: a book's repeat no longer waits for the others.
    a snapshot                 written beside the commits, now and then: a restart folds what comes after it.
    two writers at once        leases do not exclude it. Each commit expects that the run's newest write is this writer's
                               last (fencing): the slower one fails as Conflict, and reads the store anew before it
                               tries again.
    a repeat too old to be     its journal key exists: Conflict, in a group of its own, so that only its sender is
    remembered                 refused.

    collection              holds                              entry comes        entry goes              bound
    _queue                  items not yet in a commit          _enqueue           _take_group             SUBMISSIONS_MAX, by parts
    _barriers               tick → book → waiting submission   _wait_for_books    _answer or _fail        SUBMISSIONS_MAX
    _state                  accounts, journal head, positions  load, apply        load after a failure    holders by assets
    _passed, closed         newest ticks: barrier, payments    load, _answer      never                   two numbers
    _pause                  whether positions wait             _drain             store_positions         one event
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from econsim import ports
from econsim.errors import Conflict, InvalidMessage, Unavailable
from econsim.schemas.ledger import Balance, Refusal, Submit, Submitted
from econsim.services.ledger.pause import PaymentPause
from econsim.services.ledger.recovery import ledger_snapshots, offer_snapshot, recovered_state
from econsim.services.ledger.state import LedgerState, submission_was_used
from econsim.services.ledger.submissions import (
    AnswerUnit,
    CommitItem,
    SubmissionPart,
    WaitingSubmission,
    commit_size,
    holders_of,
    submission_parts,
)

TRIES_MAX: Final = 5
"""Attempts to commit a group while the store does not answer; two conflicts in a row end them sooner."""

RETRY_WAIT_S: Final = 0.05
"""Pause before the second attempt, doubled for each further one: a restarted server needs 0.3 s."""

ALONE_MAX: Final = 4
"""Waiting submissions that defer their positions which are committed one after the other, each as one message of 0.5 ms: a batch
takes 5 ms or more on a single server, whatever its size, because its messages are staged in a store of their own."""


class LedgerWriter:
    """The ledger of one run on a store; `load` before the first `submit`."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a ledger needs; the last only tests give
        self,
        run: str,
        salt: str,
        store: ports.StateStore,
        clock: ports.WallClock,
        snapshots: ports.KeyTable,
        retry_wait_s: float = RETRY_WAIT_S,
    ) -> None:
        """Write the run's keys in the store, and now and then its snapshot; the caller holds the lease of the run's ledger."""
        self._run = run
        self._salt = salt
        self._store = store
        self._clock = clock
        self._retry_wait_s = retry_wait_s
        self._state = LedgerState(run, salt)
        self._stale = False
        self._queue: deque[CommitItem] = deque()
        self._passed = 0
        self.closed = 0
        """Newest tick at which services may not begin a payment any more."""
        self._barriers: dict[int, dict[str, WaitingSubmission]] = {}
        self._worker: asyncio.Task[None] | None = None
        self._pause = PaymentPause()
        self.snapshots = ledger_snapshots(snapshots, run)
        """Snapshots of the ledger."""

    @property
    def sequence(self) -> int:
        """Sequence of the newest journal entry."""
        return self._state.journal.sequence

    async def load(self) -> None:
        """Take the ledger of the newest snapshot, and fold what the store has after it.

        Raises CorruptJournal, or Unavailable if the store does not answer.
        """
        state = await recovered_state(self._run, self._salt, self._store, self.snapshots)
        self._state, self._stale = state, False
        self._passed = state.barrier
        self.closed = max(self.closed, state.closed)
        offer_snapshot(self.snapshots, state)

    async def store_positions(self) -> None:
        """Store the positions that are behind the journal, until cancelled: first those a writer before left so."""
        while True:
            try:
                await self._enqueue_alone([]).answer
            except (Conflict, Unavailable):
                self._pause.note()
            await self._pause.wait(lambda: len(self._state.positions.unwritten))

    def has_decided(self, id_: str) -> bool:
        """Return whether a chain of this id was decided before."""
        return self._state.ledger.has_decided(id_)

    def balance(self, holder: str) -> Balance:
        """Return a holder's positions; they may be one commit ahead of the store."""
        return self._state.balance(holder)

    async def submit(self, command: Submit) -> Submitted:
        """Apply a submission's chains and answer when they are durable; a repeat is idempotent.

        The positions are stored too, unless the command defers them; a command without chains stores those that others
        deferred. With `barrier` N the answer waits until N books have submitted for the tick. Raises InvalidMessage
        (nothing is applied), Conflict (the command id stands for other chains, or another writer won twice)
        or Unavailable (unknown whether it is applied: submit again).
        """
        parts = submission_parts(command, self._salt)
        if command.closes_payments:
            self.closed = max(self.closed, command.tick)
        waiting = command.tick in self._barriers or command.tick > self._passed
        if command.barrier and waiting:
            submission = self._wait_for_books(command, parts)
        else:
            submission = self._enqueue_alone(parts)
        # A caller that is cancelled must not cancel what others wait for.
        return await asyncio.shield(submission.answer)

    def _enqueue_alone(self, parts: list[SubmissionPart]) -> WaitingSubmission:
        """Queue a submission that waits for no other."""
        submission = WaitingSubmission(parts, asyncio.get_running_loop().create_future())
        self._enqueue(AnswerUnit([submission]))
        return submission

    def _result(self, refused: dict[str, Refusal]) -> Submitted:
        return Submitted(
            refused=refused, sequence=self.sequence, pending=self._state.ledger.pending_transfers
        )

    def _wait_for_books(self, command: Submit, parts: list[SubmissionPart]) -> WaitingSubmission:
        """Join the barrier of the command's tick; release it when the last book has joined."""
        books = self._barriers.setdefault(command.tick, {})
        full = len(books) >= command.barrier
        before = books.get(command.book)
        if before is not None:
            if full:
                return before
            before.answer.set_exception(Unavailable("a repeat of this submission took its place"))
        elif full:
            message = f"tick {command.tick} has its {command.barrier} books; {command.book!r} is one too many"
            raise InvalidMessage(message)
        submission = books[command.book] = WaitingSubmission(
            parts, asyncio.get_running_loop().create_future()
        )
        if len(books) == command.barrier:
            self._enqueue(AnswerUnit([books[book] for book in sorted(books)], command.tick))
        return submission

    def _enqueue(self, unit: AnswerUnit) -> None:
        """Queue a unit's items and start the committing task if none runs."""
        items = [
            CommitItem(unit, submission, part) for submission in unit.submissions for part in submission.parts
        ]
        if unit.barrier or not items:
            items.append(CommitItem(unit, unit.submissions[-1], None))
        unit.items_left = len(items)
        self._queue.extend(items)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        """Commit the queue, group after group, until it is empty."""
        while self._queue:
            group = self._take_group()
            try:
                await self._commit(group)
            except Exception as error:  # noqa: BLE001 - every error belongs to the callers, not to this task
                self._stale = True
                self._fail(group, error)
        if self._state.positions.unwritten:
            self._pause.note()
        else:
            self._pause.note_stored()

    def _take_group(self) -> list[CommitItem]:
        """Take as many items off the queue as one atomic batch can hold; none if deferred positions have to go before the first.

        One is taken where few wait and each is a single message: so many messages are faster than a batch.
        """
        is_alone = len(self._queue) <= ALONE_MAX and all(item.is_deferring for item in self._queue)
        group: list[CommitItem] = []
        holders, others = frozenset[str](), self._behind()
        while self._queue and not (is_alone and group):
            item = self._queue[0]
            together = holders if item.is_deferring else holders | others | item.holders
            is_full = commit_size(len(group) + 1, len(together)) > ports.WRITES_MAX
            if is_full and (group or others):
                break
            holders = together
            self._queue.popleft()
            if not item.unit.failed:
                group.append(item)
        return group

    async def _commit(self, group: list[CommitItem]) -> None:
        """Make a group durable and answer complete units; raises the error of the last attempt."""
        failure = await self._try_to_commit(group)
        if failure is None:
            self._answer(group)
            return
        if isinstance(failure, Unavailable) or len(group) == 1:
            raise failure
        # A command id used again for other chains conflicts for ever. Committing the items one by one finds it,
        # so that only its sender is refused.
        for item in group:
            if item.unit.failed:
                continue
            try:
                await self._commit([item])
            except Conflict as error:
                self._fail([item], error)

    async def _try_to_commit(self, group: list[CommitItem]) -> Conflict | Unavailable | None:
        """Try up to TRIES_MAX times to make a group durable; return the error of the last attempt, if it failed."""
        failure: Conflict | Unavailable = Unavailable()
        for attempt in range(TRIES_MAX):
            try:
                if self._stale:
                    await self.load()
                await self._write(group)
            except (Conflict, Unavailable) as error:
                # After a conflict the store is read anew; a second conflict in a row will not go away.
                again = isinstance(failure, Conflict) and isinstance(error, Conflict)
                self._stale, failure = True, error
                if again:
                    return failure
                if isinstance(error, Unavailable):
                    await asyncio.sleep(self._retry_wait_s * 2**attempt)
            else:
                return None
        return failure

    async def _write(self, group: list[CommitItem]) -> None:
        """Apply a group to the ledger and commit the resulting writes."""
        now = self._clock.now()
        entries: list[ports.Write] = []
        for item in group:
            if item.part:
                item.refused, its_entries = self._state.apply(item.part, now)
                entries.extend(its_entries)
        if self._state.entries_are_forgotten:
            await self._require_new(entries)
        passed = [item.unit.barrier for item in group if item.part is None and item.unit.barrier]
        writes = [*entries, *self._state.marks(passed, self.closed)]
        positions = self._position_writes(group, ports.WRITES_MAX - len(writes))
        # Positions need not be stored together: each has the journal's sequence, and a few single messages are faster than a batch.
        are_few = not writes and len(positions) <= ALONE_MAX
        for commit in [[each] for each in positions] if are_few else [[*writes, *positions]]:
            self._state.confirm(await self._store.commit(self._run, commit, self._state.newest), commit)
            self.snapshots.count(len(commit))
        if writes or positions:
            offer_snapshot(self.snapshots, self._state)

    def _position_writes(self, group: list[CommitItem], writes_max: int) -> list[ports.Write]:
        """Return the writes of positions that go with a group: its own, and those that others deferred; none if all of it defers."""
        if group and all(item.is_deferring for item in group):
            return []
        positions = self._state.positions
        writes = positions.writes(writes_max, holders_of(group))
        return [*writes, *positions.writes(writes_max - len(writes), self._behind())]

    def _behind(self) -> frozenset[str]:
        """Return the holders whose stored positions are behind the journal, but those whom what waits in the queue stores anyway."""
        return frozenset(self._state.positions.unwritten) - holders_of(self._queue)

    async def _require_new(self, entries: list[ports.Write]) -> None:
        """Raise Conflict if the store has one of these journal entries: it is too old to be remembered."""
        for stored in await asyncio.gather(*(self._store.get(entry.key) for entry in entries)):
            if stored:
                raise submission_was_used(stored.key)

    def _answer(self, group: list[CommitItem]) -> None:
        """Note that a group is durable and answer every unit of which it holds the last item."""
        for item in group:
            unit = item.unit
            item.submission.refused |= item.refused
            unit.items_left -= 1
            if unit.items_left:
                continue
            self._passed = max(self._passed, unit.barrier)
            self._barriers.pop(unit.barrier, None)
            for submission in unit.submissions:
                if not submission.answer.done():
                    submission.answer.set_result(self._result(submission.refused))

    def _fail(self, group: list[CommitItem], error: Exception) -> None:
        """Answer every unit that has an item in the group with the error."""
        for unit in {id(item.unit): item.unit for item in group}.values():
            unit.failed = True
            self._barriers.pop(unit.barrier, None)
            for submission in unit.submissions:
                if not submission.answer.done():
                    submission.answer.set_exception(error)
