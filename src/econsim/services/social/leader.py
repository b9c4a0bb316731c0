"""The leader of a run's questions, messages and tasks: it folds the log, finishes what a leader before left, and answers.

`services/leadership.py` starts it on the worker that holds the lease of the run, and cancels it when the lease is lost.
A second leader that still runs is stopped by the log: see `journal.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Final, cast

from econsim import subjects
from econsim.adapters.jetstream.audit_log import StoredEvent, follow, read
from econsim.adapters.poll import Poll
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.audit.decoding import decode_if_valid
from econsim.domain.social.events import is_social
from econsim.domain.social.state import SocialState
from econsim.schemas.clock import PeriodOpened, Ticked
from econsim.schemas.social_events import SocialChange
from econsim.services.context import ServiceContext
from econsim.services.leadership import LeadershipLost
from econsim.services.social import task_queue
from econsim.services.social.hosted import HostedOperations
from econsim.services.social.journal import SocialJournal
from econsim.services.social.operations import SocialOperations
from econsim.services.social.payments import TaskPayments
from econsim.services.subscriptions import Subscriber, running

SWEEP_INTERVAL_S: Final = 0.2
"""Pause between two looks for deadlines that have passed."""

RequestSubscribers = Callable[
    [ServiceContext, ActiveRun, SocialOperations, HostedOperations], Sequence[Subscriber]
]
"""Maker of the subscribers that answer requests about a run."""


async def serve(context: ServiceContext, run: ActiveRun, request_subscribers: RequestSubscribers) -> None:
    """Serve the questions, messages and tasks of a run until cancelled; raises LeadershipLost if another worker does."""
    leader = SocialLeader(context, run)
    start = await leader.catch_up()
    subscribers = request_subscribers(context, run, leader.operations, leader.hosted)
    async with running(context, subscribers), asyncio.TaskGroup() as group:
        group.create_task(leader.watch(start))
        group.create_task(leader.payments.pay())
        group.create_task(leader.sweep())
        group.create_task(task_queue.serve(context, run, leader.operations))
        await leader.journal.lost.wait()
        raise LeadershipLost


class SocialLeader:
    """The leader of one run."""

    def __init__(self, context: ServiceContext, run: ActiveRun) -> None:
        """Prepare; `catch_up` before anything else."""
        self._context = context
        self._run = run
        self._of_social = subjects.OF_SOCIAL.format(run=run.name)
        self.state = SocialState()
        """State of the run, folded from its log."""
        self.journal = SocialJournal(context, run, self.state)
        """Durable changes of the run."""
        self.payments = TaskPayments(context, run, self.state, self.journal)
        """Payments of the run's tasks."""
        self.operations = SocialOperations(context, run, self.state, self.journal, self.payments)
        """Operations of agents, operators and the clock."""
        self.hosted = HostedOperations(context, run, self.state, self.journal, self.payments)
        """Operations of hosts for their agents."""

    async def catch_up(self) -> int:
        """Fold the log as it is; return the sequence to go on from."""
        sequence, clock = 0, [row(run=self._run.name) for row in (subjects.TICKED, subjects.PERIOD_OPENED)]
        async for stored in read(self._context.client, self._run.name, [self._of_social, *clock]):
            self._fold(stored)
            sequence = stored.sequence
        return sequence + 1

    async def watch(self, start: int) -> None:
        """Follow the clock to the newest tick."""
        ticked = [subjects.TICKED(run=self._run.name)]
        async with aclosing(follow(self._context.client, self._run.name, ticked, start)) as events:
            async for stored in events:
                self._fold(stored)

    async def sweep(self) -> None:
        """End what is due, until cancelled."""
        async for _ in Poll(SWEEP_INTERVAL_S):
            await self.operations.end_due()

    def _fold(self, stored: StoredEvent) -> None:
        addressed = decode_if_valid(stored.subject, stored.payload)
        if addressed is None:
            return
        match addressed.event.data:
            case Ticked():
                self.journal.reach(addressed.event.tick)
            case PeriodOpened():
                self.state.tasks.forget_posts()
            case data if is_social(data):
                change = cast("SocialChange", data)
                self.state.evolve(change)
                self.journal.newest = stored.sequence
