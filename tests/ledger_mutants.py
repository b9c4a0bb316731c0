"""Wrong ledgers, each broken in the one way its invariant forbids."""

from __future__ import annotations

from dataclasses import replace

import ledger_conformance as kit
from ledger_builders import Recorder
from ledger_conformance import Books

from econsim.domain.ledger.ledger import Ledger
from econsim.domain.ledger.verify import JournalReport
from econsim.schemas.ledger import CREDITS, TREASURY, Chain, Kind, TransferPosted
from econsim.services.ledger.state import LedgerState
from econsim.services.ledger.writer import LedgerWriter


class _PartialPostIsCreditedInFullForAWhile(Ledger):
    """Takes the surplus back with the next chain, so that the sums are right in the end."""

    def _post(self, chain):
        while surplus := getattr(self, "_surplus", None):
            transfer, amount = surplus.pop()
            self._account(transfer.credit, transfer.asset).posted -= amount
        return super()._post(chain)

    def _resolve(self, transfer):
        reserved = self._pending.get(transfer.pending_id)
        reason = super()._resolve(transfer)
        if reason is None and transfer.kind is Kind.POST:
            surplus = reserved.amount - transfer.amount
            self._account(transfer.credit, transfer.asset).posted += surplus
            self._surplus = [*getattr(self, "_surplus", ()), (transfer, surplus)]
        return reason


class PostingsDoNotBalance(Books):
    ledger_class = _PartialPostIsCreditedInFullForAWhile


class _MarksWhatIsPaidBack(Recorder):
    """Notes on an old entry that its money went back, instead of leaving it alone."""

    def record(self, outcome):
        self.events = [self._marked(event, outcome) for event in self.events]
        super().record(outcome)

    def _marked(self, event, outcome):
        given = {(t.debit, t.amount) for chain in outcome.posted for t in chain.transfers}
        chains = [
            replace(chain, cause="reversed")
            if any((t.credit, t.amount) in given for t in getattr(chain, "transfers", ()))
            else chain
            for chain in event.data.chains
        ]
        return event.model_copy(update={"data": event.data.model_copy(update={"chains": tuple(chains)})})


class JournalIsRewritten(Books):
    recorder_class = _MarksWhatIsPaidBack


class HashesAreNotChecked(Books):
    def verify(self, events=None, stated=None):
        report = super().verify(events, stated)
        kept = tuple(finding for finding in report.findings if "hash" not in finding.what)
        return JournalReport(report.entries, report.transfers, report.head_hash, report.balances, kept)


class _ForgetsWhatItApplied(Ledger):
    def apply(self, chains):
        for chain in chains:
            if isinstance(self._decided._known.get(chain.id), Chain):
                del self._decided._known[chain.id]
                self._transfer_ids.difference_update(transfer.id for transfer in chain.transfers)
        return super().apply(chains)


class DuplicatesAreApplied(Books):
    ledger_class = _ForgetsWhatItApplied


class _IdsAreKnownAfterTheCommit(LedgerState):
    """Looks ids up as the store has them, so two in one commit do not see each other."""

    def apply(self, part, now):
        self._pending_ids = getattr(self, "_pending_ids", {})
        result = super().apply(part, now)
        for chain in part.chains:
            self._pending_ids[chain.id] = self.ledger._decided._known.pop(chain.id)
            self.ledger._transfer_ids.difference_update(t.id for t in chain.transfers)
        return result

    def confirm(self, newest, writes):
        super().confirm(newest, writes)
        self.ledger._decided._known.update(self._pending_ids)


class _ReadsBeforeTheOthersWrote(LedgerState):
    """Works out each submission's balances from what the store held when the commit began."""

    def apply(self, part, now):
        snapshot = getattr(self, "_snapshot", {})
        for holder, position in snapshot.items():
            self.ledger._account(holder, CREDITS).posted = position
        result = super().apply(part, now)
        if not snapshot:
            self._snapshot = {h: self.ledger.position(h, CREDITS).posted for h in self.ledger.holders()}
        return result


def _writer_with(state_class):
    class Writer(LedgerWriter):
        def __init__(self, run, salt, store, clock, snapshots):
            super().__init__(run, salt, store, clock, snapshots)
            self._state = state_class(run, salt)

    return Writer


class ConcurrentDuplicatesAreApplied(Books):
    writer_class = _writer_with(_IdsAreKnownAfterTheCommit)


class UpdatesAreLost(Books):
    writer_class = _writer_with(_ReadsBeforeTheOthersWrote)


class _TreasuryIsNotDebited(Ledger):
    def _move(self, transfer):
        reason = super()._move(transfer)
        if reason is None and transfer.debit == TREASURY:
            self._account(TREASURY, transfer.asset).posted = 0
        return reason


class MoneyIsMinted(Books):
    ledger_class = _TreasuryIsNotDebited


class _RefusedChainLeavesItsFirstSteps(Ledger):
    def _revert(self, transfers):
        """Forget to."""


class BalancesLeaveTheJournal(Books):
    ledger_class = _RefusedChainLeavesItsFirstSteps


class _ReservationsAreNotLookedAt(Ledger):
    def _move(self, transfer):
        account = self._account(transfer.debit, transfer.asset)
        pending, account.pending = account.pending, 0
        reason = super()._move(transfer)
        account.pending = pending
        return reason


class ReservedMoneyIsSpent(Books):
    ledger_class = _ReservationsAreNotLookedAt


class _CountsInFloatingCredits(Ledger):
    def _move(self, transfer):
        reason = super()._move(transfer)
        if transfer.asset == CREDITS:
            account = self._account(transfer.credit, CREDITS)
            account.posted = int(account.posted / 1e6 * 1e6)
        return reason


class AmountsDrift(Books):
    ledger_class = _CountsInFloatingCredits


class _PaysShortfallsInCredits(Ledger):
    def _move(self, transfer):
        reason = super()._move(transfer)
        if reason is None or transfer.asset == CREDITS:
            return reason
        return super()._move(replace(transfer, asset=CREDITS))


class AssetsMix(Books):
    ledger_class = _PaysShortfallsInCredits


class _VoidTakesAPostBack(Ledger):
    def _resolve(self, transfer):
        posted = self._resolved.get(transfer.pending_id)
        if posted is None or transfer.kind is not Kind.VOID:
            return super()._resolve(transfer)
        self._account(posted.debit, posted.asset).posted += posted.amount
        self._account(posted.credit, posted.asset).posted -= posted.amount
        return None


class PostsAreTakenBack(Books):
    ledger_class = _VoidTakesAPostBack


class _RestoresNoReservation(Ledger):
    def replay(self, entry):
        super().replay(entry)
        if isinstance(entry, TransferPosted):
            for transfer in self._pending.values():
                self._account(transfer.debit, transfer.asset).pending = 0


class RebuildDiffers(Books):
    ledger_class = _RestoresNoReservation


class _SortsChains(Ledger):
    def apply(self, chains):
        return super().apply(sorted(chains, key=lambda chain: chain.id))


class OrderIsLost(Books):
    ledger_class = _SortsChains


class _KnownMeansApplied(Ledger):
    def _repeat(self, chain, repeated, refused):
        super()._repeat(chain, repeated, refused)
        refused.clear()
        repeated[chain.id] = None


class RefusedIsReportedApplied(Books):
    ledger_class = _KnownMeansApplied


class _VoidsPayOut(Ledger):
    def _resolve(self, transfer):
        return super()._resolve(replace(transfer, kind=Kind.POST) if transfer.amount else transfer)


class VoidsMoveMoney(Books):
    ledger_class = _VoidsPayOut


MUTANTS = {
    kit.postings_balance: PostingsDoNotBalance,
    kit.journal_is_append_only: JournalIsRewritten,
    kit.tampering_is_evident: HashesAreNotChecked,
    kit.duplicate_is_a_no_op: DuplicatesAreApplied,
    kit.concurrent_duplicates_collapse: ConcurrentDuplicatesAreApplied,
    kit.hot_account_loses_no_update: UpdatesAreLost,
    kit.money_is_conserved: MoneyIsMinted,
    kit.balance_is_the_sum_of_the_journal: BalancesLeaveTheJournal,
    kit.overdraft_guard_holds_under_drain: ReservedMoneyIsSpent,
    kit.amounts_do_not_drift: AmountsDrift,
    kit.assets_never_mix: AssetsMix,
    kit.reversal_is_by_compensation_only: PostsAreTakenBack,
    kit.state_rebuilds_from_the_log: RebuildDiffers,
    kit.accounts_keep_their_order: OrderIsLost,
    kit.duplicate_of_a_refused_is_not_applied: RefusedIsReportedApplied,
    kit.a_void_moves_nothing: VoidsMoveMoney,
}
"""Invariant → the ledger that breaks it."""

CONSEQUENCES = {
    # The journal is double entry by its form, so money that is not conserved cannot agree with it.
    kit.money_is_conserved: {kit.balance_is_the_sum_of_the_journal},
}
"""Invariants that a mutant cannot help breaking together with its own."""
