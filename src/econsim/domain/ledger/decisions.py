"""The decisions of the ledger about chains of transfers: posted, refused or repeated. Pure.

Owns the form of a decision and the fingerprint by which a repeated chain is recognised (deduplication).
`ledger.py` takes the decisions, `journal.py` makes entries of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from econsim.schemas.ledger import Chain, Kind, Refusal, RefusedChain, chain_json

NOBODY: Final = "nobody"
"""Holder recorded for a refused chain that names none because it is empty."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """The decisions that `Ledger.apply` took about the chains it was given."""

    posted: tuple[Chain, ...] = ()
    """Chains applied now, in order."""
    refused: tuple[RefusedChain, ...] = ()
    """Chains refused now, in order."""
    repeated: dict[str, Refusal | None] = field(default_factory=dict)
    """Ids of chains decided earlier with the same fields → reason of the earlier refusal, none if applied."""
    holders: tuple[str, ...] = ()
    """Holders with a changed position, in order of first change."""

    def refusals(self) -> dict[str, Refusal]:
        """Return chain id → reason for every chain that is not applied, for `Submitted.refused`."""
        earlier = {chain: reason for chain, reason in self.repeated.items() if reason is not None}
        return earlier | {chain.id: chain.reason for chain in self.refused}


def changed_holders(posted: Sequence[Chain]) -> tuple[str, ...]:
    """Return the holders whose positions the applied chains changed, in order of first change."""
    holders: dict[str, None] = {}
    for chain in posted:
        for transfer in chain.transfers:
            holders[transfer.debit] = None
            if transfer.amount and transfer.kind is not Kind.PENDING:
                holders[transfer.credit] = None
    return tuple(holders)


def chain_digest(chain: Chain) -> str:
    """Return the fingerprint of a chain's fields, 32 hex digits."""
    return blake2b(chain_json().dump_json(chain), digest_size=16).hexdigest()


def refused_chain(chain: Chain, reason: Refusal) -> RefusedChain:
    """Return the record of a chain that was refused for this reason."""
    holder = chain.transfers[0].debit if chain.transfers else NOBODY
    return RefusedChain(chain.id, chain.cause, holder, reason, chain_digest(chain))


def is_first_decision(refusal: RefusedChain) -> bool:
    """Return whether a refusal decided its id; it did not if the id stands for another chain."""
    return refusal.reason is not Refusal.EXISTS_WITH_DIFFERENT_FIELDS
