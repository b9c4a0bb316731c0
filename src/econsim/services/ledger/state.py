"""What the store holds of one run's ledger, and the writes that bring it up to date.

Owns the keys under `<run>.` that the ledger writes and the JSON in them; `services/ledger/writer.py` decides
when to commit and what to do when that fails. No I/O here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from econsim import subjects
from econsim.domain.audit.envelope import Envelope, derived_id
from econsim.domain.ledger.journal import Journal
from econsim.domain.ledger.ledger import Ledger
from econsim.errors import CorruptJournal, InvalidMessage, InvalidSubject
from econsim.ports import StoredEntry, Write
from econsim.schemas.ledger import (
    CHAINS_PER_ENTRY_MAX,
    CREDITS,
    DEBT,
    MONEY,
    Balance,
    Chain,
    Position,
    Refusal,
    Submit,
    TransferPosted,
    TransferPostedEvent,
    TransferRefused,
    TransferRefusedEvent,
)
from econsim.schemas.names import JOURNAL_KEYS
from econsim.schemas.subject import token

WRITES_MAX: Final = 1000
"""Messages in one atomic batch: the server's limit."""

TRANSFERS_PER_ENTRY_MAX: Final = 1200
"""Transfers in one journal entry: with ids of full length they stay under the 1 MiB of a message."""

SUBMISSION_LENGTH_MAX: Final = 58
"""Characters of a command id that is used as a key: leaves room for `-<part>` in a 64-character token."""

RESERVED: Final = frozenset(JOURNAL_KEYS)
"""Names no holder may have: their keys would be taken for journal entries."""

NOTHING: Final = '"posted":0,"pending":0'
"""Amounts of an account that does not exist, as in a balance."""

ACTOR: Final = "ledger"
"""Who causes journal entries."""


@dataclass(frozen=True, slots=True, eq=False)
class SubmissionPart:
    """A stretch of one submission that fits in one commit."""

    command: Submit
    """The submission."""
    submission: str
    """Its id as a key token."""
    place: int
    """Position among the submission's parts, from 0."""
    chains: tuple[Chain, ...]
    """Its chains."""
    holders: frozenset[str]
    """Everybody its chains name."""

    @property
    def name(self) -> str:
        """The last token of its journal keys."""
        return f"{self.submission}-{self.place}" if self.place else self.submission


class LedgerState:
    """A run's ledger and journal, with the revisions of their keys in the store."""

    def __init__(self, run: str, salt: str) -> None:
        """Start before anything was written."""
        self.ledger = Ledger()
        self.journal = Journal()
        self.barrier = 0
        """Newest tick whose barrier was passed."""
        self._run = run
        self._salt = salt
        self._revisions: dict[str, int] = {}
        self._written: dict[str, str] = {}
        self._barrier_key = f"{run}.{ACTOR}.barrier"

    def fold(self, entry: StoredEntry) -> None:
        """Take in one write of the past, oldest first; raises CorruptJournal if it does not add up."""
        try:
            self._fold(entry)
        except ValidationError as error:
            message = f"{entry.key} at revision {entry.revision} is not a journal entry"
            raise CorruptJournal(message) from error

    def apply(
        self, part: SubmissionPart, now: str
    ) -> tuple[dict[str, Refusal], tuple[str, ...], list[Write]]:
        """Decide a part's chains; return its refusals, the holders changed and its journal entries."""
        outcome = self.ledger.apply(part.chains)
        command = part.command
        envelope = Envelope(
            self._run, self._salt, command.tick, now, command.causation_id or command.command_id
        )
        writes = []
        for entry in self.journal.append(outcome):
            posted = isinstance(entry, TransferPosted)
            subject = subjects.TRANSFER_POSTED if posted else subjects.TRANSFER_REFUSED
            event = envelope.event(subject, ACTOR, entry, part.name)
            key = f"{self._run}.{'transfer' if posted else 'refusal'}.{part.name}"
            writes.append(Write(key, event.json(), 0))
        return outcome.refusals(), outcome.holders, writes

    def positions(self, holders: Iterable[str]) -> Iterator[Write]:
        """Yield the balance and holdings of holders, as far as they differ from what was written last."""
        for holder in holders:
            # Written by hand, for this is done for every holder of every commit; names need no escaping.
            held = {
                asset: f'"posted":{posted},"pending":{pending}'
                for asset, posted, pending in self.ledger.amounts(holder)
            }
            balance = held.pop(CREDITS, NOTHING)
            if held.pop(DEBT, None):
                balance += f',"debt":{self.ledger.position(holder, DEBT).posted}'
            sequence = f',"sequence":{self.journal.sequence}'
            yield from self._changed(f"{self._run}.{holder}.balance", balance, sequence)
            if held:
                holdings = ",".join(f'"{asset}":{{{amounts}}}' for asset, amounts in held.items())
                yield from self._changed(f"{self._run}.{holder}.holdings", holdings)

    def pass_barrier(self, tick: int) -> Write:
        """Return the write that marks a tick's barrier as passed, for repeats after a restart."""
        return self._write(self._barrier_key, f'{{"tick":{tick}}}')

    def confirm(self, writes: Sequence[Write], last: int) -> None:
        """Note the revisions of committed writes, given the last one's: they are consecutive."""
        for revision, write in enumerate(writes, last - len(writes) + 1):
            if write.key.split(".", 2)[1] not in RESERVED:
                self._revisions[write.key] = revision

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
        """Take in one write by its key; keys of other services are left alone."""
        _, kind, name = entry.key.split(".", 2)
        match kind, name:
            case "transfer", _:
                self._replay(TransferPostedEvent.model_validate_json(entry.value).data)
            case "refusal", _:
                self._replay(TransferRefusedEvent.model_validate_json(entry.value).data)
            case _, "balance" | "holdings":
                self._revisions[entry.key] = entry.revision
            case "ledger", "barrier":
                self._revisions[entry.key] = entry.revision
                self.barrier = json.loads(entry.value)["tick"]

    def _replay(self, entry: TransferPosted | TransferRefused) -> None:
        """Fold a journal entry."""
        self.journal.replay(entry)
        self.ledger.replay(entry)

    def _changed(self, key: str, fields: str, envelope: str = "") -> Iterator[Write]:
        """Yield a write of a key unless it holds these fields already, whatever its stamp."""
        if self._written.get(key) != fields:
            self._written[key] = fields
            yield self._write(key, f"{{{fields}{envelope}}}")

    def _write(self, key: str, value: str) -> Write:
        """Return the write of a key that only this ledger writes."""
        return Write(key, value.encode(), self._revisions.get(key, 0))


def submission_parts(command: Submit, salt: str) -> list[SubmissionPart]:
    """Cut a submission into parts, the same ones for every repeat; none if it has no chains.

    Raises InvalidMessage for a chain too large for one commit or a holder with a reserved name.
    """
    submission = submission_id(command.command_id, salt)
    parts: list[SubmissionPart] = []
    chains: list[Chain] = []
    holders: set[str] = set()
    transfers = 0
    for chain in command.chains:
        named = _named(chain)
        full = (
            len(chains) == CHAINS_PER_ENTRY_MAX or transfers + len(chain.transfers) > TRANSFERS_PER_ENTRY_MAX
        )
        if chains and (full or commit_size(1, holders | named) > WRITES_MAX):
            parts.append(SubmissionPart(command, submission, len(parts), tuple(chains), frozenset(holders)))
            chains, holders, transfers = [], set(), 0
        chains.append(chain)
        holders |= named
        transfers += len(chain.transfers)
    if chains:
        parts.append(SubmissionPart(command, submission, len(parts), tuple(chains), frozenset(holders)))
    return parts


def commit_size(parts: int, holders: set[str] | frozenset[str]) -> int:
    """Return the most writes a commit may need: two entries a part, two keys a holder, one mark."""
    return 2 * parts + 2 * len(holders) + 1


def submission_id(command_id: str, salt: str) -> str:
    """Return a command's id if it may stand in a key, else one derived from it."""
    try:
        if len(command_id) <= SUBMISSION_LENGTH_MAX:
            return token(command_id)
    except InvalidSubject:
        pass
    return derived_id(salt, "submission", command_id)


def _named(chain: Chain) -> set[str]:
    """Return the holders a chain names; raises InvalidMessage if it cannot be committed."""
    named = {transfer.debit for transfer in chain.transfers} | {t.credit for t in chain.transfers}
    if commit_size(1, named) > WRITES_MAX or len(chain.transfers) > TRANSFERS_PER_ENTRY_MAX:
        message = f"chain {chain.id} has {len(chain.transfers)} transfers over {len(named)} holders: too many"
        raise InvalidMessage(message, chain=chain.id)
    if reserved := named & RESERVED:
        message = f"chain {chain.id} names a holder {min(reserved)!r}; that name is reserved"
        raise InvalidMessage(message, chain=chain.id)
    return named
