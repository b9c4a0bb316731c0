"""Recovery of a run's ledger from the store: its newest snapshot, then every write after it.

A snapshot stands at a journal entry, and counts only if the entry there has the hash that the ledger had then: the hash chain of the
journal proves that everything before is what the snapshot was made of.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from econsim import __version__
from econsim.domain.audit.snapshot import SnapshotForm, StateSnapshot
from econsim.ports import KeyTable, StateStore
from econsim.services.ledger.state import LedgerSnapshot, LedgerState
from econsim.services.ledger.stored import hash_at
from econsim.services.snapshots import Snapshots

SNAPSHOT: Final = SnapshotForm(LedgerSnapshot, __version__)
"""Form of the snapshots of ledgers."""


def ledger_snapshots(table: KeyTable, run: str) -> Snapshots[LedgerSnapshot]:
    """Return the snapshots of a run's ledger."""
    return Snapshots(table, run, SNAPSHOT)


async def recovered_state(
    run: str, salt: str, store: StateStore, snapshots: Snapshots[LedgerSnapshot]
) -> LedgerState:
    """Return the state of a run's ledger as the store has it; raises CorruptJournal, or Unavailable if the store does not answer."""
    state = LedgerState(run, salt)
    snapshot = await snapshots.newest(partial(hash_at, store))
    if snapshot:
        state.restore(snapshot.state, snapshot.numbers, snapshot.sequence)
    async for entry in store.history(run, state.newest + 1):
        state.fold(entry)
        snapshots.count(1)
    state.positions.compare()
    return state


def offer_snapshot(snapshots: Snapshots[LedgerSnapshot], state: LedgerState) -> None:
    """Offer a state that is as the store has it: all of it was folded, or committed."""

    def take() -> StateSnapshot[LedgerSnapshot]:
        content, numbers = state.snapshot()
        return StateSnapshot(state.entry_revision, state.journal.head_hash, content, numbers)

    snapshots.offer(take)
