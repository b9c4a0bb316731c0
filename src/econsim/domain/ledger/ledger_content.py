"""The content of a ledger between two entries of its journal, as its snapshot holds it. Pure.

`ledger.Ledger` gives its content and takes one in; a ledger of a content and the entries after it is that of all entries.
"""

from __future__ import annotations

from dataclasses import dataclass

from econsim.domain.ledger.decided_chains import DecidedContent
from econsim.schemas.ledger import Transfer


@dataclass(frozen=True, slots=True)
class LedgerContent:
    """All that a ledger knows, but the numbers of older chains' fields."""

    accounts: dict[str, dict[str, tuple[int, int]]]
    """Holder → asset → amounts posted and pending, in order of first appearance."""
    pending: tuple[Transfer, ...]
    """Open reservations."""
    resolved: tuple[Transfer, ...]
    """Reservations that were posted or voided by chains with remembered fields."""
    decided: DecidedContent
    """Remembered decisions."""
