"""Verification of a journal: every balance recomputed from the entries, every fault a finding. Pure.

Shares no code with `ledger.py`, so that neither hides the other's mistakes: plain double entry over dictionaries.
Callers are `econsim ledger verify` and the conformance tests.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from econsim.domain.finding import Finding
from econsim.domain.ledger.journal import GENESIS_HASH, entry_hash
from econsim.schemas.base import Event
from econsim.schemas.ledger import (
    Chain,
    Kind,
    Position,
    Transfer,
    TransferPosted,
    TransferRefused,
    may_owe,
)

JournalEntry = Event[TransferPosted] | Event[TransferRefused]
"""Event of a journal entry."""

ClaimedBalances = Mapping[str, Mapping[str, Position]]
"""Holder → asset → position, as the store or a caller claims."""

NOTHING: Final = Position(0, 0)
"""Position of an account that no transfer named."""


@dataclass(frozen=True, slots=True)
class JournalReport:
    """The result of a journal's verification."""

    entries: int
    """Number of entries read."""
    transfers: int
    """Number of transfers applied."""
    head_hash: str
    """Hash of the last entry."""
    balances: dict[str, dict[str, Position]]
    """Recomputed positions: holder → asset → position."""
    findings: tuple[Finding, ...] = ()
    """Faults, in journal order."""

    @property
    def first(self) -> Finding | None:
        """The first fault, if any."""
        return self.findings[0] if self.findings else None


def verify_journal(
    events: Iterable[JournalEntry], balances: ClaimedBalances | None = None, behind: Collection[str] = ()
) -> JournalReport:
    """Verify all entries of a run in journal order and, if given, the stored balances against them.

    Balances of holders `behind` are not compared: the store has entries about them and not yet the positions.
    """
    accounts = _RecomputedAccounts()
    findings = [finding for event in events for finding in accounts.check(event)]
    if balances is not None:
        findings.extend(accounts.conservation_findings(balances))
        findings.extend(accounts.balance_findings(balances, behind))
    return JournalReport(
        accounts.entries, len(accounts.transfers), accounts.head_hash, accounts.positions(), tuple(findings)
    )


@dataclass(slots=True)
class _RecomputedAccounts:
    """Accounts recomputed from entries by plain double entry."""

    entries: int = 0
    sequence: int = 0
    head_hash: str = GENESIS_HASH
    posted: dict[tuple[str, str], int] = field(default_factory=dict)
    pending: dict[tuple[str, str], int] = field(default_factory=dict)
    events: set[str] = field(default_factory=set)
    chains: set[str] = field(default_factory=set)
    transfers: dict[str, Transfer] = field(default_factory=dict)
    resolved: set[str] = field(default_factory=set)

    def check(self, event: JournalEntry) -> Iterator[Finding]:
        """Check one entry and apply it."""
        entry = event.data
        self.entries += 1
        wrong = list(self._check_chaining(event))
        if not entry.chains:
            wrong.append(("entry_is_empty", event.event_id))
        for chain in entry.chains:
            if chain.id in self.chains:
                wrong.append(("chain_is_recorded_twice", chain.id))
            self.chains.add(chain.id)
            if isinstance(chain, Chain):
                wrong.extend(self._apply(chain))
        for what, evidence in wrong:
            yield Finding(entry.sequence, event.event_id, what, evidence)

    def conservation_findings(self, claimed: ClaimedBalances) -> Iterator[Finding]:
        """Yield a finding for every asset that does not sum to zero over all holders, treasury included."""
        totals: dict[str, int] = {}
        for positions in claimed.values():
            for asset, position in positions.items():
                totals[asset] = totals.get(asset, 0) + position.posted
        for asset, total in sorted(totals.items()):
            if total:
                yield Finding(self.sequence, asset, "asset_is_not_conserved", f"sum over holders is {total}")

    def balance_findings(self, claimed: ClaimedBalances, behind: Collection[str]) -> Iterator[Finding]:
        """Yield a finding for every position that is missing in the claim or differs from the recomputed one."""
        recomputed = self.positions()
        for holder in sorted({*claimed, *recomputed}.difference(behind)):
            stored, computed = claimed.get(holder, {}), recomputed.get(holder, {})
            for asset in sorted({*stored, *computed}):
                if asset not in stored:
                    yield Finding(self.sequence, holder, "balance_is_missing", asset)
                    continue
                found, right = stored[asset], computed.get(asset, NOTHING)
                if found != right:
                    amounts = f"stored {found.posted}/{found.pending}, journal {right.posted}/{right.pending}"
                    yield Finding(
                        self.sequence, holder, "balance_differs_from_journal", f"{asset}: {amounts}"
                    )

    def positions(self) -> dict[str, dict[str, Position]]:
        """Return the recomputed positions."""
        result: dict[str, dict[str, Position]] = {}
        for holder, asset in dict.fromkeys([*self.posted, *self.pending]):
            account = (holder, asset)
            position = Position(self.posted.get(account, 0), self.pending.get(account, 0))
            result.setdefault(holder, {})[asset] = position
        return result

    def _check_chaining(self, event: JournalEntry) -> Iterator[tuple[str, str]]:
        """Check an entry's sequence and hashes; continue from its own values, so that each break is reported once."""
        entry = event.data
        if event.event_id in self.events:
            yield "event_is_recorded_twice", event.event_id
        if entry.sequence != self.sequence + 1:
            yield "sequence_has_a_gap", f"{entry.sequence} after {self.sequence}"
        if entry.previous_hash != self.head_hash:
            yield "previous_hash_differs", f"{entry.previous_hash} instead of {self.head_hash}"
        if entry.hash != (expected := entry_hash(entry)):
            yield "hash_differs_from_content", f"{entry.hash} instead of {expected}"
        self.events.add(event.event_id)
        self.sequence, self.head_hash = entry.sequence, entry.hash

    def _apply(self, chain: Chain) -> Iterator[tuple[str, str]]:
        """Apply a posted chain and yield the faults of its transfers."""
        if not chain.transfers:
            yield "chain_is_empty", chain.id
        for transfer in chain.transfers:
            if transfer.id in self.transfers:
                yield "transfer_is_recorded_twice", transfer.id
            self.transfers[transfer.id] = transfer
            if transfer.debit == transfer.credit:
                yield "accounts_are_not_different", transfer.id
            if transfer.amount < (transfer.kind in (Kind.TRANSFER, Kind.POST)):
                yield "amount_is_not_positive", f"{transfer.id}: {transfer.amount}"
            if transfer.amount and transfer.kind is Kind.VOID:
                yield "void_moves_an_amount", f"{transfer.id}: {transfer.amount}"
            if transfer.kind in {Kind.POST, Kind.VOID}:
                yield from self._release(transfer)
            yield from self._move(transfer)

    def _release(self, transfer: Transfer) -> Iterator[tuple[str, str]]:
        """Release the reservation that a transfer resolves."""
        reserved = self.transfers.get(transfer.pending_id or "")
        if reserved is None or reserved.kind is not Kind.PENDING:
            yield "reservation_is_missing", f"{transfer.id}: {transfer.pending_id}"
            return
        if reserved.id in self.resolved:
            yield "reservation_is_resolved_twice", reserved.id
        self.resolved.add(reserved.id)
        accounts = (transfer.debit, transfer.credit, transfer.asset)
        if accounts != (reserved.debit, reserved.credit, reserved.asset):
            yield "reservation_has_different_fields", transfer.id
        if transfer.amount > reserved.amount:
            yield "amount_exceeds_reservation", f"{transfer.id}: {transfer.amount} of {reserved.amount}"
        account = (reserved.debit, reserved.asset)
        self.pending[account] = self.pending.get(account, 0) - reserved.amount

    def _move(self, transfer: Transfer) -> Iterator[tuple[str, str]]:
        """Move or reserve a transfer's amount and check the account it came from."""
        debit, credit = (transfer.debit, transfer.asset), (transfer.credit, transfer.asset)
        if transfer.kind is Kind.PENDING:
            self.pending[debit] = self.pending.get(debit, 0) + transfer.amount
        elif transfer.amount:  # a transfer of no amount opens no account
            self.posted[debit] = self.posted.get(debit, 0) - transfer.amount
            self.posted[credit] = self.posted.get(credit, 0) + transfer.amount
        left = self.posted.get(debit, 0) - self.pending.get(debit, 0)
        if left < 0 and not may_owe(transfer.debit):
            yield "limited_account_is_negative", f"{transfer.debit} has {left} {transfer.asset}"
