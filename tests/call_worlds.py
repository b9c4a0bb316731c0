"""Workers of the cognition service over NATS in memory, with a ledger that answers and one log for all of them."""

from __future__ import annotations

from dataclasses import dataclass

from call_builders import Meter, Provider
from factories import active, group, role, scenario
from fake_consumers import ConsumerNats, LedgerResponder, service_context
from ledger_builders import endow
from thinking import cognition

from econsim import subjects
from econsim.domain.audit.envelope import Envelope
from econsim.domain.cognition.calls import Calls
from econsim.domain.cognition.plan import CallPlan, plan_call
from econsim.schemas.ledger import CREDITS, TransferPosted
from econsim.services.cognition.answers import ProviderAnswers
from econsim.services.cognition.call_journal import CallJournal
from econsim.services.cognition.invoker import Invoker
from econsim.services.cognition.leader import CallLeader
from econsim.services.context import ServiceContext

AGENTS = (group("ana", "external"), group("bob", "llm", roles=[role("bid", values=[[3]])]))
"""An external agent, and one of host_1 that thinks."""

PRICE = 10 * 150 + 5 * 600
"""Price of the answer that `Provider` gives, micro-credits."""

BEGIN = "2026-01-01T00:00:00.000000000Z"
"""Time of everything that happens, and of a worker's clock until it is set."""

BUDGET = 1_000_000
"""Micro-credits of ana."""


@dataclass
class Worker:
    """A worker that leads the calls of a run."""

    calls: Calls
    journal: CallJournal
    invoker: Invoker
    provider: Provider
    leader: CallLeader
    context: ServiceContext


class LoggingLedger(LedgerResponder):
    """The ledger, whose entries are copied into the log when `copy` is called: a moment late, as the real one's."""

    def __init__(self, client, run, *chains):
        super().__init__(client, run, *chains)
        self._known, self._entries = set(), []

    def __call__(self, payload):
        reply = super().__call__(payload)
        command = self.submissions[-1]
        for chain in command.chains:
            if chain.id not in self._known and chain.id not in reply.refused:
                self._known.add(chain.id)
                self._entries.append((command.tick, chain))
        return reply

    async def copy(self):
        """Copy the chains applied so far into the log."""
        while self._entries:
            tick, chain = self._entries.pop(0)
            data = TransferPosted.model_construct(
                sequence=1, previous_hash="", hash="", command_id="c", barrier=0, book="", chains=(chain,)
            )
            event = Envelope("run", "salt", tick, BEGIN).event(
                subjects.TRANSFER_POSTED, "ledger", data, chain.id
            )
            await self._client.add(event)


class World:
    """A run with the agents ana and bob_001, its ledger and its log."""

    def __init__(self, **fields):
        self.client = ConsumerNats()
        self.run = active(scenario(*AGENTS, cognition=cognition(**fields)))
        self.ledger = LoggingLedger(self.client, "run", endow("ana", BUDGET), endow("bob_001", BUDGET))

    def context(self) -> ServiceContext:
        """Return the context of a worker."""
        context = service_context("cognition", self.client)
        context.__dict__["meter"] = Meter()
        return context

    def worker(self, provider=None) -> Worker:
        """Return a worker that begins now, knowing nothing."""
        context = self.context()
        provider = provider or Provider()
        answers = ProviderAnswers(self.run.cognition, {provider.name: provider})
        leader = CallLeader(context, self.run, answers)
        return Worker(leader._calls, leader.journal, leader.invoker, provider, leader, context)

    async def successor(self, provider=None) -> Worker:
        """Return a worker that folded the log and settled what it found, as the next leader does."""
        found = self.worker(provider)
        await found.leader.catch_up()
        await found.leader.settle_outcomes()
        return found

    def plan(self, asked) -> CallPlan:
        """Return the plan of a call."""
        return plan_call(self.run.cognition, asked, lambda *_: 20)

    def logged(self) -> list[list[dict]]:
        """Return the outcomes in the log, event by event."""
        return [event["data"]["items"] for event in self.client.events("invoked")]

    @property
    def money(self) -> tuple[int, int]:
        """Posted and pending credits of ana."""
        found = self.ledger.ledger.position("ana", CREDITS)
        return found.posted, found.pending
