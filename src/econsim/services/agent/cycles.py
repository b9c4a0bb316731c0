"""Cognitive cycles of a host's agents over NATS: thoughts go to the cognition service, the rest to gateway, workspace and social.

Thoughts at the same time go together. A call has its position as idempotency key. A host that takes over repeats the cycles of an unfinished tick, and gets
the answers that were paid for already. A batch that takes long is asked for again every few seconds, because the
worker that had it may be gone: a repeat joins the calls that are under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from econsim import subjects
from econsim.adapters.clock import random_id
from econsim.adapters.nats.rpc import ask_until_answered
from econsim.domain.audit.envelope import Envelope
from econsim.domain.runtime.cycle_run import CycleRun, replies_of
from econsim.domain.runtime.effects import Answer
from econsim.schemas.cognition import CALLS_PER_BATCH_MAX, HostedCall, InvokeLlms, LlmAnswers
from econsim.services.agent.tools import HostTools
from econsim.services.batcher import parts_by_length
from econsim.services.context import ServiceContext

BATCH_TEXT_MAX: Final = 1_000_000
"""Characters of prompts in one batch: escaped as JSON, they stay below the 8 MiB of a message."""


class CycleDriver:
    """The cycles of one host's agents in one tick."""

    def __init__(self, context: ServiceContext, envelope: Envelope, host: str, tools: HostTools) -> None:
        """Ask in the name of the host, and call these tools; tick and cause are the envelope's."""
        self._context = context
        self._envelope = envelope
        self._host = host
        self._tools = tools.at(envelope)

    async def run(self, cycles: Mapping[str, CycleRun]) -> None:
        """Run all cycles to their ends, side by side: the requests of a step are made together, as in memory.

        Thoughts come before all else, and the rest of an agent one after the other: the order in which an agent pays decides what it can
        still afford.
        """
        waiting = [(cycle, cycle.start()) for cycle in cycles.values()]
        while waiting := [(cycle, requests) for cycle, requests in waiting if requests]:
            made = [request for _, requests in waiting for request in requests]
            thoughts = await self._invoke([each for each in made if isinstance(each, HostedCall)])
            replies = await self._tools.use([each for each in made if not isinstance(each, HostedCall)])
            waiting = [
                (cycle, cycle.resume(replies_of(requests, thoughts, replies))) for cycle, requests in waiting
            ]

    async def _invoke(self, calls: Sequence[HostedCall]) -> Iterator[Answer]:
        parts = parts_by_length(
            calls, lambda call: call.prompt.text_length, BATCH_TEXT_MAX, CALLS_PER_BATCH_MAX
        )
        answers = await asyncio.gather(*map(self._ask, parts))
        return chain.from_iterable(answers)

    async def _ask(self, calls: tuple[HostedCall, ...]) -> Iterable[Answer]:
        envelope = self._envelope
        command = InvokeLlms.model_construct(
            command_id=random_id(), causation_id=envelope.causation_id, tick=envelope.tick, calls=calls
        )
        subject = subjects.INVOKE_LLMS(run=envelope.run, agent=self._host)
        reply = await ask_until_answered(self._context.client, subject, command, LlmAnswers)
        return reply.answers
