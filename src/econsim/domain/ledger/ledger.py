"""The ledger of one run: accounts in memory, chains of transfers in, posted or refused out.

Owns the rules of money (economy.md §4): double entry, all-or-nothing chains, reservations resolved
at most once, no account below zero but the treasury, and every id decided once. Knows no store and
no time: `journal.py` seals what is decided here, `services/ledger/writer.py` makes it durable.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from econsim.errors import CorruptJournal
from econsim.schemas.ledger import (
    CHAIN_JSON,
    TREASURY,
    Chain,
    Kind,
    Position,
    Refusal,
    RefusedChain,
    Transfer,
    TransferPosted,
    TransferRefused,
)
from econsim.schemas.types import AMOUNT_MAX

CHAINS_REMEMBERED_MAX: Final = 100_000
"""Newest chains whose ids and fields are remembered: repeats come from redelivery, seconds to minutes
later, and a chain of one to five transfers takes 0.7 to 2 kB. A repeat older than that is still stopped,
by the store's journal key of its submission."""

NOBODY: Final = "nobody"
"""Holder recorded for a refused chain that names none because it is empty."""

_TRANSFER, _PENDING, _POST, _VOID = Kind.TRANSFER, Kind.PENDING, Kind.POST, Kind.VOID


class Account:
    """What one holder has of one asset; mutable, private to the ledger."""

    __slots__ = ("pending", "posted")

    def __init__(self) -> None:
        """Start at nothing."""
        self.posted = 0
        self.pending = 0


@dataclass(frozen=True, slots=True)
class Decisions:
    """What became of chains handed to `Ledger.apply`."""

    posted: tuple[Chain, ...] = ()
    """Applied now, in order."""
    refused: tuple[RefusedChain, ...] = ()
    """Refused now, in order."""
    repeated: dict[str, Refusal | None] = field(default_factory=dict)
    """Ids decided before for the same fields → the reason they were refused for, none if applied."""
    holders: tuple[str, ...] = ()
    """Holders whose positions changed, in order of first change."""

    def refusals(self) -> dict[str, Refusal]:
        """Return chain id → reason for every chain that does not hold, for `Submitted.refused`."""
        before = {chain: reason for chain, reason in self.repeated.items() if reason is not None}
        return before | {chain.id: chain.reason for chain in self.refused}


class Ledger:
    """Accounts of one run; an account exists once a posted transfer names it."""

    __slots__ = ("_accounts", "_decided", "_new", "_open", "_order", "_resolved", "_used")

    def __init__(self) -> None:
        """Start with no accounts."""
        self._accounts: dict[str, dict[str, Account]] = {}
        self._decided: dict[str, Chain | RefusedChain] = {}
        self._order: deque[str] = deque()
        self._used: set[str] = set()
        self._open: dict[str, Transfer] = {}
        self._resolved: dict[str, Transfer] = {}
        self._new: list[tuple[str, str]] = []

    def apply(self, chains: Sequence[Chain]) -> Decisions:
        """Decide chains in order, each on its own: applied whole, refused, or decided before."""
        posted: list[Chain] = []
        refused: list[RefusedChain] = []
        repeated: dict[str, Refusal | None] = {}
        for chain in chains:
            known = self._decided.get(chain.id)
            if known is not None:
                self._repeat(chain, known, repeated, refused)
                continue
            reason = self._post(chain)
            if reason is None:
                posted.append(chain)
                self._decided[chain.id] = chain
            else:
                refusal = self._decided[chain.id] = refuse(chain, reason)
                refused.append(refusal)
        # In the journal's order, so that who replays it forgets the same ones.
        for id_ in (*(done.id for done in posted), *(each.id for each in refused if _is_first(each))):
            self._queue(id_)
        return Decisions(tuple(posted), tuple(refused), repeated, changed_holders(posted))

    def replay(self, entry: TransferPosted | TransferRefused) -> None:
        """Fold a journal entry of the past; raises CorruptJournal if its chains cannot be applied."""
        if isinstance(entry, TransferRefused):
            for refusal in entry.chains:
                self._decided[refusal.id] = refusal
                self._queue(refusal.id)
            return
        outcome = self.apply(entry.chains)
        if len(outcome.posted) != len(entry.chains):
            message = f"journal entry {entry.sequence} posts what the ledger would not: {outcome.refusals()}"
            raise CorruptJournal(message, sequence=entry.sequence)

    def __eq__(self, other: object) -> bool:
        """Return whether both have the same accounts and would decide and answer everything in the same way."""
        return self._state() == other._state() if isinstance(other, Ledger) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a ledger changes

    def _state(self) -> tuple[object, ...]:
        accounts = {holder: self.holdings(holder) for holder in self._accounts}
        return accounts, self._decided, self._order, self._used, self._open, self._resolved

    def position(self, holder: str, asset: str) -> Position:
        """Return what a holder has of an asset; zeros for an account that does not exist."""
        account = self._accounts.get(holder, {}).get(asset)
        return Position(account.posted, account.pending) if account else Position(0, 0)

    def holdings(self, holder: str) -> dict[str, Position]:
        """Return all positions of a holder, credits among them, asset → position."""
        return {asset: Position(posted, pending) for asset, posted, pending in self.amounts(holder)}

    def amounts(self, holder: str) -> Iterator[tuple[str, int, int]]:
        """Yield asset, amount posted and amount pending of all accounts of a holder."""
        for asset, account in self._accounts.get(holder, {}).items():
            yield asset, account.posted, account.pending

    def holders(self) -> tuple[str, ...]:
        """Return everybody who has an account, in order of first appearance."""
        return tuple(self._accounts)

    def _repeat(
        self,
        chain: Chain,
        known: Chain | RefusedChain,
        repeated: dict[str, Refusal | None],
        refused: list[RefusedChain],
    ) -> None:
        """Answer a chain whose id was decided before."""
        if isinstance(known, Chain) and known == chain:
            repeated[chain.id] = None
        elif isinstance(known, RefusedChain) and known.digest == digest(chain):
            repeated[chain.id] = known.reason
        else:
            refused.append(refuse(chain, Refusal.EXISTS_WITH_DIFFERENT_FIELDS))

    def _post(self, chain: Chain) -> Refusal | None:
        """Apply all transfers of a chain, or none and return why."""
        if not chain.transfers:
            return Refusal.CHAIN_MUST_NOT_BE_EMPTY
        if self._new:
            self._new.clear()
        for count, transfer in enumerate(chain.transfers):
            reason = self._step(transfer)
            if reason is not None:
                self._undo(chain.transfers[:count])
                return reason
        return None

    def _step(self, transfer: Transfer) -> Refusal | None:
        """Apply one transfer, or change nothing and return why."""
        if transfer.id in self._used:
            return Refusal.TRANSFER_ID_ALREADY_USED
        if transfer.debit == transfer.credit:
            return Refusal.ACCOUNTS_MUST_BE_DIFFERENT
        kind = transfer.kind
        if transfer.amount < (kind is _TRANSFER or kind is _POST):
            return Refusal.AMOUNT_MUST_NOT_BE_ZERO
        if kind is _TRANSFER:
            reason = self._move(transfer)
        elif kind is _PENDING:
            reason = self._reserve(transfer)
        else:
            reason = self._resolve(transfer)
        if reason is None:
            self._used.add(transfer.id)
        return reason

    def _move(self, transfer: Transfer) -> Refusal | None:
        """Move an available amount."""
        amount = transfer.amount
        debit = self._account(transfer.debit, transfer.asset)
        reason = _lacks(debit, transfer)
        if reason is not None:
            return reason
        credit = self._account(transfer.credit, transfer.asset)
        if credit.posted + amount > AMOUNT_MAX:
            return Refusal.AMOUNT_EXCEEDS_LIMIT
        debit.posted -= amount
        credit.posted += amount
        return None

    def _reserve(self, transfer: Transfer) -> Refusal | None:
        """Set an available amount aside on the debit account."""
        debit = self._account(transfer.debit, transfer.asset)
        reason = _lacks(debit, transfer)
        if reason is not None:
            return reason
        debit.pending += transfer.amount
        self._open[transfer.id] = transfer
        return None

    def _resolve(self, transfer: Transfer) -> Refusal | None:
        """Post up to a reservation's amount, or none of it (void), and release the rest."""
        pending_id = transfer.pending_id or ""
        reserved = self._open.get(pending_id)
        if reserved is None:
            resolved = pending_id in self._resolved
            return (
                Refusal.PENDING_TRANSFER_ALREADY_RESOLVED if resolved else Refusal.PENDING_TRANSFER_NOT_FOUND
            )
        amount = transfer.amount
        if not _same_accounts(transfer, reserved) or (transfer.kind is _VOID and amount):
            return Refusal.PENDING_TRANSFER_HAS_DIFFERENT_FIELDS
        if amount > reserved.amount:
            return Refusal.AMOUNT_EXCEEDS_PENDING_AMOUNT
        if amount:
            credit = self._account(transfer.credit, transfer.asset)
            if credit.posted + amount > AMOUNT_MAX:
                return Refusal.AMOUNT_EXCEEDS_LIMIT
            credit.posted += amount
        debit = self._accounts[transfer.debit][transfer.asset]
        debit.posted -= amount
        debit.pending -= reserved.amount
        self._resolved[pending_id] = self._open.pop(pending_id)
        return None

    def _undo(self, transfers: Sequence[Transfer]) -> None:
        """Take applied transfers back, newest first, and the accounts their chain opened."""
        for transfer in reversed(transfers):
            self._used.discard(transfer.id)
            self._unstep(transfer)
        for holder, asset in self._new:
            accounts = self._accounts[holder]
            del accounts[asset]
            if not accounts:
                del self._accounts[holder]

    def _unstep(self, transfer: Transfer) -> None:
        """Do the opposite of `_step`."""
        debit = self._accounts[transfer.debit][transfer.asset]
        if transfer.kind is _PENDING:
            debit.pending -= transfer.amount
            del self._open[transfer.id]
            return
        if transfer.amount:
            debit.posted += transfer.amount
            self._accounts[transfer.credit][transfer.asset].posted -= transfer.amount
        if transfer.pending_id is not None and transfer.kind is not _TRANSFER:
            reserved = self._resolved.pop(transfer.pending_id)
            debit.pending += reserved.amount
            self._open[transfer.pending_id] = reserved

    def _account(self, holder: str, asset: str) -> Account:
        """Return an account, opened if new."""
        accounts = self._accounts.get(holder)
        if accounts is None:
            accounts = self._accounts[holder] = {}
        account = accounts.get(asset)
        if account is None:
            account = accounts[asset] = Account()
            self._new.append((holder, asset))
        return account

    def _queue(self, chain_id: str) -> None:
        """Keep a decision for repeats, and forget the oldest beyond the limit."""
        self._order.append(chain_id)
        if len(self._order) > CHAINS_REMEMBERED_MAX:
            self._forget(self._order.popleft())

    def _forget(self, chain_id: str) -> None:
        """Drop a decision and its transfer ids; a reservation's id lives as long as its resolution's."""
        decision = self._decided.pop(chain_id)
        if isinstance(decision, RefusedChain):
            return
        for transfer in decision.transfers:
            if transfer.kind is not _PENDING:
                self._used.discard(transfer.id)
            if transfer.pending_id is not None and (transfer.kind is _POST or transfer.kind is _VOID):
                self._resolved.pop(transfer.pending_id, None)
                self._used.discard(transfer.pending_id)


def _is_first(refusal: RefusedChain) -> bool:
    """Tell whether a refusal is what its id was decided to be; not if the id stands for another chain."""
    return refusal.reason is not Refusal.EXISTS_WITH_DIFFERENT_FIELDS


def _lacks(debit: Account, transfer: Transfer) -> Refusal | None:
    """Say why an amount cannot be taken from an account, if so."""
    available = debit.posted - debit.pending
    if transfer.debit == TREASURY:
        return Refusal.AMOUNT_EXCEEDS_LIMIT if transfer.amount > available + AMOUNT_MAX else None
    return Refusal.DEBIT_ACCOUNT_WOULD_GO_NEGATIVE if transfer.amount > available else None


def _same_accounts(transfer: Transfer, reserved: Transfer) -> bool:
    """Tell whether a resolution names the reservation's accounts."""
    return (
        transfer.debit == reserved.debit
        and transfer.credit == reserved.credit
        and transfer.asset == reserved.asset
    )


def changed_holders(posted: Sequence[Chain]) -> tuple[str, ...]:
    """Return the holders whose positions applied chains changed, in order of first change."""
    holders: dict[str, None] = {}
    for chain in posted:
        for transfer in chain.transfers:
            holders[transfer.debit] = None
            if transfer.amount and transfer.kind is not _PENDING:
                holders[transfer.credit] = None
    return tuple(holders)


def digest(chain: Chain) -> str:
    """Return the fingerprint of a chain's fields, 32 hex digits."""
    return blake2b(CHAIN_JSON.dump_json(chain), digest_size=16).hexdigest()


def refuse(chain: Chain, reason: Refusal) -> RefusedChain:
    """Record why a chain was refused."""
    holder = chain.transfers[0].debit if chain.transfers else NOBODY
    return RefusedChain(chain.id, chain.cause, holder, reason, digest(chain))
