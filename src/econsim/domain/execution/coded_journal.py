"""The journal of a run of coded agents: its entries are made, and hashed, for who reads them. Pure.

The entries and hashes are those of `ledger/journal`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import ClassVar, Final

from econsim.domain.audit.canonical_facts import FactText, refused_text
from econsim.domain.audit.facts import Json
from econsim.domain.audit.late_event import Content, Move
from econsim.domain.execution.coded_chains import (
    FORMS,
    MOVING,
    RESERVATION_TEXTS,
    RESERVATIONS,
    SHORT,
    TEXTS,
    ChainParts,
    ChainRow,
    chain_digest,
    chain_json,
)
from econsim.domain.ledger.journal import GENESIS_HASH, chained_hash, refused_body
from econsim.schemas.base import Message
from econsim.schemas.ledger import (
    CHAINS_PER_ENTRY_MAX,
    Chain,
    RefusedChain,
    Transfer,
    TransferPosted,
    TransferRefused,
)

UNSEALED_MAX: Final = 50_000
"""Chains of entries without a hash that are kept, about 12 MB."""


class PostedRows(Content):
    """A journal entry of applied chains; its hash is made at the first look at it."""

    __slots__ = ("_begin", "_of", "clearing", "hash", "journal", "previous_hash", "sequence")

    may_move = True
    forms: ClassVar[Sequence[Callable[..., ChainParts]]] = FORMS
    """Forms of the chains, by the numbers in their rows."""
    form_texts: ClassVar[Sequence[Callable[..., FactText]]] = TEXTS
    """Canonical texts of the forms."""

    def __init__(self, journal: LateJournal, clearing: str, of: Sequence[ChainRow], begin: int) -> None:
        """Take a list and the place of the entry's first chain in it; nobody changes the list any more."""
        self.journal = journal
        self.clearing = clearing
        self._of = of
        self._begin = begin
        self.sequence = 0
        self.previous_hash = self.hash = ""

    def seal(self, previous_hash: str, chains: str = "") -> str:
        """Take the hash of the entry before, and the entry's chains if somebody has written them already; return this one's."""
        if not self.hash:
            self.previous_hash = previous_hash
            self.hash = chained_hash(previous_hash, self.sequence, self.body(chains).encode())
        return self.hash

    def __len__(self) -> int:
        """Return the number of chains."""
        return min(len(self._of) - self._begin, CHAINS_PER_ENTRY_MAX)

    @property
    def rows(self) -> Sequence[ChainRow]:
        """Rows of the chains, at most CHAINS_PER_ENTRY_MAX, cut out for who reads them as in `coded_items.ItemRows`."""
        return self._of[self._begin : self._begin + CHAINS_PER_ENTRY_MAX]

    def chains(self) -> Iterable[ChainParts]:
        """Yield id, cause and legs of each chain."""
        clearing = self.clearing
        forms = self.forms
        return [forms[form](clearing, *fields) for form, *fields in self.rows]

    def data(self) -> Message:
        """Return the journal entry."""
        self.journal.seal(self)
        chains = [
            Chain(id_, cause, tuple([Transfer(*leg) for leg in legs])) for id_, cause, legs in self.chains()
        ]
        return TransferPosted.model_construct(
            sequence=self.sequence, previous_hash=self.previous_hash, hash=self.hash, chains=tuple(chains)
        )

    def parts(self) -> list[Json]:
        """Return the chains as JSON; no hash is made for them."""
        return [
            {
                "id": id_,
                "cause": cause,
                "transfers": [
                    {
                        "id": leg,
                        "kind": kind,
                        "debit": debit,
                        "credit": credit_,
                        "asset": asset,
                        "amount": amount,
                        "pending_id": pending_id,
                    }
                    for leg, kind, debit, credit_, asset, amount, pending_id in legs
                ],
            }
            for id_, cause, legs in self.chains()
        ]

    def json(self) -> Json:
        """Return the journal entry as JSON."""
        self.journal.seal(self)
        return {
            "sequence": self.sequence,
            "previous_hash": self.previous_hash,
            "hash": self.hash,
            "chains": self.parts(),
        }

    def texts(self) -> Iterable[FactText]:
        """Return the canonical text of each chain."""
        clearing = self.clearing
        texts = self.form_texts
        return [texts[form](clearing, *fields) for form, *fields in self.rows]

    def moves(self) -> Sequence[tuple[str, Sequence[Move]]]:
        """Return cause and movements of each chain that has some: of trades, and of the clock."""
        clearing = self.clearing
        moving = [FORMS[row[0]](clearing, *row[1:]) for row in self.rows if row[0] in MOVING]
        return [(cause, [leg[2:6] for leg in legs]) for _, cause, legs in moving] if moving else ()

    def chains_json(self) -> str:
        """Return the wire form of the chains."""
        return f"[{','.join([chain_json(*parts) for parts in self.chains()])}]"

    def body(self, chains: str = "") -> str:
        """Return the hashed body of the entry."""
        return f"posted\n{chains or self.chains_json()}"


class KeptRows(PostedRows):
    """A journal entry of chains that take over and release reservations: nobody owns more or less by them."""

    __slots__ = ()

    may_move = False

    def moves(self) -> Sequence[tuple[str, Sequence[Move]]]:
        """Return nothing, without a look at the chains."""
        return ()


class ReservedRows(KeptRows):
    """A journal entry of chains that reserve."""

    __slots__ = ()

    forms = RESERVATIONS
    form_texts = RESERVATION_TEXTS


class RefusedRows(ReservedRows):
    """A journal entry of refused reservations: their holders have too little."""

    __slots__ = ()

    def refusals(self) -> Iterable[RefusedChain]:
        """Yield the records of the chains."""
        for parts in self.chains():
            id_, cause, legs = parts
            yield RefusedChain(id_, cause, legs[0][2], SHORT, chain_digest(parts))

    def data(self) -> Message:
        """Return the journal entry."""
        self.journal.seal(self)
        return TransferRefused.model_construct(
            sequence=self.sequence,
            previous_hash=self.previous_hash,
            hash=self.hash,
            chains=tuple(self.refusals()),
        )

    def parts(self) -> list[Json]:
        """Return the chains as JSON."""
        return [asdict(each) for each in self.refusals()]

    def texts(self) -> Iterable[FactText]:
        """Return the canonical text of each chain."""
        return [
            refused_text(each.id, each.cause, each.holder, each.reason, each.digest)
            for each in self.refusals()
        ]

    def body(self, _: str = "") -> str:
        """Return the hashed body of the entry."""
        return refused_body(tuple(self.refusals())).decode()


class LateJournal:
    """The head of a run's journal; an entry gets its hash when somebody reads it.

    The hash covers all entries before, so those without one are kept, up to UNSEALED_MAX chains. Who passes over more of them than
    that and then reads one has the run done again up to there: it follows from its scenario.
    """

    __slots__ = (
        "_again",
        "_is_whole",
        "_passed",
        "_repeated",
        "_sealed",
        "_unsealed",
        "_unsealed_chains",
        "sequence",
    )

    def __init__(self, again: Callable[[], Iterator[PostedRows]]) -> None:
        """Start before the first entry; `again` gives the entries of the same run, from the first."""
        self.sequence = 0
        self._again = again
        self._sealed = 0, GENESIS_HASH
        self._unsealed: deque[PostedRows] = deque()
        self._unsealed_chains = 0
        self._is_whole = True
        self._repeated: Iterator[PostedRows] = iter(())
        self._passed = 0, GENESIS_HASH

    @property
    def head_hash(self) -> str:
        """Hash of the newest entry."""
        return self._hash_at(self.sequence)

    def append(self, kind: type[PostedRows], clearing: str, rows: Sequence[ChainRow]) -> list[PostedRows]:
        """Return the entries of these chains, at most CHAINS_PER_ENTRY_MAX in each."""
        entries = []
        for begin in range(0, len(rows), CHAINS_PER_ENTRY_MAX):
            entry = kind(self, clearing, rows, begin)
            self.sequence += 1
            entry.sequence = self.sequence
            entries.append(entry)
        self._unsealed += entries
        self._unsealed_chains += len(rows)
        if self._unsealed_chains > UNSEALED_MAX:
            self._unsealed.clear()
            self._unsealed_chains = 0
        return entries

    def pass_over(self, entries: int) -> None:
        """Count entries that nobody reads; hashes are had from the run done again from now on."""
        self.sequence += entries
        self._is_whole = False

    def close(self) -> None:
        """Let go of the entries, which know the journal; those without a hash are made again if somebody wants it."""
        self._unsealed.clear()
        self._unsealed_chains = 0

    def seal(self, entry: PostedRows, chains: str = "") -> None:
        """Give an entry its hash; `chains` are its chains in wire form, if somebody has written them."""
        if not entry.hash:
            entry.seal(self._hash_at(entry.sequence - 1), chains)

    def _hash_at(self, sequence: int) -> str:
        """Return the hash of the entry of a sequence."""
        at, found = self._sealed
        first = self._unsealed[0].sequence if self._unsealed else self.sequence + 1
        if sequence < at or (at < sequence and (first > at + 1 or not self._is_whole)):
            return self._repeated_hash(sequence)
        while at < sequence:
            entry = self._unsealed.popleft()
            self._unsealed_chains -= len(entry)
            at, found = self._sealed = entry.sequence, entry.seal(found)
        return found

    def _repeated_hash(self, sequence: int) -> str:
        """Return the hash of the entry of a sequence, from the same run done again."""
        at, found = self._passed
        if sequence < at:
            at, found = 0, GENESIS_HASH
        if not at:
            self._repeated = self._again()
        while at < sequence:
            entry = next(self._repeated)
            at, found = entry.sequence, entry.seal(found)
        self._passed = at, found
        return found
