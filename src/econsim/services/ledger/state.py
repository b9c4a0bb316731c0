"""The state of one run's ledger as the store has it, and the writes that bring the store up to date.

Owns the content of a commit: journal entries, balances, barrier mark. `domain/ledger/bucket.py` owns the keys; `writer.py` decides when
to commit and handles failures. No I/O here.

    collection      holds                                     entry comes           entry goes        bound
    ledger          accounts and decisions                    apply, fold           see there         see there
    journal         sequence and hash of the newest entry     apply, fold           never             one entry
    newest          revision of the run's newest write        confirm, fold         never             one number
    entry_revision  revision of the newest journal entry      confirm, fold         never             one number
    positions       what the store has of holders             apply, fold           see there         see there
    _entries        numbers of the newest journal keys        apply, fold           apply, fold       ENTRIES_REMEMBERED_MAX

A write that did not reach the store leaves this state ahead of it; the writer then drops the whole state and folds the
store anew.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from pydantic import ValidationError

from econsim import subjects
from econsim.domain.audit.envelope import Envelope
from econsim.domain.ledger import bucket
from econsim.domain.ledger.bucket import LedgerKey
from econsim.domain.ledger.journal import Journal
from econsim.domain.ledger.ledger import Ledger
from econsim.domain.ledger.ledger_content import LedgerContent
from econsim.domain.ledger.positions import StoredPositions
from econsim.errors import Conflict, CorruptJournal
from econsim.ports import StoredEntry, Write
from econsim.schemas.ledger import (
    CREDITS,
    DEBT,
    Balance,
    Position,
    Refusal,
    TransferPosted,
)
from econsim.services.ledger.submissions import SubmissionPart

ENTRIES_REMEMBERED_MAX: Final = 100_000
"""Numbers of the newest journal keys in memory, about 10 MB; whether an older one exists is asked of the store."""

ACTOR: Final = "ledger"
"""Actor of journal entries."""


@dataclass(frozen=True, slots=True)
class LedgerSnapshot:
    """All that a run's ledger knows after a commit, but the numbers of older chains and of journal keys."""

    ledger: LedgerContent
    """Content of the ledger."""
    sequence: int
    """Sequence of the newest journal entry."""
    head_hash: str
    """Hash of the newest journal entry."""
    barrier: int
    """Newest tick with a passed barrier."""
    closed: int
    """Newest tick at which payments are closed."""
    behind: dict[str, str]
    """Key → fields in the store, of holders whose positions there are behind the journal."""
    unwritten: tuple[str, ...]
    """Those holders."""
    entries_are_forgotten: bool
    """True if the store has journal entries whose keys have no number here."""


class LedgerState:
    """A run's ledger and journal, and what the store has of them."""

    def __init__(self, run: str, salt: str) -> None:
        """Start before anything was written."""
        self.ledger = Ledger()
        self.journal = Journal()
        self.barrier = 0
        """Newest tick with a passed barrier."""
        self.closed = 0
        """Newest tick at which payments are closed."""
        self.newest = 0
        """Revision of the run's newest write."""
        self.entry_revision = 0
        """Revision of the newest journal entry, 0 for none."""
        self.positions = StoredPositions(run, self.ledger, self.journal)
        """Positions that the store has."""
        self.entries_are_forgotten = False
        """True once the store has journal entries whose keys are not in memory."""
        self._run = run
        self._salt = salt
        self._entries: deque[int] = deque()
        self._entry_numbers: set[int] = set()

    def fold(self, entry: StoredEntry) -> None:
        """Fold one stored write, oldest first; raises CorruptJournal if it does not follow from those before."""
        try:
            self._fold(entry)
        except ValidationError as error:
            message = f"{entry.key} at revision {entry.revision} is not a journal entry"
            raise CorruptJournal(message) from error

    def apply(self, part: SubmissionPart, now: str) -> tuple[dict[str, Refusal], list[Write]]:
        """Decide a part's chains; return the refusals and the writes of journal entries.

        Raises Conflict if the part's submission id stands for an entry of other chains.
        """
        decisions = self.ledger.apply(part.chains)
        self.positions.change(decisions.holders)
        command = part.command
        envelope = Envelope(
            self._run, self._salt, command.tick, now, command.causation_id or command.command_id
        )
        writes = []
        for entry in self.journal.append(decisions):
            posted = isinstance(entry, TransferPosted)
            subject = subjects.TRANSFER_POSTED if posted else subjects.TRANSFER_REFUSED
            event = envelope.event(subject, ACTOR, entry, part.name)
            writes.append(Write(bucket.entry_key(self._run, part.name, posted=posted), event.json()))
            self._remember(writes[-1].key, is_new=True)
        return decisions.refusals(), writes

    def marks(self, barriers: Iterable[int], closed: int) -> list[Write]:
        """Return the writes that mark barriers as passed, and payments as closed at a tick unless that is written already.

        After a restart a repeat at the barrier then does not wait, and payments stay closed.
        """
        writes = [_mark(bucket.barrier_key(self._run), tick) for tick in barriers]
        if closed > self.closed:
            self.closed = closed
            writes.append(_mark(bucket.closed_key(self._run), closed))
        return writes

    def confirm(self, newest: int, writes: Sequence[Write]) -> None:
        """Note the revision of the newest committed write, given all of its commit: their revisions are consecutive."""
        self.newest = newest
        for revision, write in enumerate(writes, newest - len(writes) + 1):
            if bucket.parse_key(write.key)[0] is LedgerKey.ENTRY:
                self.entry_revision = revision

    def snapshot(self) -> tuple[LedgerSnapshot, tuple[int, ...]]:
        """Return all that is known after a commit, a copy, and the numbers that belong to it."""
        snapshot = LedgerSnapshot(
            self.ledger.content(),
            self.journal.sequence,
            self.journal.head_hash,
            self.barrier,
            self.closed,
            self.positions.behind(),
            tuple(self.positions.unwritten),
            self.entries_are_forgotten,
        )
        return snapshot, (*self.ledger.older_numbers(), *self._entries)

    def restore(self, snapshot: LedgerSnapshot, numbers: Sequence[int], entry_revision: int) -> None:
        """Become the state of a snapshot, whose newest journal entry has this revision; this one is new."""
        older = len(snapshot.ledger.decided.older_ids)
        self.ledger.restore(snapshot.ledger, numbers[:older])
        self.journal.sequence, self.journal.head_hash = snapshot.sequence, snapshot.head_hash
        self.barrier, self.closed = snapshot.barrier, snapshot.closed
        self.newest = self.entry_revision = entry_revision
        self.entries_are_forgotten = snapshot.entries_are_forgotten
        self._entries = deque(numbers[older:])
        self._entry_numbers = set(self._entries)
        self.positions.restore(snapshot.behind, snapshot.unwritten)

    def balance(self, holder: str) -> Balance:
        """Return all positions of a holder."""
        holdings, none = self.ledger.holdings(holder), Position(0, 0)
        credits_, owed = holdings.pop(CREDITS, none), holdings.pop(DEBT, none)
        return Balance(
            holder=holder,
            credits=credits_,
            debt=owed.posted,
            holdings=holdings,
            sequence=self.journal.sequence,
        )

    def _fold(self, entry: StoredEntry) -> None:
        """Fold one write by its key; a key of another form means nothing."""
        self.newest = entry.revision
        match bucket.parse_key(entry.key)[0]:
            case LedgerKey.ENTRY:
                event = bucket.parse_entry(entry.key, entry.value)
                self.journal.replay(event.data)
                self.ledger.replay(event.data)
                self.entry_revision = entry.revision
                self._remember(entry.key)
            case LedgerKey.BALANCE | LedgerKey.HOLDINGS:
                self.positions.fold(entry.key, entry.value)
            case LedgerKey.BARRIER:
                self.barrier = json.loads(entry.value)["tick"]
            case LedgerKey.CLOSED:
                self.closed = json.loads(entry.value)["tick"]

    def _remember(self, key: str, *, is_new: bool = False) -> None:
        """Remember the key of a journal entry, and forget the oldest if there are too many.

        Raises Conflict for a key that is to be new and is remembered already.
        """
        number = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "little")
        if is_new and number in self._entry_numbers:
            raise submission_was_used(key)
        self._entries.append(number)
        self._entry_numbers.add(number)
        if len(self._entries) > ENTRIES_REMEMBERED_MAX:
            self._entry_numbers.discard(self._entries.popleft())
            self.entries_are_forgotten = True


def _mark(key: str, tick: int) -> Write:
    return Write(key, f'{{"tick":{tick}}}'.encode())


def submission_was_used(key: str) -> Conflict:
    """Return the error about a submission whose journal key has an entry of other chains."""
    message = f"the submission of {key} was decided before, with other chains"
    return Conflict(message, key=key)
