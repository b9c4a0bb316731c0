"""Workers of the social service over NATS in memory, with a ledger that answers and one log for all of them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress

from factories import active, group, scenario
from fake_consumers import ConsumerNats, LedgerResponder, service_context
from ledger_builders import endow

from econsim import subjects
from econsim.errors import EconsimError
from econsim.schemas.base import ErrorBody, ErrorReply
from econsim.schemas.ledger import CREDITS, Kind, Submit
from econsim.schemas.social_tasks import DelegateTask
from econsim.services.social import task_queue
from econsim.services.social.leader import SocialLeader

AGENTS = tuple(group(name, "external") for name in ("ana", "bob", "eve"))
BUDGET = 1_000
BEGIN = "2026-01-01T00:00:00.000000000Z"
LATER = "2026-01-02T00:00:00.000000000Z"


def command(id_="t1", **fields):
    return DelegateTask(
        **{"command_id": id_, "taker": "bob", "text": "dig", "price": 5, "deadline_ms": 60_000, **fields}
    )


class SocialWorld:
    """A run with the agents ana, bob and eve, or others, its ledger, its log and its queue of tasks."""

    def __init__(self, periods=2, agents=AGENTS, rich="ana", **fields):
        self.client = ConsumerNats()
        self.run = active(scenario(*agents, clock={"periods": periods}, **fields))
        self.ledger = LedgerResponder(self.client, "run", endow(rich, BUDGET))
        self.contexts = []
        self.late = 0
        """Number of submissions that came too late for their period."""

    async def leader(self) -> SocialLeader:
        """Return a leader that has folded the log, and works when it is asked."""
        context = service_context("social", self.client)
        context.clock.time = self.contexts[-1].clock.time if self.contexts else BEGIN
        self.contexts.append(context)
        found = SocialLeader(context, self.run)
        await found.catch_up()
        return found

    @asynccontextmanager
    async def working(self, leader):
        """Have a leader pay and take tasks off the queue for the time of the context."""
        tasks = [
            asyncio.create_task(leader.payments.pay()),
            asyncio.create_task(task_queue.serve(self.contexts[-1], self.run, leader.operations)),
        ]
        yield leader
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError, EconsimError):
                await task

    async def send(self, wanted=None, agent="ana"):
        """Put a task into the queue."""
        subject = subjects.DELEGATE_TASK(run="run", agent=agent)
        return await self.client.command(subject, (wanted or command()).model_dump_json().encode())

    def close_payments(self):
        """Have the ledger refuse what begins a payment, but for repeats, as at the end of a period."""
        closed = ErrorBody(code="period_is_closing", message="later", retryable=True, retry_after_ms=1)

        def answer(payload):
            begins = {
                chain.id
                for chain in Submit.model_validate_json(payload).chains
                if chain.transfers[0].kind is Kind.PENDING
            }
            known = {chain.id for command in self.ledger.submissions for chain in command.chains}
            if begins <= known:
                return self.ledger(payload)
            self.late += 1
            return ErrorReply(error=closed)

        self.client.answers[subjects.SUBMIT.pattern(run="run")] = answer

    def open_payments(self):
        """Have the ledger take payments again."""
        self.client.answers[subjects.SUBMIT.pattern(run="run")] = self.ledger

    def logged(self):
        """Return the actions of the service's events in the log, in order."""
        return [
            subject.split(".")[2]
            for subject, _ in self.client.stored(subjects.AUDIT)
            if ".social." in subject
        ]

    def delivered(self, agent):
        """Return the deliveries to an agent: what it is about, and its payload."""
        return [
            (subject.split(".")[2], payload)
            for subject, payload, _ in self.client.published
            if subject.startswith("system.social.") and subject.endswith(f".{agent}")
        ]

    def money(self, agent):
        """Return the posted and pending credits of an agent."""
        found = self.ledger.ledger.position(agent, CREDITS)
        return found.posted, found.pending
