"""The effects of a run's clock: the events it publishes, the transfers it submits, the tick ends it queues.

Idempotent: transfers, events and commands have ids derived from the run and the logical time, so an effect repeated
after a crash changes nothing (deduplication by the stream and by the ledger).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from econsim import subjects
from econsim.adapters.jetstream.direct_get import get_last
from econsim.adapters.nats.connection import Outgoing, publish_many, reliable_publish
from econsim.adapters.nats.rpc import submit
from econsim.adapters.poll import Poll
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.audit.envelope import Envelope, derived_id
from econsim.domain.clock.period import require_applied
from econsim.domain.clock.schedule import LogicalTime
from econsim.errors import NotFound, Refused, RunFailed
from econsim.schemas.base import Message
from econsim.schemas.ledger import LONG_CHAINS_PER_SUBMISSION_MAX, Chain, Refusal, Submit, Submitted
from econsim.schemas.orders import CloseTick
from econsim.schemas.subject import Subject
from econsim.services.context import ServiceContext
from econsim.subjects import AUDIT

ACTOR: Final = "clock"
"""Actor of the clock's events and sender of its commands."""


CLOSING_INTERVAL_S: Final = 0.05
"""Pause between two looks whether all payments of a period have ended."""

PAYMENTS: Final = (
    subjects.LLM_INVOKED,
    subjects.TOOL_COMPLETED,
    subjects.TOOL_FAILED,
    subjects.TASK_OFFERED,
    subjects.TASK_SETTLED,
)
"""Events of services about what agents paid them."""


class RunEffects:
    """The effects of one run's clock."""

    def __init__(self, context: ServiceContext, run: ActiveRun) -> None:
        """Start at tick 0, without a cause."""
        self._context = context
        self._run = run
        self._envelope = Envelope(run.name, run.data.salt, 0, "")

    def set_time(self, time: LogicalTime, causation_id: str | None) -> None:
        """Set the tick and the cause of the effects from now on."""
        self._envelope = replace(self._envelope, tick=time.tick, causation_id=causation_id)

    async def publish(self, subject: Subject, data: Message, expected_sequence: int | None = None) -> str:
        """Publish an event; return its id. Raises Conflict if its subject is not at the expected sequence."""
        addressed = replace(self._envelope, now=self._context.clock.now()).event(subject, ACTOR, data)
        await reliable_publish(
            self._context.jetstream,
            addressed.subject,
            addressed.json(),
            addressed.event.event_id,
            expected_sequence=expected_sequence,
        )
        return addressed.event.event_id

    async def submit(self, name: str, chains: Sequence[Chain]) -> int:
        """Submit the clock's own transfers; return the sequence of the newest journal entry.

        Raises RunFailed if one of them is refused.
        """
        return (await self._submit(name, chains)).sequence

    async def close_payments(self, period: int) -> int:
        """Have the ledger take no further payment of the period, and wait until those under way have ended.

        Returns the sequence of the newest event about them in the log.
        """
        async for _ in Poll(CLOSING_INTERVAL_S):
            if not (await self._submit(f"close-payments-{period}", (), closes_payments=True)).pending:
                break
        # Of the log's leader: another replica may lack the newest.
        patterns = [row.pattern(run=self._run.name) for row in PAYMENTS]
        newest = [await get_last(self._context.client, AUDIT, pattern) for pattern in patterns]
        return max((stored.sequence for stored in newest if stored), default=0)

    async def _submit(
        self, name: str, chains: Sequence[Chain], *, closes_payments: bool = False
    ) -> Submitted:
        refused: dict[str, Refusal] = {}
        step = LONG_CHAINS_PER_SUBMISSION_MAX
        parts = [chains[start : start + step] for start in range(0, len(chains), step)]
        for number, part in enumerate(parts or [()], 1):
            command = Submit(
                command_id=f"{name}-{number}",
                causation_id=self._envelope.causation_id,
                tick=self._envelope.tick,
                closes_payments=closes_payments,
                chains=tuple(part),
            )
            answer = await self._submit_part(command)
            refused |= answer.refused
        require_applied(chains, refused)
        return answer

    async def close_tick(self, time: LogicalTime, *, close_period: bool) -> None:
        """Put the end of a tick behind the tick's orders in the queue of every book."""
        commands = []
        for resource in self._run.markets:
            subject = subjects.CLOSE_TICK(resource=resource, run=self._run.name, agent=ACTOR)
            command = CloseTick(
                command_id=derived_id(self._envelope.salt, time.tick, subject, close_period),
                causation_id=self._envelope.causation_id,
                tick=time.tick,
                period=time.period,
                tick_of_period=time.tick_of_period,
                close_period=close_period,
            )
            commands.append(Outgoing(subject, command.model_dump_json().encode(), command.command_id))
        await publish_many(self._context.jetstream, commands)

    async def _submit_part(self, command: Submit) -> Submitted:
        """Return the ledger's answer; raises RunFailed if it refuses the submission as a whole."""
        try:
            return await submit(self._context.client, self._run.name, ACTOR, command)
        except NotFound:  # no ledger answers: it may come back
            raise
        except Refused as error:
            message = f"the ledger refused submission {command.command_id}: {error}"
            raise RunFailed(message) from error
