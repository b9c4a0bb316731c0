"""The ledger service: the leader of a run's ledger answers submissions, balances and values.

`services/ledger/leader.py` leads and calls `request_subscribers`; `services/ledger/writer.py` writes. Requests of a run
have subscribers of their own, started when a worker becomes its leader, because only the leader may answer them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from econsim import subjects
from econsim.adapters.jetstream.audit_log import last_event
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.agent.valuation import rules_of, values_of
from econsim.domain.audit.decoding import event_of
from econsim.schemas.clock import Ticked
from econsim.schemas.ledger import Balance, GetBalance, Submit, Submitted
from econsim.schemas.values import GetValues, Values
from econsim.services.context import ServiceContext
from econsim.services.definition import ServiceDefinition
from econsim.services.handlers import TRUSTED_BYTES_MAX, caller
from econsim.services.leadership import LeaderTask
from econsim.services.ledger import leader
from econsim.services.ledger.writer import LedgerWriter
from econsim.services.subscriptions import Subscriber, run_subscriber

service = ServiceDefinition("ledger")
"""The ledger service."""

SUBMISSIONS_MAX: Final = 128
"""Submissions handled at once: more than the markets of a run (64), each of which waits for all others with at most one.
Further ones wait in the subscriber (backpressure)."""


@dataclass(frozen=True, slots=True, repr=False)  # FastStream asks for it, and a run has thousands of agents
class LedgerHandlers:
    """The handlers of one run's requests, bound to its ledger."""

    context: ServiceContext
    """Surroundings of the service: the connection, and the agents' quotas."""
    run: ActiveRun
    """Run of the ledger."""
    writer: LedgerWriter
    """Writer of the ledger."""

    async def submit(self, command: Submit) -> Submitted:
        """Apply chains of transfers; answered when they are durable."""
        return await leader.submit(self.run, self.writer, caller().agent, command)

    async def get_balance(self, _: GetBalance) -> Balance:
        """Return the asking agent's positions."""
        return self.writer.balance(self.run.agent(caller().agent).id)

    async def get_values(self, _: GetValues) -> Values:
        """Return the asking agent's own values and costs of units and the rules of its run, of the newest tick's period: never a later one's."""
        own, period = self.run.agent(caller().agent), await self._period()
        conditions = self.run.conditions
        quotas = await self.context.meter.quotas(self.run.name, own.id)
        agent = next(agent for agent in conditions.agents(period) if agent.id == own.id)
        return values_of(agent, period, rules_of(conditions.in_period(period), quotas.deadline_ms))

    async def _period(self) -> int:
        """Return the period of the run's newest tick, the first before it; the last where nothing changes."""
        if not self.run.conditions.change:
            return self.run.data.scenario.clock.periods
        stored = await last_event(self.context.client, subjects.TICKED(run=self.run.name))
        ticked = event_of(Ticked, stored.subject, stored.payload) if stored else None
        return ticked.data.period if ticked else 1


def request_subscribers(
    context: ServiceContext, run: ActiveRun, writer: LedgerWriter
) -> Sequence[Subscriber]:
    """Return the subscribers that answer requests about one run's ledger, not yet started."""
    handlers = LedgerHandlers(context, run, writer)
    subscriber = partial(run_subscriber, context.broker, run=run.name)
    return (
        subscriber(
            subjects.SUBMIT,
            model=Submit,
            handler=handlers.submit,
            bytes_max=TRUSTED_BYTES_MAX,
            max_workers=SUBMISSIONS_MAX,
        ),
        subscriber(subjects.GET_BALANCE, model=GetBalance, handler=handlers.get_balance),
        subscriber(subjects.GET_VALUES, model=GetValues, handler=handlers.get_values),
    )


@service.tasks_of_run
def ledger(context: ServiceContext, run: ActiveRun) -> Sequence[LeaderTask]:
    """Return the one task of a run: to lead its ledger, unless an executor does all of the run."""
    if run.is_whole:
        return ()
    return (LeaderTask(f"ledger.{run.name}", partial(leader.serve, context, run, request_subscribers)),)
