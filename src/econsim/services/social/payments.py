"""The payments of tasks: one worker moves them at the ledger, several in one submission.

Theory of operation. The steps of a price, each idempotent (the chains are in `domain/social/payment.py`)::

    step        written to                  after a crash right here
    delegated   log: `task_delegated`       the next leader reserves the price
    reserve     ledger: `<task>`            the next leader submits it again; the ledger deduplicates
    offered     log: `task_offered`         the next leader moves the price to the service
    hold        ledger: `<task>.held`       nothing is open
    ended       log: `task_advanced`        the next leader settles it
    reserve     ledger: `<task>.ended`      the next leader submits it again; the ledger deduplicates
    settled     log: `task_settled`         the next leader moves the price to its payee
    pay         ledger: `<task>.settled`    nothing is open

At the end of a period the ledger takes no new reservation. What is reserved already goes its way to the end, because the clock
waits for that; everything else waits for the next period's first tick.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import nats.errors

from econsim.adapters.clock import random_id
from econsim.adapters.nats.rpc import submit
from econsim.adapters.poll import Poll
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.social.events import ACTOR
from econsim.domain.social.payment import payment, payout, reservation
from econsim.domain.social.state import SocialState
from econsim.domain.social.tasks import reserved_change
from econsim.errors import EconsimError, Unavailable
from econsim.schemas.ledger import PERIOD_IS_CLOSING, Chain, Refusal, Submit
from econsim.schemas.social_events import SocialChange, TaskSettled
from econsim.services.context import ServiceContext
from econsim.services.social.journal import SocialJournal

BATCH_MAX: Final = 500
"""Chains in one submission: more would only make the first wait for the last."""

SETTLE_WAIT_S: Final = 3.0
"""Longest that a reply waits for payments, seconds: less than a requester waits."""

RETRY_S: Final = 0.5
"""Pause before payments are tried again that the ledger did not answer."""

_log = logging.getLogger(__name__)


class TaskPayments:
    """The payments of one run's tasks."""

    def __init__(
        self, context: ServiceContext, run: ActiveRun, state: SocialState, journal: SocialJournal
    ) -> None:
        """Pay for the tasks of a state."""
        self._context = context
        self._run = run
        self._tasks = state.tasks
        self._journal = journal
        self._due = asyncio.Event()

    def begin(self) -> None:
        """Pay what is due now: a task was delegated or has ended."""
        self._due.set()

    async def append(self, changes: Iterable[SocialChange]) -> None:
        """Append changes that money follows from, and pay: nothing is paid before the next wait, and by then they are folded."""
        self.begin()
        await self._journal.append(changes)

    async def wait_for(self, condition: Callable[[], bool]) -> bool:
        """Wait until payments have made a condition true, SETTLE_WAIT_S at most; return whether it is."""
        return await self._journal.wait_for(condition, SETTLE_WAIT_S)

    async def pay(self) -> None:
        """Reserve, hold and settle whenever something is due, until cancelled."""
        async for _ in Poll(RETRY_S, wake=self._due):
            try:
                while self._is_due() and not self._journal.lost.is_set():
                    await self._pay_once()
            except (EconsimError, nats.errors.Error) as error:
                if getattr(error, "error_code", "") != PERIOD_IS_CLOSING:
                    _log.warning("payments of tasks of %s wait for the ledger: %s", self._run.name, error)

    def _is_due(self) -> bool:
        return bool(self._tasks.posts() or self._tasks.tasks_to_reserve() or self._tasks.tasks_to_settle())

    async def _pay_once(self) -> None:
        """Do a round; raises Unavailable if the ledger takes no new payment now."""
        await self._journal.settle()
        await self._post()
        new, ended = self._tasks.tasks_to_reserve()[:BATCH_MAX], self._tasks.tasks_to_settle()[:BATCH_MAX]
        chains = {task.task_id: reservation(task) for task in new if task.price}
        chains |= {task.task_id: payout(task) for task in ended if task.price}
        refused, late = await self._reserve([*chains.values()])
        kept = [task for task in new if task.task_id not in late]
        changes: list[SocialChange] = [reserved_change(task, refused.get(task.task_id)) for task in kept]
        changes += [
            TaskSettled(task_id=task.task_id, paid=payment(task))
            for task in ended
            if task.task_id not in late
        ]
        await self._journal.append(changes)
        await self._post()
        if late:
            message = "the period is being settled; payments go on in the next one"
            raise Unavailable(message, code=PERIOD_IS_CLOSING)

    async def _post(self) -> None:
        while chains := self._tasks.posts()[:BATCH_MAX]:
            await self._submit(chains)
            self._tasks.note_posted(chains)
            await self._journal.notify()

    async def _reserve(self, chains: Sequence[Chain]) -> tuple[dict[str, Refusal], set[str]]:
        """Submit chains that begin payments; return those refused, and the tasks of those that come too late.

        One that a leader before submitted is a repeat, and not too late: it must not wait for the others.
        """
        refused, late = dict[str, Refusal](), set[str]()
        try:
            return await self._submit(chains), late
        except Unavailable as error:
            if error.error_code != PERIOD_IS_CLOSING:
                raise
        for chain in chains:
            try:
                refused |= await self._submit([chain])
            except Unavailable as error:
                if error.error_code != PERIOD_IS_CLOSING:
                    raise
                late.add(chain.cause)
        return refused, late

    async def _submit(self, chains: Sequence[Chain]) -> dict[str, Refusal]:
        if not chains:
            return {}
        command = Submit(
            command_id=random_id(), tick=self._journal.tick, chains=tuple(chains), defer_positions=True
        )
        return dict((await submit(self._context.client, self._run.name, ACTOR, command)).refused)
