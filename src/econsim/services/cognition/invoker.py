"""Calls of one run, each paid before a provider is asked, recorded when it ends, and settled.

Theory of operation. `routers/cognition.py` calls `invoke` for an agent's call, and `invoke_together` for those of a host. A call
goes through six steps; what is written is written for calls that come together at once, and `call_journal.py` batches it with
that of others. A repeat of a position joins the call under way, or gets the recorded outcome. A crash, or a lost answer, at each step:

    step        written to                   after a crash right here
    route       nothing                      the agent repeats the call
    quotas      counters, in blocks          a block stays counted and nobody spends it, at most one an agent and kind
    reserve     ledger: `<receipt>`          a repeat finds the reservation made; without one it is voided once no host will ask again
    ask         nothing                      the provider may be asked again, the agent pays once
    record      bucket `llm_texts`, if long  a text that no event names stays until it expires
                log: `system.llm.invoked`    the outcome is in the log: a repeat gets it, the next leader settles it
    settle      ledger: `<receipt>.settled`  the next leader submits it again; the ledger deduplicates

    collection   holds                                      entry comes       entry goes                bound
    _under_way   receipt -> task of the calls it is among   invoke_together   when those calls end      calls at once
    _settling    tasks of settlements                       _end              when settled              calls at once

In lock-step a call is answered when it is settled. In real time it is answered when its outcome is in the log, and settled
meanwhile; the reservations of later calls wait for the settlements that came before them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.cognition.call import receipt
from econsim.domain.cognition.calls import Calls
from econsim.domain.cognition.outcome import Ended
from econsim.domain.cognition.payment import settlement
from econsim.domain.cognition.plan import CallPlan, plan_call, reservation_refusal
from econsim.errors import Conflict, CorruptLog, EconsimError, QuotaExceeded, Unavailable
from econsim.ports import OnText
from econsim.schemas.cognition import CallOutcome, InvokeLlm
from econsim.schemas.ledger import Chain
from econsim.schemas.model_call import Call, CallPosition
from econsim.services.cognition.answers import Answers
from econsim.services.cognition.call_journal import CallJournal
from econsim.services.cognition.call_quotas import CallQuotas

_log = logging.getLogger(__name__)

_Task = asyncio.Task[Mapping[str, Ended]]
"""Task of calls that are made together: receipt → end."""


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
        self._under_way: dict[str, tuple[str, _Task]] = {}
        self._settling: set[asyncio.Task[None]] = set()
        self._is_lock_step = run.is_lock_step

    async def invoke(self, call: Call, on_text: OnText | None = None) -> CallOutcome:
        """Return how a call ended, once its outcome is in the log, and in lock-step settled.

        Raises Refused before a provider is asked: for an unknown model, a prompt that is too long, a schema that is
        none, too few credits; Conflict for another call at the same position; CorruptLog for a repeat whose text is lost.
        """
        (ended,) = await self.invoke_together((call,), on_text)
        if isinstance(ended, EconsimError):
            raise ended
        return ended

    async def invoke_together(self, calls: Sequence[Call], on_text: OnText | None = None) -> list[Ended]:
        """Return how calls of one tick and cause ended, each as by `invoke`; they are paid for together."""
        found = [self._look(call) for call in calls]
        new: dict[str, CallPlan] = {}
        for each in found:
            if isinstance(each, CallPlan) and each.chain.id not in self._under_way:
                new.setdefault(each.chain.id, each)
        if new:
            task = asyncio.create_task(self._make([*new.values()], on_text))
            self._under_way |= {id_: (plan.digest, task) for id_, plan in new.items()}
            task.add_done_callback(lambda _: self._forget(new))
        joined = [self._task_of(each) if isinstance(each, CallPlan) else each for each in found]
        await self._settle([each for each in found if isinstance(each, CallOutcome)])
        return [await self._end_of(call, each) for call, each in zip(calls, joined, strict=True)]

    def agent_call(self, agent: str, request: InvokeLlm) -> Call:
        """Return the call that an agent's request stands for; raises Refused if the agent made too many in its cycle."""
        return self._calls.agent_call(agent, request)

    def is_under_way(self, position: CallPosition) -> bool:
        """Return whether this worker is busy with a call."""
        return receipt(position) in self._under_way

    async def settle_outcome(self, outcome: CallOutcome) -> None:
        """Settle the reservation of a call that has ended, if it is not settled."""
        await self._settle([outcome])

    def _look(self, call: Call) -> CallPlan | Ended:
        """Return the plan of a call that has not ended, the outcome of one that has, or why it is refused."""
        try:
            plan = plan_call(self._cognition, call, self._answers.count_input)
            return self._calls.outcome(call.position, plan.digest) or plan
        except EconsimError as error:
            return error

    def _task_of(self, plan: CallPlan) -> _Task | Conflict:
        """Return the task of a call under way, or the error for another prompt at its position."""
        digest, task = self._under_way[plan.chain.id]
        if digest == plan.digest:
            return task
        message = f"another prompt is being answered at {plan.chain.id}; give the next call the next ordinal"
        return Conflict(message)

    async def _end_of(self, call: Call, found: _Task | Ended) -> Ended:
        """Return the end of a call that is under way, has ended, or is refused."""
        try:
            if isinstance(found, asyncio.Task):
                # A caller that is cancelled must not cancel calls that are paid for.
                return (await asyncio.shield(found))[receipt(call.position)]
            if isinstance(found, CallOutcome):
                return await self._journal.read_text(found)
        except EconsimError as error:
            return error
        return found

    def _forget(self, ids: Iterable[str]) -> None:
        for id_ in ids:
            del self._under_way[id_]

    async def _make(self, plans: Sequence[CallPlan], on_text: OnText | None) -> Mapping[str, Ended]:
        """Pay for calls and make those that are paid for, side by side."""
        ends: dict[str, Ended] = dict(await self._reserve(plans))
        answered: list[tuple[CallPlan, CallOutcome]] = []
        work = []
        for plan in plans:
            if plan.chain.id in ends:
                continue
            if outcome := self._answers.at_once(plan, on_text):
                answered.append((plan, outcome))
            else:
                work.append(self._ask(plan, on_text))
        if answered:
            work.append(self._end(answered))
        for found in [await work[0]] if len(work) == 1 else await asyncio.gather(*work):
            ends |= found
        return ends

    async def _reserve(self, plans: Sequence[CallPlan]) -> Mapping[str, EconsimError]:
        """Reserve the worst cases of calls; return why some may not be made."""
        refused: dict[str, EconsimError] = {}
        counted: list[CallPlan] = []
        for plan in plans:
            try:
                await self._quotas.take(plan)
                counted.append(plan)
            except (QuotaExceeded, Unavailable) as error:
                refused[plan.chain.id] = error
        try:
            refusals = await self._journal.reserve(counted) if counted else []
        except Unavailable as error:
            # Too late for their period, or unknown: then nobody knows the calls, and they are not asked.
            refusals = [error] * len(counted)
        for plan, refusal in zip(counted, refusals, strict=True):
            if refusal is not None:
                await self._quotas.give_back(plan, 0)
                refused[plan.chain.id] = (
                    refusal
                    if isinstance(refusal, Unavailable)
                    else reservation_refusal(plan, refusal, self._cognition.resource)
                )
        return refused

    async def _ask(self, plan: CallPlan, on_text: OnText | None) -> Mapping[str, Ended]:
        return await self._end([(plan, await self._answers.ask(plan, on_text))])

    async def _end(self, answered: Sequence[tuple[CallPlan, CallOutcome]]) -> Mapping[str, Ended]:
        """Record the outcomes of calls and settle them; return how each ended."""
        first = answered[0][0].call
        try:
            outcomes = await self._journal.record(
                [outcome for _, outcome in answered], first.tick, first.causation_id
            )
            for (plan, _), outcome in zip(answered, outcomes, strict=True):
                await self._quotas.give_back(plan, outcome.price)
            if self._is_lock_step:
                # What an agent can spend in a tick must not depend on timing.
                await self._settle(outcomes)
            else:
                settling = asyncio.create_task(self._settle_soon(outcomes))
                self._settling.add(settling)
                settling.add_done_callback(self._settling.discard)
        except EconsimError as error:
            return {plan.chain.id: error for plan, _ in answered}
        return {outcome.id: await self._with_text(outcome) for outcome in outcomes}

    async def _with_text(self, outcome: CallOutcome) -> Ended:
        try:
            return await self._journal.read_text(outcome)
        except CorruptLog as error:
            return error

    async def _settle(self, outcomes: Sequence[CallOutcome], *, is_awaited: bool = True) -> None:
        """Settle the reservations of calls that have ended, where they are not settled."""
        chains: defaultdict[int, list[Chain]] = defaultdict(list)
        for outcome in outcomes:
            if reserved := self._calls.open_reservation(outcome.id):
                chains[reserved.tick].append(settlement(outcome, self._cognition.resource))
        for tick, due in chains.items():
            await self._journal.settle(due, tick, is_awaited=is_awaited)

    async def _settle_soon(self, outcomes: Sequence[CallOutcome]) -> None:
        """Settle calls whose answers do not wait for it; what fails is settled by the leader's sweep."""
        try:
            await self._settle(outcomes, is_awaited=False)
        except EconsimError as error:
            _log.warning(
                "%d calls, %s the first, are settled later: %s", len(outcomes), outcomes[0].id, error
            )
