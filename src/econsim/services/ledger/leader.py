"""The leader of a run's ledger: it rebuilds the ledger from the store and serves it for as long as it holds the lease.

`services/leadership.py` starts it on the worker that holds the lease of the run's ledger, and cancels it when the lease
is lost. A second leader that still runs is stopped by the store: its writes expect revisions that have passed (fencing).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nats.aio.client import Client

from econsim import subjects
from econsim.adapters.jetstream.audit_log import last_event
from econsim.adapters.jetstream.state_store import JetStreamStateStore
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.audit.decoding import decode_if_valid
from econsim.errors import CorruptJournal, InvalidMessage
from econsim.schemas.ledger import Submit, Submitted, TransferPosted, TransferRefused
from econsim.services.context import ServiceContext
from econsim.services.ledger.late_payments import require_clock, require_in_time
from econsim.services.ledger.writer import LedgerWriter
from econsim.services.subscriptions import Subscriber, running

RequestSubscribers = Callable[[ServiceContext, ActiveRun, LedgerWriter], Sequence[Subscriber]]
"""Maker of the subscribers that answer requests about a run's ledger."""


async def serve(context: ServiceContext, run: ActiveRun, request_subscribers: RequestSubscribers) -> None:
    """Rebuild the run's ledger from the store and answer requests until cancelled.

    Raises CorruptJournal if the journal does not add up, or if the store has lost the end of it.
    """
    store = JetStreamStateStore(context.client)
    writer = LedgerWriter(run.name, run.data.salt, store, context.clock, context.snapshots)
    async with writer.snapshots.in_use():
        await writer.load()
        logged = await newest_logged_entry(context.client, run.name)
        check_journal_reaches(run.name, writer.sequence, logged)
        async with running(context, request_subscribers(context, run, writer)):
            await writer.store_positions()


async def newest_logged_entry(client: Client, run: str) -> int:
    """Return the sequence of the newest journal entry in the audit log, 0 if it has none."""
    newest = 0
    for row in (subjects.TRANSFER_POSTED, subjects.TRANSFER_REFUSED):
        stored = await last_event(client, row(run=run))
        copy = decode_if_valid(stored.subject, stored.payload) if stored else None
        match copy.event.data if copy else None:
            case TransferPosted(sequence=sequence) | TransferRefused(sequence=sequence):
                newest = max(newest, sequence)
    return newest


def check_journal_reaches(run: str, stored: int, logged: int) -> None:
    """Raise CorruptJournal if the log has a later entry than the store: lost decisions must not be taken anew."""
    if logged > stored:
        message = (
            f"the journal of run {run!r} ends at entry {stored}, and the log has entry {logged}; "
            f"`econsim ledger verify {run}` names what is missing"
        )
        raise CorruptJournal(message, sequence=stored + 1)


async def submit(run: ActiveRun, writer: LedgerWriter, sender: str, command: Submit) -> Submitted:
    """Apply a submission to the run's ledger.

    Raises InvalidMessage for a barrier of another number of books, NotAllowed for a closing of payments by another than the
    clock, Unavailable for a payment that comes too late for its period.
    """
    markets = len(run.data.scenario.markets) if run.is_lock_step else 0
    if command.barrier not in (0, markets):
        message = (
            f"no {command.barrier} books of run {run.name!r} wait for each other; barrier is 0 or {markets}"
        )
        raise InvalidMessage(message)
    require_clock(sender, command)
    require_in_time(writer, sender, command)
    return await writer.submit(command)
