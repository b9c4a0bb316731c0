"""The journal of one run: decisions of the ledger as entries in a hash chain. Pure.

Owns the order, size and hash of entries. `verify.py` verifies them, `services/ledger/writer.py` stores them. A
chain refused because its id stands for another chain is answered and not recorded: it decided no id.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final, TypeVar

from econsim.domain.ledger.decisions import Decisions, is_first_decision
from econsim.errors import CorruptJournal
from econsim.schemas.ledger import (
    CHAINS_PER_ENTRY_MAX,
    Chain,
    RefusedChain,
    TransferPosted,
    TransferRefused,
    posted_json,
    refused_json,
)

GENESIS_HASH: Final = "0" * 64
"""`previous_hash` of the first entry."""

Item = TypeVar("Item")


class Journal:
    """The head of a run's journal: sequence and hash of its newest entry."""

    __slots__ = ("head_hash", "sequence")

    def __init__(self) -> None:
        """Start before the first entry."""
        self.sequence = 0
        self.head_hash = GENESIS_HASH

    def append(self, decisions: Decisions) -> list[TransferPosted | TransferRefused]:
        """Return the entries of these decisions: posted chains, then refused, at most CHAINS_PER_ENTRY_MAX in each."""
        refused = [chain for chain in decisions.refused if is_first_decision(chain)]
        entries: list[TransferPosted | TransferRefused] = []
        for posted_chains in _split(decisions.posted):
            sequence, previous, hash_ = self._advance(posted_body(posted_chains))
            entries.append(
                TransferPosted.model_construct(
                    sequence=sequence, previous_hash=previous, hash=hash_, chains=posted_chains
                )
            )
        for refused_chains in _split(refused):
            sequence, previous, hash_ = self._advance(refused_body(refused_chains))
            entries.append(
                TransferRefused.model_construct(
                    sequence=sequence, previous_hash=previous, hash=hash_, chains=refused_chains
                )
            )
        return entries

    def replay(self, entry: TransferPosted | TransferRefused) -> None:
        """Move the head to a stored entry; raises CorruptJournal if it is not the next one."""
        if entry.sequence != self.sequence + 1 or entry.previous_hash != self.head_hash:
            message = f"journal entry {entry.sequence} does not follow entry {self.sequence}"
            raise CorruptJournal(message, sequence=entry.sequence)
        if entry.hash != entry_hash(entry):
            message = f"journal entry {entry.sequence} was changed: its hash is not that of its content"
            raise CorruptJournal(message, sequence=entry.sequence)
        self.sequence, self.head_hash = entry.sequence, entry.hash

    def _advance(self, body: bytes) -> tuple[int, str, str]:
        """Move the head to an entry with this body; return its sequence, the previous hash and its own hash."""
        previous = self.head_hash
        self.sequence += 1
        self.head_hash = chained_hash(previous, self.sequence, body)
        return self.sequence, previous, self.head_hash


def chained_hash(previous_hash: str, sequence: int, body: bytes) -> str:
    """Return the hash of an entry: SHA-256 over previous hash, sequence and body, one line each, in hex."""
    return sha256(b"%b\n%d\n%b" % (previous_hash.encode(), sequence, body)).hexdigest()


def posted_body(chains: tuple[Chain, ...]) -> bytes:
    """Return the hashed body of an entry of applied chains: its kind and the canonical JSON."""
    return b"posted\n" + posted_json().dump_json(chains)


def refused_body(chains: tuple[RefusedChain, ...]) -> bytes:
    """Return the hashed body of an entry of refused chains: its kind and the canonical JSON."""
    return b"refused\n" + refused_json().dump_json(chains)


def entry_hash(entry: TransferPosted | TransferRefused) -> str:
    """Return the hash that follows from an entry's content and its `previous_hash`."""
    body = posted_body(entry.chains) if isinstance(entry, TransferPosted) else refused_body(entry.chains)
    return chained_hash(entry.previous_hash, entry.sequence, body)


def _split(items: Sequence[Item]) -> list[tuple[Item, ...]]:
    """Return the items in groups of at most CHAINS_PER_ENTRY_MAX."""
    return [
        tuple(items[start : start + CHAINS_PER_ENTRY_MAX])
        for start in range(0, len(items), CHAINS_PER_ENTRY_MAX)
    ]
