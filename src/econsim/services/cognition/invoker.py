"""Calls of one run, each paid before a provider is asked, recorded when it ends, and settled.

Theory of operation. `routers/cognition.py` calls `invoke` for each call. A call goes through six steps; the steps that
write are batched with those of other calls in `call_journal.py`. A repeat of a position joins the call under way, or
gets the recorded outcome. A crash, or a lost answer, at each step:

    step        written to                   after a crash right here
    route       nothing                      the agent repeats the call
    quotas      counters, in blocks          a block stays counted and nobody spends it, at most one an agent and kind
    reserve     ledger: `<receipt>`          a repeat finds the reservation made; without one it is voided at the deadline
    ask         nothing                      the provider may be asked again, the agent pays once
    record      log: `system.llm.invoked`    the outcome is in the log: a repeat gets it, the next leader settles it
    settle      ledger: `<receipt>.settled`  the next leader submits it again; the ledger deduplicates

    collection   holds                         entry comes   entry goes            bound
    _under_way   receipt -> task of the call   invoke        when the call ends    calls at once
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from econsim.adapters.poll import Poll
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.cognition.call import receipt
from econsim.domain.cognition.calls import Calls
from econsim.domain.cognition.outcome import answer_outcome, failure_outcome
from econsim.domain.cognition.payment import settlement
from econsim.domain.cognition.plan import CallPlan, plan_call, reservation_refusal
from econsim.domain.cognition.price import Cost
from econsim.domain.cognition.recording import Recording, recorded_input_bound
from econsim.domain.cognition.route import is_next_asked
from econsim.errors import Conflict, ProviderFailed, Refused, Unavailable
from econsim.ports import ModelProvider, OnText
from econsim.schemas.cognition import CallFailure, CallOutcome, InvokeLlm
from econsim.schemas.model_call import Call, CallPosition, Prompt
from econsim.schemas.scenario_cognition import Offer
from econsim.services.cognition.call_journal import CallJournal
from econsim.services.cognition.call_quotas import CallQuotas

CLOSING_MS: Final = 200
"""Milliseconds after which an agent may ask again while a period is being settled."""

DRAIN_INTERVAL_S: Final = 0.02
"""Pause between two looks whether calls are still under way at a period's end."""

MILLISECONDS: Final = 1_000
"""Milliseconds in a second."""


class Invoker:
    """The calls of one run, in the worker that leads them."""

    def __init__(
        self,
        run: ActiveRun,
        calls: Calls,
        journal: CallJournal,
        providers: Mapping[str, ModelProvider] | Recording,
        quotas: CallQuotas,
    ) -> None:
        """Ask these providers, by the names that scenarios offer them under; or none, and answer from a recording."""
        self._cognition = run.cognition
        self._calls = calls
        self._journal = journal
        self._quotas = quotas
        self._providers = providers
        self._closing: int | None = None
        self._under_way: dict[str, tuple[str, asyncio.Task[CallOutcome]]] = {}

    async def invoke(self, call: Call, on_text: OnText | None = None) -> CallOutcome:
        """Return how a call ended, once it is paid for.

        Raises Refused before a provider is asked: for an unknown model, a prompt that is too long, a schema that is
        none, too few credits; Conflict for another call at the same position.
        """
        plan = plan_call(self._cognition, call, self._count_input)
        if known := self._calls.outcome(call.position, plan.digest):
            await self.settle_outcome(known)
            return known
        if self._calls.period == self._closing:
            message = f"period {self._closing} is being settled; ask again in the next one"
            raise Unavailable(message, code="period_is_closing", retry_after_ms=CLOSING_MS)
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

    def close_period(self, period: int) -> None:
        """Begin no further call before the period after this one opens."""
        self._closing = period

    async def drain(self, period: int) -> int:
        """Close a period and wait until no call is under way or unsettled; return the newest outcome's sequence."""
        self.close_period(period)
        async for _ in Poll(DRAIN_INTERVAL_S):
            if not self._under_way and not self._calls.open_reservations:
                break
        return self._journal.newest

    async def settle_outcome(self, outcome: CallOutcome) -> None:
        """Settle the reservation of a call that has ended, if it is not settled."""
        if reserved := self._calls.open_reservation(outcome.id):
            cost = Cost(outcome.price, outcome.units)
            chain = settlement(reserved.position, cost, self._cognition.resource)
            await self._journal.settle(chain, reserved.tick)

    async def _call(self, plan: CallPlan, on_text: OnText | None) -> CallOutcome:
        call = plan.call
        await self._quotas.take(plan)
        refusal = await self._journal.reserve(call, plan.chain)
        if refusal is not None:
            await self._quotas.give_back(plan, 0)
            raise reservation_refusal(plan, refusal, self._cognition.resource)
        ended = await self._ask(plan, on_text)
        outcome = await self._journal.record(ended, call.tick, call.causation_id)
        await self.settle_outcome(outcome)
        await self._quotas.give_back(plan, outcome.price)
        return outcome

    def _count_input(self, offer: Offer, prompt: Prompt) -> int:
        if isinstance(self._providers, Recording):
            return recorded_input_bound(offer, prompt)
        return _provider(self._providers, offer).count_input(prompt)

    async def _ask(self, plan: CallPlan, on_text: OnText | None) -> CallOutcome:
        """Ask the providers of a model in turn, until one answers or charges for its failure; in a replay, none."""
        if isinstance(self._providers, Recording):
            return self._providers.outcome(self._cognition, plan)
        failed = ProviderFailed()
        call, offer = plan.call, plan.model.offers[0]
        deadline = asyncio.get_running_loop().time() + call.deadline_ms / MILLISECONDS
        for offer in plan.model.offers:
            try:
                async with asyncio.timeout_at(deadline):
                    asked = replace(call, deadline_ms=_milliseconds_until(deadline))
                    completion = await _provider(self._providers, offer).complete(asked, on_text)
                return answer_outcome(self._cognition, plan, offer, completion)
            except TimeoutError:
                message = f"{offer.provider} did not answer within {call.deadline_ms} ms"
                failed = ProviderFailed(message, code=CallFailure.PROVIDER_TIMED_OUT.value)
                break
            except ProviderFailed as error:
                failed = error
                if not is_next_asked(error):
                    break
        return failure_outcome(self._cognition, plan, offer, failed)


def _provider(providers: Mapping[str, ModelProvider], offer: Offer) -> ModelProvider:
    if offer.provider not in providers:
        message = f"no provider {offer.provider!r} is configured here; there are {', '.join(providers)}"
        raise Refused(message, code="provider_is_not_configured")
    return providers[offer.provider]


def _milliseconds_until(deadline: float) -> int:
    """Return the milliseconds that are left for a provider, at least 1: a later one has less than the call."""
    return max(1, int((deadline - asyncio.get_running_loop().time()) * MILLISECONDS))
