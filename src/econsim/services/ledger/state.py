"""The state of one run's ledger as the store has it, and the writes that bring the store up to date.

Owns the content of a commit: journal entries, balances, barrier mark. `domain/ledger/bucket.py` owns the keys; `writer.py` decides when
to commit and handles failures. No I/O here.

    collection      holds                                     entry comes           entry goes        bound
    ledger          accounts and decisions                    apply, fold           see there         see there
    journal         sequence and hash of the newest entry     apply, fold           never             one entry
    newest          revision of the run's newest write        confirm, fold         never             one number
    positions       what the store has of holders             apply, fold           see there         see there
    _entry_keys     keys of the newest journal entries        apply, fold           apply, fold       ENTRIES_REMEMBERED_MAX

A write that did not reach the store leaves this state ahead of it; the writer then drops the whole state and folds the
store anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from econsim import subjects
from econsim.domain.audit.envelope import Envelope, derived_id
from econsim.domain.ledger import bucket
from econsim.domain.ledger.bucket import LedgerKey
from econsim.domain.ledger.journal import Journal
from econsim.domain.ledger.ledger import Ledger
from econsim.domain.ledger.positions import StoredPositions
from econsim.errors import Conflict, CorruptJournal, InvalidMessage, InvalidSubject
from econsim.ports import WRITES_MAX, StoredEntry, Write
from econsim.schemas.ledger import (
    CHAINS_PER_ENTRY_MAX,
    MONEY,
    Balance,
    Chain,
    Position,
    Refusal,
    Submit,
    TransferPosted,
)
from econsim.schemas.subject import token

ENTRIES_REMEMBERED_MAX: Final = 100_000
"""Keys of the newest journal entries in memory, about 10 MB; whether an older one exists is asked of the store."""

TRANSFERS_PER_ENTRY_MAX: Final = 1200
"""Transfers in one journal entry: with ids of full length they stay under the 1 MiB of a message."""

SUBMISSION_LENGTH_MAX: Final = 58
"""Characters of a command id used as a key: leaves room for `-<part>` in a 64-character token."""

ACTOR: Final = "ledger"
"""Actor of journal entries."""


@dataclass(frozen=True, slots=True, eq=False)
class SubmissionPart:
    """A run of chains of one submission that fits in one commit."""

    command: Submit
    """Submission the chains belong to."""
    submission: str
    """Id of the submission as a key token."""
    place: int
    """Position of the part in the submission, from 0."""
    chains: tuple[Chain, ...]
    """Chains of the part."""
    holders: frozenset[str]
    """Holders that the chains name."""

    @property
    def name(self) -> str:
        """Last token of the part's journal keys."""
        return f"{self.submission}-{self.place}" if self.place else self.submission


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
        self.positions = StoredPositions(run, self.ledger, self.journal)
        """Positions that the store has."""
        self.entries_are_forgotten = False
        """True once the store has journal entries whose keys are not in memory."""
        self._run = run
        self._salt = salt
        self._entry_keys: dict[str, None] = {}

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
            writes.append(Write(bucket.entry_key(self._run, entry, part.name), event.json()))
            if writes[-1].key in self._entry_keys:
                raise submission_was_used(writes[-1].key)
            self._remember(writes[-1].key)
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

    def confirm(self, newest: int) -> None:
        """Note the revision of the newest committed write."""
        self.newest = newest

    def balance(self, holder: str) -> Balance:
        """Return all positions of a holder."""
        holdings = self.ledger.holdings(holder)
        credits_, owed = (holdings.pop(asset, Position(0, 0)) for asset in MONEY)
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
                self._remember(entry.key)
            case LedgerKey.BALANCE | LedgerKey.HOLDINGS:
                self.positions.fold(entry.key, entry.value)
            case LedgerKey.BARRIER:
                self.barrier = json.loads(entry.value)["tick"]
            case LedgerKey.CLOSED:
                self.closed = json.loads(entry.value)["tick"]

    def _remember(self, key: str) -> None:
        """Remember the key of a journal entry, and forget the oldest if there are too many."""
        self._entry_keys[key] = None
        if len(self._entry_keys) > ENTRIES_REMEMBERED_MAX:
            del self._entry_keys[next(iter(self._entry_keys))]
            self.entries_are_forgotten = True


def _mark(key: str, tick: int) -> Write:
    return Write(key, f'{{"tick":{tick}}}'.encode())


def submission_was_used(key: str) -> Conflict:
    """Return the error about a submission whose journal key has an entry of other chains."""
    message = f"the submission of {key} was decided before, with other chains"
    return Conflict(message, key=key)


def submission_parts(command: Submit, salt: str) -> list[SubmissionPart]:
    """Return the parts of a submission, the same for every repeat; none if it has no chains.

    Raises InvalidMessage for a chain too large for one commit and for a holder with a reserved name.
    """
    submission = submission_id(command.command_id, salt)
    parts: list[SubmissionPart] = []
    chains: list[Chain] = []
    holders: set[str] = set()
    transfers = 0
    for chain in command.chains:
        named = _named_holders(chain)
        full = (
            len(chains) == CHAINS_PER_ENTRY_MAX or transfers + len(chain.transfers) > TRANSFERS_PER_ENTRY_MAX
        )
        if chains and (full or commit_size(1, len(holders | named)) > WRITES_MAX):
            parts.append(SubmissionPart(command, submission, len(parts), tuple(chains), frozenset(holders)))
            chains, holders, transfers = [], set(), 0
        chains.append(chain)
        holders |= named
        transfers += len(chain.transfers)
    if chains:
        parts.append(SubmissionPart(command, submission, len(parts), tuple(chains), frozenset(holders)))
    return parts


def commit_size(parts: int, holders: int) -> int:
    """Return the most writes a commit may need: two entries a part, two keys a holder, two marks."""
    return 2 * parts + 2 * holders + 2


def submission_id(command_id: str, salt: str) -> str:
    """Return a command's id if it is a key token, else an id derived from it."""
    try:
        if len(command_id) <= SUBMISSION_LENGTH_MAX:
            return token(command_id)
    except InvalidSubject:
        pass
    return derived_id(salt, "submission", command_id)


def _named_holders(chain: Chain) -> set[str]:
    """Return the holders a chain names; raises InvalidMessage if it cannot be committed."""
    named = {transfer.debit for transfer in chain.transfers} | {t.credit for t in chain.transfers}
    if commit_size(1, len(named)) > WRITES_MAX or len(chain.transfers) > TRANSFERS_PER_ENTRY_MAX:
        message = f"chain {chain.id} has {len(chain.transfers)} transfers over {len(named)} holders: too many"
        raise InvalidMessage(message, chain=chain.id)
    if reserved := named & bucket.RESERVED:
        message = f"chain {chain.id} names a holder {min(reserved)!r}; that name is reserved"
        raise InvalidMessage(message, chain=chain.id)
    return named
