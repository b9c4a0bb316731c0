"""The one writer of a run's ledger: concurrent submissions in, durable answers out.

Owns group commit (what arrives during a commit goes into the next), the lock-step barrier and what
happens when a commit fails. The rules of money are in `domain/ledger/ledger.py`, the keys in
`services/ledger/state.py`; the store's expected revisions stop a second writer (architecture C2).
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from econsim import ports
from econsim.errors import Conflict, InvalidMessage, Unavailable
from econsim.schemas.ledger import Balance, Refusal, Submit, Submitted
from econsim.services.ledger.state import (
    WRITES_MAX,
    LedgerState,
    SubmissionPart,
    commit_size,
    submission_parts,
)

TRIES_MAX: Final = 5
"""Attempts to commit, each after reading the store anew: a second writer must have won each time."""

RETRY_WAIT_S: Final = 0.05
"""Pause before the second attempt, doubled for each further one: a restarted server needs 0.3 s."""


@dataclass(slots=True, eq=False)
class _Submission:
    """A command waiting for its answer."""

    parts: list[SubmissionPart]
    done: asyncio.Future[Submitted]
    refused: dict[str, Refusal] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Unit:
    """Submissions answered together: a single one, or those of all books at a barrier."""

    submissions: list[_Submission]
    barrier: int = 0
    """Tick of the barrier, 0 for none."""
    left: int = 0
    """Jobs not yet durable."""
    failed: bool = False


@dataclass(slots=True, eq=False)
class _Job:
    """One part of a unit's work, in a queue for the next commit."""

    unit: _Unit
    submission: _Submission
    part: SubmissionPart | None
    """None for the mark of a barrier, which is a unit's last job."""
    refused: dict[str, Refusal] = field(default_factory=dict)
    """What the newest attempt to commit decided."""


class LedgerWriter:
    """The ledger of one run on a store; `load` before the first `submit`."""

    def __init__(self, run: str, salt: str, store: ports.StateStore, clock: ports.WallClock) -> None:
        """Write the run's keys in the store; the caller holds the run's ledger lease."""
        self._run = run
        self._salt = salt
        self._store = store
        self._clock = clock
        self._state = LedgerState(run, salt)
        self._stale = False
        self._queue: deque[_Job] = deque()
        self._passed = 0  # newest tick whose barrier is durably behind us
        self._barriers: dict[int, dict[str, _Submission]] = {}
        self._worker: asyncio.Task[None] | None = None

    @property
    def sequence(self) -> int:
        """Sequence of the newest journal entry."""
        return self._state.journal.sequence

    async def load(self) -> None:
        """Rebuild the ledger from the store; raises CorruptJournal, or Unavailable if it stops answering."""
        state = LedgerState(self._run, self._salt)
        async for entry in self._store.history(self._run):
            state.fold(entry)
        self._state, self._stale = state, False
        self._passed = state.barrier

    def balance(self, holder: str) -> Balance:
        """Return a holder's positions; they may be one commit ahead of the store."""
        return self._state.balance(holder)

    async def submit(self, command: Submit) -> Submitted:
        """Apply a submission's chains and answer when that is durable; a repeat gets the same answer.

        With `barrier` N the answer waits until N books have submitted for the tick. Raises InvalidMessage
        (nothing applied), Conflict (the command id was used for other chains, or another writer keeps
        winning) or Unavailable (not known what was applied: submit again).
        """
        parts = submission_parts(command, self._salt)
        waiting = command.tick in self._barriers or command.tick > self._passed
        if command.barrier and waiting:
            submission = self._wait_for_books(command, parts)
        else:
            submission = _Submission(parts, asyncio.get_running_loop().create_future())
            if not parts:
                return Submitted(sequence=self.sequence)
            self._enqueue(_Unit([submission]))
        return await asyncio.shield(submission.done)

    def _wait_for_books(self, command: Submit, parts: list[SubmissionPart]) -> _Submission:
        """Join the barrier of the command's tick; release it when all books are there."""
        books = self._barriers.setdefault(command.tick, {})
        full = len(books) >= command.barrier
        submission = books.get(command.book)
        if submission is not None:
            if not full:
                submission.parts = parts
            return submission
        if full:
            message = f"tick {command.tick} has its {command.barrier} books; {command.book!r} is one too many"
            raise InvalidMessage(message)
        submission = books[command.book] = _Submission(parts, asyncio.get_running_loop().create_future())
        if len(books) == command.barrier:
            self._enqueue(_Unit([books[book] for book in sorted(books)], command.tick))
        return submission

    def _enqueue(self, unit: _Unit) -> None:
        """Queue a unit's parts and make sure somebody commits them."""
        jobs = [_Job(unit, submission, part) for submission in unit.submissions for part in submission.parts]
        if unit.barrier:
            jobs.append(_Job(unit, unit.submissions[-1], None))
        unit.left = len(jobs)
        self._queue.extend(jobs)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        """Commit what is queued, one group after the other, until nothing is."""
        while self._queue:
            group = self._take()
            try:
                await self._commit(group)
            except Exception as error:  # noqa: BLE001 - whatever it is belongs to the callers, not to this task
                self._stale = True
                self._fail(group, error)

    def _take(self) -> list[_Job]:
        """Take as many jobs off the queue as one atomic batch can hold."""
        group: list[_Job] = []
        holders: frozenset[str] = frozenset()
        while self._queue:
            job = self._queue[0]
            wanted = holders | job.part.holders if job.part else holders
            if group and commit_size(len(group) + 1, wanted) > WRITES_MAX:
                break
            holders = wanted
            self._queue.popleft()
            if not job.unit.failed:
                group.append(job)
        return group

    async def _commit(self, group: list[_Job]) -> None:
        """Make a group durable and answer what is complete; raises what the last attempt met."""
        failure = await self._attempted(group)
        if failure is None:
            self._answer(group)
            return
        if isinstance(failure, Unavailable) or len(group) == 1:
            raise failure
        # A command id used again for other chains conflicts for ever: find it, so that only its
        # sender suffers.
        for job in group:
            if job.unit.failed:
                continue
            try:
                await self._commit([job])
            except Conflict as error:
                self._fail([job], error)

    async def _attempted(self, group: list[_Job]) -> Conflict | Unavailable | None:
        """Try to make a group durable; return what the last attempt met, or nothing."""
        failure: Conflict | Unavailable = Unavailable()
        for attempt in range(TRIES_MAX):
            try:
                if self._stale:
                    await self.load()
                await self._write(group)
            except (Conflict, Unavailable) as error:
                # Nothing to wait for: the store is read anew, and what conflicts again always will.
                again = isinstance(failure, Conflict) and isinstance(error, Conflict)
                self._stale, failure = True, error
                if again:
                    return failure
                if isinstance(error, Unavailable):
                    await asyncio.sleep(RETRY_WAIT_S * 2**attempt)
            else:
                return None
        return failure

    async def _write(self, group: list[_Job]) -> None:
        """Apply a group to the ledger and commit the writes that follow from it."""
        now = self._clock.now()
        writes: list[ports.Write] = []
        holders: dict[str, None] = {}
        for job in group:
            if job.part is None:
                writes.append(self._state.pass_barrier(job.unit.barrier))
                continue
            job.refused, changed, entries = self._state.apply(job.part, now)
            holders |= dict.fromkeys(changed)
            writes.extend(entries)
        writes.extend(self._state.positions(holders))
        if writes:
            self._state.confirm(writes, await self._store.commit(writes))

    def _answer(self, group: list[_Job]) -> None:
        """Answer every unit whose last job became durable."""
        for job in group:
            unit = job.unit
            job.submission.refused |= job.refused
            unit.left -= 1
            if unit.left:
                continue
            self._passed = max(self._passed, unit.barrier)
            self._barriers.pop(unit.barrier, None)
            for submission in unit.submissions:
                if not submission.done.done():
                    submission.done.set_result(Submitted(refused=submission.refused, sequence=self.sequence))

    def _fail(self, group: list[_Job], error: Exception) -> None:
        """Hand an error to everybody with a job in the group."""
        for unit in {id(job.unit): job.unit for job in group}.values():
            unit.failed = True
            self._barriers.pop(unit.barrier, None)
            for submission in unit.submissions:
                if not submission.done.done():
                    submission.done.set_exception(error)
