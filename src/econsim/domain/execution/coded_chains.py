"""The ledger's chains in a run of coded agents, as plain records: objects, texts and hashes are made for who reads them. Pure.

A row is the number of a form and the fields that the form needs; a form gives the id, the cause and the legs of the chain, as
`market/settlement` makes them for one-unit orders. A property test holds both equal. Rows hold nothing but texts and numbers, so that
the garbage collector lets go of them at its first look: with functions and members of enums in them, a run of 1 000 traders took a
quarter longer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any, Final

from econsim.domain.audit.canonical_facts import FactText, Leg, chain_text, refused_text
from econsim.domain.ledger.journal import GENESIS_HASH, chained_hash, refused_body
from econsim.schemas.base import Message
from econsim.schemas.ledger import (
    CHAINS_PER_ENTRY_MAX,
    CREDITS,
    Chain,
    Kind,
    Refusal,
    RefusedChain,
    Transfer,
    TransferPosted,
    TransferRefused,
)

ChainParts = tuple[str, str, Sequence[Leg]]
"""Id, cause and legs of a chain."""

ChainRow = tuple[Any, ...]
"""The number of a form, then its fields."""

RESERVE, RESERVE_MORE, TAKE_OVER, FILL, RELEASE, RELEASE_MORE, GIVEN = range(7)
"""Numbers of the forms."""

SHORT: Final = Refusal.DEBIT_ACCOUNT_WOULD_GO_NEGATIVE
"""The only reason of the ledger to refuse a reservation of a coded agent."""

UNSEALED_MAX: Final = 50_000
"""Chains of entries without a hash, about 15 MB: a run whose entries nobody reads makes no hashes until it has so many."""

_TRANSFER, _PENDING, _POST, _VOID = Kind.TRANSFER, Kind.PENDING, Kind.POST, Kind.VOID


def _reserve(clearing: str, order_id: str, agent: str, asset: str, amount: int) -> ChainParts:
    """Reserve for a new order."""
    id_ = f"{order_id}.r0"
    return id_, order_id, ((id_, _PENDING, agent, clearing, asset, amount, None),)


def _reserve_more(clearing: str, order_id: str, agent: str, asset: str, amount: int) -> ChainParts:
    """Reserve what a replacement needs beyond its order."""
    return f"{order_id}.r0", order_id, ((f"{order_id}.t", _PENDING, agent, clearing, asset, amount, None),)


def _take_over(  # noqa: PLR0913, PLR0917 - a chain has these parts
    clearing: str, order_id: str, agent: str, asset: str, amount: int, old: str
) -> ChainParts:
    """Make the reservation of a replacement of its order's and the difference."""
    legs = (
        (f"{old}.v", _VOID, agent, clearing, asset, 0, f"{old}.r0"),
        (f"{order_id}.tv", _VOID, agent, clearing, asset, 0, f"{order_id}.t"),
        (f"{order_id}.r0", _PENDING, agent, clearing, asset, amount, None),
    )
    return f"{order_id}.s", order_id, legs


def _fill(  # noqa: PLR0913, PLR0917 - a chain has these parts
    clearing: str, trade_id: str, resource: str, price: int, buyer: str, seller: str, bid: str, ask: str
) -> ChainParts:
    """Post a trade of one unit."""
    legs = (
        (f"{trade_id}.1", _POST, buyer, clearing, CREDITS, price, f"{bid}.r0"),
        (f"{trade_id}.2", _TRANSFER, clearing, seller, CREDITS, price, None),
        (f"{trade_id}.3", _POST, seller, clearing, resource, 1, f"{ask}.r0"),
        (f"{trade_id}.4", _TRANSFER, clearing, buyer, resource, 1, None),
    )
    return trade_id, trade_id, legs


def _release(clearing: str, order_id: str, agent: str, asset: str) -> ChainParts:
    """Void the reservation of an order that left the book, or did not enter it."""
    id_ = f"{order_id}.v"
    return id_, order_id, ((id_, _VOID, agent, clearing, asset, 0, f"{order_id}.r0"),)


def _release_more(clearing: str, order_id: str, agent: str, asset: str) -> ChainParts:
    """Void what was reserved for a replacement that did not enter."""
    id_ = f"{order_id}.v"
    return id_, order_id, ((id_, _VOID, agent, clearing, asset, 0, f"{order_id}.t"),)


def _given(_: str, chain: Chain) -> ChainParts:
    """Take a chain that is made already: the clock's."""
    legs = [(t.id, t.kind, t.debit, t.credit, t.asset, t.amount, t.pending_id) for t in chain.transfers]
    return chain.id, chain.cause, legs


FORMS: Final = (_reserve, _reserve_more, _take_over, _fill, _release, _release_more, _given)
"""Functions of clearing holder and fields, by their numbers."""


def chain_json(id_: str, cause: str, legs: Sequence[Leg]) -> str:
    """Return the wire form of a chain; names and ids need no escaping."""
    transfers = ",".join([_transfer_json(leg) for leg in legs])
    return f'{{"id":"{id_}","cause":"{cause}","transfers":[{transfers}]}}'


def _transfer_json(leg: Leg) -> str:
    id_, kind, debit, credit, asset, amount, pending = leg
    resolves = f'"{pending}"' if pending else "null"
    return (
        f'{{"id":"{id_}","kind":"{kind}","debit":"{debit}","credit":"{credit}","asset":"{asset}",'
        f'"amount":{amount},"pending_id":{resolves}}}'
    )


class Entry:
    """A journal entry of applied chains; its hash is made at the first look at it."""

    __slots__ = ("clearing", "hash", "journal", "previous_hash", "rows", "sequence")

    def __init__(self, journal: LateJournal, clearing: str, rows: Sequence[ChainRow]) -> None:
        """Take the chains of an entry, at most CHAINS_PER_ENTRY_MAX."""
        self.journal = journal
        self.clearing = clearing
        self.rows = rows
        self.sequence = 0
        self.previous_hash = self.hash = ""

    def chains(self) -> Iterable[ChainParts]:
        """Yield id, cause and legs of each chain."""
        clearing = self.clearing
        return [FORMS[form](clearing, *fields) for form, *fields in self.rows]

    def data(self) -> Message:
        """Return the journal entry."""
        self.journal.seal(self.sequence)
        chains = [
            Chain(id_, cause, tuple([Transfer(*leg) for leg in legs])) for id_, cause, legs in self.chains()
        ]
        return TransferPosted.model_construct(
            sequence=self.sequence, previous_hash=self.previous_hash, hash=self.hash, chains=tuple(chains)
        )

    def texts(self) -> Iterable[FactText]:
        """Return the canonical text of each chain."""
        return [chain_text(*parts) for parts in self.chains()]

    def body(self) -> str:
        """Return the hashed body of the entry."""
        return f"posted\n[{','.join([chain_json(*parts) for parts in self.chains()])}]"


class RefusedEntry(Entry):
    """A journal entry of refused chains: their holders have too little."""

    __slots__ = ()

    def refused(self) -> Iterable[RefusedChain]:
        """Yield the records of the chains."""
        for form, *fields in self.rows:
            parts = FORMS[form](self.clearing, *fields)
            id_, cause, legs = parts
            yield RefusedChain(id_, cause, legs[0][2], SHORT, _digest(parts))

    def data(self) -> Message:
        """Return the journal entry."""
        self.journal.seal(self.sequence)
        return TransferRefused.model_construct(
            sequence=self.sequence,
            previous_hash=self.previous_hash,
            hash=self.hash,
            chains=tuple(self.refused()),
        )

    def texts(self) -> Iterable[FactText]:
        """Return the canonical text of each chain."""
        return [
            refused_text(each.id, each.cause, each.holder, each.reason, each.digest)
            for each in self.refused()
        ]

    def body(self) -> str:
        """Return the hashed body of the entry."""
        return refused_body(tuple(self.refused())).decode()


class LateJournal:
    """The head of a run's journal; entries get their hashes when somebody reads one, in their order."""

    __slots__ = ("_head", "_unsealed", "_unsealed_chains", "sequence")

    def __init__(self) -> None:
        """Start before the first entry."""
        self.sequence = 0
        self._head = GENESIS_HASH
        self._unsealed: deque[Entry] = deque()
        self._unsealed_chains = 0

    @property
    def head_hash(self) -> str:
        """Hash of the newest entry."""
        self.seal(self.sequence)
        return self._head

    def append(self, kind: type[Entry], clearing: str, rows: Sequence[ChainRow]) -> list[Entry]:
        """Return the entries of these chains, at most CHAINS_PER_ENTRY_MAX in each."""
        entries = []
        for start in range(0, len(rows), CHAINS_PER_ENTRY_MAX):
            entry = kind(self, clearing, rows[start : start + CHAINS_PER_ENTRY_MAX])
            self.sequence += 1
            entry.sequence = self.sequence
            entries.append(entry)
        self._unsealed += entries
        self._unsealed_chains += len(rows)
        if self._unsealed_chains > UNSEALED_MAX:
            self.seal(self.sequence)
        return entries

    def seal(self, sequence: int) -> None:
        """Give all entries up to this one their hashes."""
        while self._unsealed and self._unsealed[0].sequence <= sequence:
            entry = self._unsealed.popleft()
            self._unsealed_chains -= len(entry.rows)
            entry.previous_hash = self._head
            self._head = entry.hash = chained_hash(self._head, entry.sequence, entry.body().encode())


def _digest(parts: ChainParts) -> str:
    return blake2b(chain_json(*parts).encode(), digest_size=16).hexdigest()
