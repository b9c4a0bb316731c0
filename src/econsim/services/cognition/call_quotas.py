"""The quotas of external agents' calls: tokens an hour and credits in a run, taken before a call is paid for.

The worst case is taken, as it is reserved at the ledger. Credits that were not spent are given back; tokens are not,
because a window of an hour cannot be given back to. Hosted agents have no quotas: their scenario says what they have.
"""

from __future__ import annotations

import logging

from econsim.domain.admission.quota import QuotaKind
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.cognition.plan import CallPlan
from econsim.errors import QuotaExceeded, Unavailable
from econsim.services.quota_meter import QuotaMeter

_log = logging.getLogger(__name__)


class CallQuotas:
    """The quotas of the calls of one run."""

    def __init__(self, run: ActiveRun, meter: QuotaMeter) -> None:
        """Count with a service's meter."""
        self._run = run
        self._meter = meter

    async def take(self, plan: CallPlan) -> None:
        """Take the worst case of a call; raises QuotaExceeded, or Unavailable if the counters do not answer."""
        agent = plan.call.position.agent
        if agent not in self._run.externals:
            return
        tokens = plan.bound.input_tokens + plan.bound.output_tokens
        await self._meter.take(QuotaKind.LLM_SPEND, self._run.name, agent, plan.worst.price)
        try:
            await self._meter.take(QuotaKind.LLM_TOKENS, self._run.name, agent, tokens)
        except (QuotaExceeded, Unavailable):
            await self.give_back(plan, 0)
            raise

    async def give_back(self, plan: CallPlan, price: int) -> None:
        """Give back what a call did not spend; if the counters do not answer, it stays counted."""
        agent = plan.call.position.agent
        unspent = plan.worst.price - price
        if agent not in self._run.externals or not unspent:
            return
        try:
            await self._meter.give_back(QuotaKind.LLM_SPEND, self._run.name, agent, unspent)
        except Unavailable as error:
            _log.warning("%d micro-credits of %s stay counted: %s", unspent, agent, error)
