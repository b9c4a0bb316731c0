"""The leader of a run's calls of models: it folds the log, settles what a leader before left, and answers calls.

`services/leadership.py` starts it on the worker that holds the lease of the run's calls, and cancels it when the lease
is lost. A second leader that still runs is stopped by the log: outcomes are published with the sequence that the
newest of them must have (fencing).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Final

from econsim import subjects
from econsim.adapters.jetstream.audit_log import StoredEvent, follow, read
from econsim.adapters.poll import Poll
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.audit.decoding import decode_if_valid
from econsim.domain.cognition.call import RECEIPT
from econsim.domain.cognition.calls import Calls
from econsim.domain.cognition.outcome import abandoned_outcome
from econsim.domain.cognition.recording import Recording
from econsim.ports import ModelProvider
from econsim.schemas.cognition import LlmInvoked
from econsim.services.cognition.answers import Answers, ProviderAnswers, RecordedAnswers
from econsim.services.cognition.call_journal import CallJournal
from econsim.services.cognition.call_quotas import CallQuotas
from econsim.services.cognition.invoker import Invoker
from econsim.services.context import ServiceContext
from econsim.services.leadership import LeadershipLost
from econsim.services.subscriptions import Subscriber, running

SWEEP_INTERVAL_S: Final = 1.0
"""Pause between two looks for reservations that nobody will settle."""

_MARK: Final = f'"{RECEIPT}.'.encode()
"""Bytes that every journal entry with a payment of a call contains: other entries are not decoded."""

RequestSubscribers = Callable[[ServiceContext, ActiveRun, Invoker], Sequence[Subscriber]]
"""Maker of the subscribers that answer calls of a run."""


async def serve(
    context: ServiceContext,
    run: ActiveRun,
    providers: Mapping[str, ModelProvider],
    request_subscribers: RequestSubscribers,
) -> None:
    """Answer the calls of a run until cancelled; raises LeadershipLost if another worker does."""
    leader = CallLeader(context, run, await answers_of(context, run, providers))
    start = await leader.catch_up()
    await leader.settle_outcomes()
    subscribers = request_subscribers(context, run, leader.invoker)
    async with running(context, subscribers), asyncio.TaskGroup() as group:
        group.create_task(leader.watch(start))
        group.create_task(leader.sweep())
        await leader.journal.lost.wait()
        raise LeadershipLost


async def answers_of(
    context: ServiceContext, run: ActiveRun, providers: Mapping[str, ModelProvider]
) -> Answers:
    """Return the source of a run's answers: the providers, or the recorded run that its scenario names.

    The recording of a run that the log no longer has is empty: no call of the replay is then answered.
    """
    name, recording = run.data.scenario.recorded, Recording()
    if not name:
        return ProviderAnswers(run.cognition, providers)
    async for stored in read(context.client, name, [subjects.LLM_INVOKED(run=name)]):
        addressed = decode_if_valid(stored.subject, stored.payload)
        if addressed and isinstance(addressed.event.data, LlmInvoked):
            recording.evolve(addressed.event.data)
    return RecordedAnswers(run.cognition, recording, context.texts)


class CallLeader:
    """The leader of one run's calls."""

    def __init__(self, context: ServiceContext, run: ActiveRun, answers: Answers) -> None:
        """Prepare; `catch_up` before anything else."""
        self._context = context
        self._run = run
        self._calls = Calls()
        self._journal_subject = subjects.TRANSFER_POSTED(run=run.name)
        self._outcomes_subject = subjects.LLM_INVOKED(run=run.name)
        self.journal = CallJournal(context, run, self._calls)
        """Durable steps of the calls."""
        quotas = CallQuotas(run, context.meter)
        self.invoker = Invoker(run, self._calls, self.journal, answers, quotas)
        """Calls of the run."""

    async def catch_up(self) -> int:
        """Fold the log as it is; return the sequence to go on from."""
        sequence = 0
        async for stored in read(self._context.client, self._run.name, self._patterns()):
            self._fold(stored)
            sequence = stored.sequence
        return sequence + 1

    async def watch(self, start: int) -> None:
        """Fold the log as it grows: the ledger's entries are copied into it a moment late."""
        async with aclosing(follow(self._context.client, self._run.name, self._patterns(), start)) as events:
            async for stored in events:
                self._fold(stored)

    async def settle_outcomes(self) -> None:
        """Settle the calls that are in the log and whose reservation is still pending."""
        for outcome in tuple(self._calls.outcomes_to_settle()):
            await self.invoker.settle_outcome(outcome)

    async def sweep(self) -> None:
        """End the calls that a worker before left and that nobody asks for again.

        A reservation of such a call may reach the log after its outcome did, so what is to be settled is looked for again.
        """
        async for _ in Poll(SWEEP_INTERVAL_S):
            await self.settle_outcomes()
            for reserved in self._calls.expired_reservations(self._context.clock.now()):
                if not self.invoker.is_under_way(reserved.position):
                    outcome = abandoned_outcome(reserved.position)
                    (counting,) = await self.journal.record((outcome,), reserved.tick)
                    await self.invoker.settle_outcome(counting)

    def _patterns(self) -> list[str]:
        clock = (row(run=self._run.name) for row in (subjects.TICKED, subjects.PERIOD_OPENED))
        return [self._journal_subject, self._outcomes_subject, *clock]

    def _fold(self, stored: StoredEvent) -> None:
        if stored.subject == self._journal_subject and (
            _MARK not in stored.payload or not self.journal.folds_payments(stored.payload)
        ):
            return
        if stored.subject == self._outcomes_subject and not self.journal.folds(stored.sequence):
            return
        if addressed := decode_if_valid(stored.subject, stored.payload):
            self._calls.evolve(addressed)
