"""The ledger of one run: accounts in memory, chains of transfers in, decisions out. Pure.

Owns the rules of money: double entry, all-or-nothing chains, a reservation (pending transfer) resolved at most
once, no account below zero but the treasury's and those of taxes and subsidies, and one decision for each id, so that a repeat is idempotent. Knows
no store and no time: `journal.py` makes hash-chained entries of the decisions, `services/ledger/writer.py` makes
them durable.

Theory of operation. `apply` decides chains one after the other, in the order given. A chain with an id that is
remembered gets its earlier decision again (deduplication). For a new one `_post` applies transfer by transfer
(`_apply_transfer`); the first transfer that breaks a rule ends the chain, and `_revert` takes back the transfers
before it, newest first. A reservation moves through these states, each at most once:

    (unknown) ──pending──▶ pending ──post──▶ posted       the amount moves, the rest is released
                              └─────void──▶ voided       nothing moves, all is released

Nothing here survives a crash. The writer commits the entries of the decisions before it answers anybody, and a
restart folds the journal with `replay` (event sourcing): the same entries give an equal ledger. A crash between
`apply` and the commit loses decisions that nobody has seen.

    collection         holds                                  entry comes         entry goes³         bound
    _accounts          holder → asset → amounts               first transfer      never               holders by assets
    _decided           decisions about chains                 decision            oldest first        see there
    _transfer_ids      ids that no other chain may use        transfer applied    _remember¹          transfers of those chains²
    _pending           id → reservation not yet resolved      pending transfer    post or void        open orders of the run
    _resolved          id → reservation posted or voided      post or void        _remember¹          as _transfer_ids
    _opened_accounts   accounts opened by the current chain   first transfer      the next chain      transfers of one chain

    ¹ with the chain that used the id; the id of a reservation with the chain that resolved it
    ² and the open reservations, which are never forgotten
    ³ in a chain that is applied; `_revert` removes at once what a refused chain entered
"""

from __future__ import annotations

from collections.abc import Sequence

from econsim.domain.ledger.accounts import Account, Accounts
from econsim.domain.ledger.decided_chains import DecidedChains
from econsim.domain.ledger.decisions import (
    Decisions,
    changed_holders,
    is_first_decision,
    refused_chain,
)
from econsim.domain.ledger.ledger_content import LedgerContent
from econsim.errors import CorruptJournal
from econsim.schemas.ledger import (
    Chain,
    Kind,
    Refusal,
    RefusedChain,
    Transfer,
    TransferPosted,
    TransferRefused,
    may_owe,
)
from econsim.schemas.types import AMOUNT_MAX

_TRANSFER, _PENDING, _POST, _VOID = Kind.TRANSFER, Kind.PENDING, Kind.POST, Kind.VOID


class Ledger(Accounts):
    """Accounts of one run; an account exists once a posted transfer names it."""

    __slots__ = (
        "_decided",
        "_opened_accounts",
        "_pending",
        "_resolved",
        "_transfer_ids",
    )

    def __init__(self) -> None:
        """Start with no accounts."""
        super().__init__()
        self._decided = DecidedChains()
        self._transfer_ids: set[str] = set()
        self._pending: dict[str, Transfer] = {}
        self._resolved: dict[str, Transfer] = {}
        self._opened_accounts: list[tuple[str, str]] = []

    @property
    def pending_transfers(self) -> int:
        """Number of reservations that are neither posted nor voided."""
        return len(self._pending)

    def has_decided(self, id_: str) -> bool:
        """Return whether a chain of this id is remembered, applied or refused."""
        return id_ in self._decided

    def apply(self, chains: Sequence[Chain]) -> Decisions:
        """Decide chains in order, each on its own: applied whole, refused, or decided earlier."""
        posted: list[Chain] = []
        refused: list[RefusedChain] = []
        repeated: dict[str, Refusal | None] = {}
        for chain in chains:
            if chain.id in self._decided:
                self._repeat(chain, repeated, refused)
                continue
            reason = self._post(chain)
            if reason is None:
                posted.append(chain)
                self._decided.note(chain)
            else:
                refused.append(refused_chain(chain, reason))
                self._decided.note(refused[-1])
        # In the journal's order, so that a replay of the journal forgets the same chains.
        for id_ in (*(done.id for done in posted), *(each.id for each in refused if is_first_decision(each))):
            self._remember(id_)
        return Decisions(tuple(posted), tuple(refused), repeated, changed_holders(posted))

    def replay(self, entry: TransferPosted | TransferRefused) -> None:
        """Fold a journal entry; raises CorruptJournal if its chains cannot be applied."""
        if isinstance(entry, TransferRefused):
            for refusal in entry.chains:
                self._decided.note(refusal)
                self._remember(refusal.id)
            return
        outcome = self.apply(entry.chains)
        if len(outcome.posted) != len(entry.chains):
            message = f"journal entry {entry.sequence} posts what the ledger would not: {outcome.refusals()}"
            raise CorruptJournal(message, sequence=entry.sequence)

    def content(self) -> LedgerContent:
        """Return all that the ledger knows, a copy, but the numbers of `older_numbers`."""
        accounts = {
            holder: {asset: (posted, pending) for asset, posted, pending in self.amounts(holder)}
            for holder in self._accounts
        }
        pending, resolved = tuple(self._pending.values()), tuple(self._resolved.values())
        return LedgerContent(accounts, pending, resolved, self._decided.content())

    def older_numbers(self) -> tuple[int, ...]:
        """Return numbers that belong to the content: one for the fields of each older chain."""
        return self._decided.older_numbers()

    def restore(self, content: LedgerContent, older_numbers: Sequence[int]) -> None:
        """Become the ledger of a content; this one is new."""
        for holder, amounts in content.accounts.items():
            for asset, (posted, pending) in amounts.items():
                account = self._account(holder, asset)
                account.posted, account.pending = posted, pending
        self._pending = {transfer.id: transfer for transfer in content.pending}
        self._resolved = {transfer.id: transfer for transfer in content.resolved}
        self._decided.restore(content.decided, older_numbers)
        moved = (t.id for chain in content.decided.applied for t in chain.transfers if t.kind is not _PENDING)
        self._transfer_ids = {*moved, *self._pending, *self._resolved}

    def __eq__(self, other: object) -> bool:
        """Return whether both have the same accounts and take the same decision about every chain."""
        return self._state() == other._state() if isinstance(other, Ledger) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a ledger changes

    def _state(self) -> tuple[object, ...]:
        accounts = {holder: self.holdings(holder) for holder in self._accounts}
        return accounts, self._decided, self._transfer_ids, self._pending, self._resolved

    def _repeat(self, chain: Chain, repeated: dict[str, Refusal | None], refused: list[RefusedChain]) -> None:
        """Answer a chain with an id decided earlier: idempotent for the same fields, refused for others."""
        reason = self._decided.answer(chain)
        if reason is Refusal.EXISTS_WITH_DIFFERENT_FIELDS:
            refused.append(refused_chain(chain, reason))
        else:
            repeated[chain.id] = reason

    def _post(self, chain: Chain) -> Refusal | None:
        """Apply all transfers of a chain; or apply none, and return the reason."""
        if not chain.transfers:
            return Refusal.CHAIN_MUST_NOT_BE_EMPTY
        if self._opened_accounts:
            self._opened_accounts.clear()
        for count, transfer in enumerate(chain.transfers):
            reason = self._apply_transfer(transfer)
            if reason is not None:
                self._revert(chain.transfers[:count])
                return reason
        return None

    def _apply_transfer(self, transfer: Transfer) -> Refusal | None:
        """Apply one transfer; or change nothing, and return the reason."""
        if transfer.id in self._transfer_ids:
            return Refusal.TRANSFER_ID_ALREADY_USED
        if transfer.debit == transfer.credit:
            return Refusal.ACCOUNTS_MUST_BE_DIFFERENT
        kind = transfer.kind
        # A transfer or a post moves at least 1; a reservation or a void may have no amount.
        if transfer.amount < (kind is _TRANSFER or kind is _POST):
            return Refusal.AMOUNT_MUST_NOT_BE_ZERO
        if kind is _TRANSFER:
            reason = self._move(transfer)
        elif kind is _PENDING:
            reason = self._reserve(transfer)
        else:
            reason = self._resolve(transfer)
        if reason is None:
            self._transfer_ids.add(transfer.id)
        return reason

    def _move(self, transfer: Transfer) -> Refusal | None:
        """Move an available amount."""
        amount = transfer.amount
        debit = self._account(transfer.debit, transfer.asset)
        reason = _shortage(debit, transfer)
        if reason is not None:
            return reason
        credit = self._account(transfer.credit, transfer.asset)
        if credit.posted + amount > AMOUNT_MAX:
            return Refusal.AMOUNT_EXCEEDS_LIMIT
        debit.posted -= amount
        credit.posted += amount
        return None

    def _reserve(self, transfer: Transfer) -> Refusal | None:
        """Reserve an available amount on the debit account."""
        debit = self._account(transfer.debit, transfer.asset)
        reason = _shortage(debit, transfer)
        if reason is not None:
            return reason
        debit.pending += transfer.amount
        self._pending[transfer.id] = transfer
        return None

    def _resolve(self, transfer: Transfer) -> Refusal | None:
        """Post up to a reservation's amount, or none of it (void), and release the rest."""
        pending_id = transfer.pending_id or ""
        reserved = self._pending.get(pending_id)
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
        self._resolved[pending_id] = self._pending.pop(pending_id)
        return None

    def _revert(self, transfers: Sequence[Transfer]) -> None:
        """Take applied transfers back, newest first, and remove the accounts that their chain opened."""
        for transfer in reversed(transfers):
            self._transfer_ids.discard(transfer.id)
            self._revert_transfer(transfer)
        for holder, asset in self._opened_accounts:
            accounts = self._accounts[holder]
            del accounts[asset]
            if not accounts:
                del self._accounts[holder]

    def _revert_transfer(self, transfer: Transfer) -> None:
        """Take one applied transfer back."""
        debit = self._accounts[transfer.debit][transfer.asset]
        if transfer.kind is _PENDING:
            debit.pending -= transfer.amount
            del self._pending[transfer.id]
            return
        if transfer.amount:
            debit.posted += transfer.amount
            self._accounts[transfer.credit][transfer.asset].posted -= transfer.amount
        if transfer.pending_id is not None and transfer.kind is not _TRANSFER:
            reserved = self._resolved.pop(transfer.pending_id)
            debit.pending += reserved.amount
            self._pending[transfer.pending_id] = reserved

    def _account(self, holder: str, asset: str) -> Account:
        """Return an account; open it, and note that, if it is new."""
        found = self.find(holder, asset)
        if found is None:
            found = self.account(holder, asset)
            self._opened_accounts.append((holder, asset))
        return found

    def _remember(self, chain_id: str) -> None:
        """Remember a decision for repeats; drop the transfer ids of a chain whose fields are forgotten for it.

        A reservation's id goes with the chain that resolved it.
        """
        forgotten = self._decided.remember(chain_id)
        for transfer in forgotten.transfers if isinstance(forgotten, Chain) else ():
            if transfer.kind is not _PENDING:
                self._transfer_ids.discard(transfer.id)
            if transfer.pending_id is not None and (transfer.kind is _POST or transfer.kind is _VOID):
                self._resolved.pop(transfer.pending_id, None)
                self._transfer_ids.discard(transfer.pending_id)


def _shortage(debit: Account, transfer: Transfer) -> Refusal | None:
    """Return the reason why an account cannot give the amount; none if it can."""
    available = debit.posted - debit.pending
    if transfer.amount <= available:
        return None
    if may_owe(transfer.debit):
        return Refusal.AMOUNT_EXCEEDS_LIMIT if transfer.amount > available + AMOUNT_MAX else None
    return Refusal.DEBIT_ACCOUNT_WOULD_GO_NEGATIVE


def _same_accounts(transfer: Transfer, reserved: Transfer) -> bool:
    """Return whether a resolution names the accounts of its reservation."""
    return (
        transfer.debit == reserved.debit
        and transfer.credit == reserved.credit
        and transfer.asset == reserved.asset
    )
