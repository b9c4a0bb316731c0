"""The ledger service: one writer per run, found by lease, answering submissions and balances.

The writer is `services/ledger/writer.py`, the rules are `domain/ledger/ledger.py`; here is only what listens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final, Protocol

from faststream.nats import NatsBroker

from econsim import subjects
from econsim.adapters.jetstream.audit_log import last
from econsim.adapters.jetstream.state_store import JetStreamStateStore
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.agent.valuation import values_of
from econsim.domain.audit.decoding import decode_if_valid
from econsim.errors import CorruptJournal, InvalidMessage
from econsim.schemas.ledger import Balance, GetBalance, Submit, Submitted, TransferPosted, TransferRefused
from econsim.schemas.scenario import Mode
from econsim.schemas.values import GetValues, Values
from econsim.services.context import ServiceContext
from econsim.services.definition import ServiceDefinition
from econsim.services.handlers import TRUSTED_BYTES_MAX, caller, strict_decoder
from econsim.services.leadership import LeaderTask
from econsim.services.ledger.writer import LedgerWriter
from econsim.services.subscriptions import Subscriber, running

SUBMISSIONS_MAX: Final = 128
"""Submissions under way at once: more than the markets of a run, which wait for each other."""


class Books(Protocol):
    """What the handlers need of a run's ledger."""

    async def submit(self, command: Submit) -> Submitted:
        """Apply chains durably."""

    def balance(self, holder: str) -> Balance:
        """Return a holder's positions."""


def run_tasks(context: ServiceContext, run: ActiveRun) -> Sequence[LeaderTask]:
    """Return the one ledger of a run."""
    return (LeaderTask(f"ledger.{run.name}", partial(serve, context, run)),)


async def serve(context: ServiceContext, run: ActiveRun) -> None:
    """Rebuild the run's ledger from the store and answer until cancelled."""
    writer = LedgerWriter(run.name, run.data.salt, JetStreamStateStore(context.client), context.clock)
    await writer.load()
    await agree(context, run, writer.sequence)
    async with running(context, listen(context.broker, run, writer)):
        await asyncio.Event().wait()


async def agree(context: ServiceContext, run: ActiveRun, newest: int) -> None:
    """Raise CorruptJournal if the log has a later entry than the store: what the store lost must not be decided anew."""
    for row in (subjects.TRANSFER_POSTED, subjects.TRANSFER_REFUSED):
        stored = await last(context.client, row(run=run.name))
        copied = decode_if_valid(stored.subject, stored.payload) if stored else None
        match copied.event.data if copied else None:
            case TransferPosted(sequence=sequence) | TransferRefused(sequence=sequence) if sequence > newest:
                message = (
                    f"the journal of run {run.name!r} ends at entry {newest}, and the log has entry {sequence}; "
                    f"`econsim ledger verify {run.name}` names what is missing"
                )
                raise CorruptJournal(message, sequence=newest + 1)


def listen(broker: NatsBroker, run: ActiveRun, books: Books) -> Sequence[Subscriber]:
    """Return the subscribers that answer for one run's ledger, not yet started."""
    scenario = run.data.scenario
    markets = len(scenario.markets) if scenario.clock.mode is Mode.LOCK_STEP else 0
    submissions = broker.subscriber(
        subjects.SUBMIT.pattern(run=run.name),
        decoder=strict_decoder(Submit, TRUSTED_BYTES_MAX),
        max_workers=SUBMISSIONS_MAX,
        persistent=False,
    )
    balances = broker.subscriber(
        subjects.GET_BALANCE.pattern(run=run.name), decoder=strict_decoder(GetBalance), persistent=False
    )

    values = broker.subscriber(
        subjects.GET_VALUES.pattern(run=run.name), decoder=strict_decoder(GetValues), persistent=False
    )

    @submissions
    async def submit(command: Submit) -> Submitted:
        """Apply chains of transfers; answered when durable."""
        if command.barrier not in (0, markets):
            message = f"no {command.barrier} books of run {run.name!r} wait for each other; barrier is 0 or {markets}"
            raise InvalidMessage(message)
        return await books.submit(command)

    @balances
    async def get_balance(_: GetBalance) -> Balance:
        """Return the asking agent's positions."""
        return books.balance(run.agent(caller().agent).id)

    @values
    async def get_values(_: GetValues) -> Values:
        """Return what units are worth to the asking agent."""
        return values_of(run.agent(caller().agent))

    return submissions, balances, values


SERVICE = ServiceDefinition(run_tasks=run_tasks)
"""The ledger service."""
