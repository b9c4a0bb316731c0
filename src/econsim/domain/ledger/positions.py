"""The stored positions of one run's holders, and the writes that bring them up to date with the ledger. Pure.

The journal is the truth, and positions follow from it: a write of them may come late, or once for many entries.

    collection      holds                                     entry comes          entry goes        bound
    unwritten       holders whose stored positions may be old change, compare      writes            holders
    _written        key → fields of the newest write          writes, fold         never             two keys a holder
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from itertools import islice
from typing import Final, Protocol

from econsim.domain.ledger import bucket
from econsim.domain.ledger.accounts import Accounts
from econsim.ports import Write
from econsim.schemas.ledger import CREDITS, DEBT

NOTHING: Final = '"posted":0,"pending":0'
"""Amounts of an account that does not exist, as written in a balance."""

SEQUENCE: Final = ',"sequence":'
"""Text before the journal's sequence in a balance."""


class Head(Protocol):
    """The head of a journal."""

    sequence: int
    """Sequence of the newest entry."""


class StoredPositions:
    """Positions of a ledger's holders, as the store has them."""

    def __init__(self, run: str, ledger: Accounts, journal: Head) -> None:
        """Start before anything was written."""
        self.unwritten: dict[str, None] = {}
        """Holders whose stored positions may differ, in order of first change."""
        self._run = run
        self._ledger = ledger
        self._journal = journal
        self._written: dict[str, str] = {}

    def change(self, holders: Iterable[str]) -> None:
        """Note holders whose positions the ledger has changed."""
        self.unwritten |= dict.fromkeys(holders)

    def fold(self, key: str, value: bytes) -> None:
        """Fold one stored write of a balance or of holdings."""
        self._written[key] = _fields(value).partition(SEQUENCE)[0]

    def compare(self) -> None:
        """Find, after all was folded, the holders whose stored positions are behind the ledger."""
        self.unwritten = {
            holder: None for holder in self._ledger.holders() if any(self._changed_fields(holder))
        }

    def writes(self, writes_max: int, holders: Container[str] | None = None) -> list[Write]:
        """Return writes that bring positions of holders up to date, of all if none are given; those changed first, as many as surely fit."""
        writes = []
        wanted = (holder for holder in self.unwritten if holders is None or holder in holders)
        for holder in list(islice(wanted, writes_max // 2)):
            del self.unwritten[holder]
            for key, fields, sequence in self._changed_fields(holder):
                self._written[key] = fields
                writes.append(Write(key, f"{{{fields}{sequence}}}".encode()))
        return writes

    def behind(self) -> dict[str, str]:
        """Return key → fields in the store, of the holders whose positions there may be old."""
        keys = [key for holder in self.unwritten for key, _, _ in self._position_fields(holder)]
        return {key: self._written[key] for key in keys if key in self._written}

    def restore(self, behind: Mapping[str, str], unwritten: Iterable[str]) -> None:
        """Take over what the store had when these holders were behind; those of all others follow from the ledger."""
        old = frozenset(unwritten)
        written = (
            (key, fields)
            for holder in self._ledger.holders()
            if holder not in old
            for key, fields, _ in self._position_fields(holder)
        )
        self._written = {**behind, **dict(written)}

    def _changed_fields(self, holder: str) -> Iterator[tuple[str, str, str]]:
        """Yield key, fields and journal sequence of a holder's positions that differ from the written ones.

        The sequence alone is no change.
        """
        for key, fields, sequence in self._position_fields(holder):
            if self._written.get(key) != fields:
                yield key, fields, sequence

    def _position_fields(self, holder: str) -> Iterator[tuple[str, str, str]]:
        """Yield key, fields and journal sequence of all positions of a holder, as they are written."""
        # JSON written directly, because every commit does it for every holder; names need no escaping.
        amounts_of = {
            asset: f'"posted":{posted},"pending":{pending}'
            for asset, posted, pending in self._ledger.amounts(holder)
        }
        balance = amounts_of.pop(CREDITS, NOTHING)
        if amounts_of.pop(DEBT, None):
            balance += f',"debt":{self._ledger.position(holder, DEBT).posted}'
        yield bucket.balance_key(self._run, holder), balance, f"{SEQUENCE}{self._journal.sequence}"
        if amounts_of:
            holdings = ",".join(f'"{asset}":{{{amounts}}}' for asset, amounts in amounts_of.items())
            yield bucket.holdings_key(self._run, holder), holdings, ""


def _fields(value: bytes) -> str:
    """Return the fields of a balance or holdings as text; a damaged value has other fields and is written anew."""
    return value.decode(errors="replace")[1:-1]
