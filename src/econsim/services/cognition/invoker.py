"""Calls of one run, each paid before a provider is asked, recorded when it ends, and settled.

Theory of operation. `routers/cognition.py` calls `invoke` for each call. A call goes through six steps; the steps that
write are batched with those of other calls in `call_journal.py`. A repeat of a position joins the call under way, or
gets the recorded outcome. A crash, or a lost answer, at each step:

    step        written to                   after a crash right here
    route       nothing                      the agent repeats the call
    quotas      counters, in blocks          a block stays counted and nobody spends it, at most one an agent and kind
    reserve     ledger: `<receipt>`          a repeat finds the reservation made; without one it is voided once no host will ask again
    ask         nothing                      the provider may be asked again, the agent pays once
    record      bucket `llm_texts`, if long  a text that no event names stays until it expires
                log: `system.llm.invoked`    the outcome is in the log: a repeat gets it, the next leader settles it
    settle      ledger: `<receipt>.settled`  the next leader submits it again; the ledger deduplicates

    collection   holds                         entry comes   entry goes            bound
    _under_way   receipt -> task of the call   invoke        when the call ends    calls at once
    _settling    tasks of settlements          _call         when settled          calls at once

In lock-step a call is answered when it is settled. In real time it is answered when its outcome is in the log, and settled
meanwhile; the reservations of later calls wait for the settlements that came before them.
"""

from __future__ import annotations

import asyncio
import logging

from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.cognition.call import receipt
from econsim.domain.cognition.calls import Calls
from econsim.domain.cognition.payment import settlement
from econsim.domain.cognition.plan import CallPlan, plan_call, reservation_refusal
from econsim.errors import Conflict, EconsimError, Unavailable
from econsim.ports import OnText
from econsim.schemas.cognition import CallOutcome, InvokeLlm
from econsim.schemas.model_call import Call, CallPosition
from econsim.services.cognition.answers import Answers
from econsim.services.cognition.call_journal import CallJournal
from econsim.services.cognition.call_quotas import CallQuotas

_log = logging.getLogger(__name__)


class Invoker:
    """The calls of one run, in the worker that leads them."""

    def __init__(
        self,
        run: ActiveRun,
        calls: Calls,
        journal: CallJournal,
        answers: Answers,
        quotas: CallQuotas,
    ) -> None:
        """Get the answers from this source."""
        self._cognition = run.cognition
        self._calls = calls
        self._journal = journal
        self._quotas = quotas
        self._answers = answers
        self._under_way: dict[str, tuple[str, asyncio.Task[CallOutcome]]] = {}
        self._settling: set[asyncio.Task[None]] = set()
        self._is_lock_step = run.is_lock_step

    async def invoke(self, call: Call, on_text: OnText | None = None) -> CallOutcome:
        """Return how a call ended, once its outcome is in the log, and in lock-step settled.

        Raises Refused before a provider is asked: for an unknown model, a prompt that is too long, a schema that is
        none, too few credits; Conflict for another call at the same position; CorruptLog for a repeat whose text is lost.
        """
        plan = plan_call(self._cognition, call, self._answers.count_input)
        if known := self._calls.outcome(call.position, plan.digest):
            await self.settle_outcome(known)
            return await self._journal.read_text(known)
        digest, task = self._under_way.get(plan.chain.id, (plan.digest, None))
        if digest != plan.digest:
            message = (
                f"another prompt is being answered at {plan.chain.id}; give the next call the next ordinal"
            )
            raise Conflict(message)
        if task is None:
            task = asyncio.create_task(self._call(plan, on_text))
            self._under_way[plan.chain.id] = digest, task
            task.add_done_callback(lambda _: self._under_way.pop(plan.chain.id, None))
        # A caller that is cancelled must not cancel a call that is paid for.
        return await asyncio.shield(task)

    def agent_call(self, agent: str, request: InvokeLlm) -> Call:
        """Return the call that an agent's request stands for; raises Refused if the agent made too many in its cycle."""
        return self._calls.agent_call(agent, request)

    def is_under_way(self, position: CallPosition) -> bool:
        """Return whether this worker is busy with a call."""
        return receipt(position) in self._under_way

    async def settle_outcome(self, outcome: CallOutcome, *, is_awaited: bool = True) -> None:
        """Settle the reservation of a call that has ended, if it is not settled."""
        if reserved := self._calls.open_reservation(outcome.id):
            chain = settlement(outcome, self._cognition.resource)
            await self._journal.settle(chain, reserved.tick, is_awaited=is_awaited)

    async def _call(self, plan: CallPlan, on_text: OnText | None) -> CallOutcome:
        call = plan.call
        await self._quotas.take(plan)
        try:
            refusal = await self._journal.reserve(call, plan.chain)
        except Unavailable:
            # Too late for its period, or unknown: then nobody knows the call, and it is not asked.
            await self._quotas.give_back(plan, 0)
            raise
        if refusal is not None:
            await self._quotas.give_back(plan, 0)
            raise reservation_refusal(plan, refusal, self._cognition.resource)
        ended = await self._answers.ask(plan, on_text)
        outcome = await self._journal.record(ended, call.tick, call.causation_id)
        await self._quotas.give_back(plan, outcome.price)
        if self._is_lock_step:
            # What an agent can spend in a tick must not depend on timing.
            await self.settle_outcome(outcome)
        else:
            settling = asyncio.create_task(self._settle_soon(outcome))
            self._settling.add(settling)
            settling.add_done_callback(self._settling.discard)
        return await self._journal.read_text(outcome)

    async def _settle_soon(self, outcome: CallOutcome) -> None:
        """Settle a call whose answer does not wait for it; what fails is settled by the leader's sweep."""
        try:
            await self.settle_outcome(outcome, is_awaited=False)
        except EconsimError as error:
            _log.warning("the call %s is settled later: %s", outcome.id, error)
