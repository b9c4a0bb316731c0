"""The journal of one run: decisions of the ledger sealed into a hash chain of entries.

Owns the order, size and hash of entries. `verify.py` verifies them; who stores them is not
known here. A clash (an id used before for something else) takes no id and is answered, not recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final, TypeVar

from econsim.domain.ledger.ledger import Decisions
from econsim.errors import CorruptJournal
from econsim.schemas.ledger import (
    CHAINS_MAX,
    POSTED_JSON,
    REFUSED_JSON,
    Chain,
    Refusal,
    RefusedChain,
    TransferPosted,
    TransferRefused,
)

GENESIS_HASH: Final = "0" * 64
"""`previous_hash` of the first entry."""

Item = TypeVar("Item")


class Journal:
    """The head of a run's journal."""

    __slots__ = ("head_hash", "sequence")

    def __init__(self) -> None:
        """Start before the first entry."""
        self.sequence = 0
        self.head_hash = GENESIS_HASH

    def append(self, outcome: Decisions) -> list[TransferPosted | TransferRefused]:
        """Return the entries of an outcome: posted, then refused, at most CHAINS_MAX chains in each."""
        refused = [c for c in outcome.refused if c.reason is not Refusal.EXISTS_WITH_DIFFERENT_FIELDS]
        entries: list[TransferPosted | TransferRefused] = []
        for posted_chains in _split(outcome.posted):
            sequence, previous, addressed = self._advance(posted_body(posted_chains))
            entries.append(
                TransferPosted.model_construct(
                    sequence=sequence, previous_hash=previous, hash=addressed, chains=posted_chains
                )
            )
        for refused_chains in _split(refused):
            sequence, previous, addressed = self._advance(refused_body(refused_chains))
            entries.append(
                TransferRefused.model_construct(
                    sequence=sequence, previous_hash=previous, hash=addressed, chains=refused_chains
                )
            )
        return entries

    def replay(self, entry: TransferPosted | TransferRefused) -> None:
        """Move the head past an entry of the past; raises CorruptJournal if it is not the next one."""
        if entry.sequence != self.sequence + 1 or entry.previous_hash != self.head_hash:
            message = f"journal entry {entry.sequence} does not follow entry {self.sequence}"
            raise CorruptJournal(message, sequence=entry.sequence)
        if entry.hash != entry_hash(entry):
            message = f"journal entry {entry.sequence} was changed after it was sealed"
            raise CorruptJournal(message, sequence=entry.sequence)
        self.sequence, self.head_hash = entry.sequence, entry.hash

    def _advance(self, body: bytes) -> tuple[int, str, str]:
        """Take the next place in the chain: its sequence, the hash before it, its own hash."""
        previous = self.head_hash
        self.sequence += 1
        self.head_hash = chained_hash(previous, self.sequence, body)
        return self.sequence, previous, self.head_hash


def chained_hash(previous_hash: str, sequence: int, body: bytes) -> str:
    """Return the hash of an entry: SHA-256 over `previous_hash`, `sequence` and body, a line each, hex."""
    return sha256(b"%b\n%d\n%b" % (previous_hash.encode(), sequence, body)).hexdigest()


def posted_body(chains: tuple[Chain, ...]) -> bytes:
    """Return the body that is hashed for applied chains: their kind and their canonical JSON."""
    return b"posted\n" + POSTED_JSON.dump_json(chains)


def refused_body(chains: tuple[RefusedChain, ...]) -> bytes:
    """Return the body that is hashed for refused chains: their kind and their canonical JSON."""
    return b"refused\n" + REFUSED_JSON.dump_json(chains)


def entry_hash(entry: TransferPosted | TransferRefused) -> str:
    """Return the hash an entry should have after the one it names as previous."""
    body = posted_body(entry.chains) if isinstance(entry, TransferPosted) else refused_body(entry.chains)
    return chained_hash(entry.previous_hash, entry.sequence, body)


def _split(items: Sequence[Item]) -> list[tuple[Item, ...]]:
    """Cut items into runs of at most CHAINS_MAX."""
    return [tuple(items[start : start + CHAINS_MAX]) for start in range(0, len(items), CHAINS_MAX)]
