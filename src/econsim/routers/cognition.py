"""The cognition service: one worker at a time leads the calls of a run; agents and hosts ask, each agent pays for its calls."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from nats.aio.client import Client

from econsim import subjects
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.agent.population import host_name
from econsim.domain.cognition.call import receipt
from econsim.domain.cognition.outcome import agent_answer, batch_answer
from econsim.errors import NotAllowed
from econsim.schemas.cognition import (
    PROMPT_BYTES_MAX,
    InvokeLlm,
    InvokeLlms,
    LlmAnswer,
    LlmAnswers,
    LlmPartial,
)
from econsim.services.cognition import leader
from econsim.services.cognition.invoker import Invoker
from econsim.services.context import ServiceContext
from econsim.services.definition import ServiceDefinition
from econsim.services.handlers import TRUSTED_BYTES_MAX, caller
from econsim.services.leadership import LeaderTask
from econsim.services.subscriptions import Subscriber, run_subscriber

service = ServiceDefinition("cognition")
"""The cognition service."""

CALLS_AT_ONCE_MAX: Final = 1_024
"""Calls of agents handled at once; further ones wait in the subscriber (backpressure)."""


@dataclass(frozen=True, slots=True, repr=False)  # FastStream asks for it, and a run has thousands of agents
class CognitionHandlers:
    """The handlers of one run's calls."""

    run: ActiveRun
    """Run of the calls."""
    invoker: Invoker
    """Calls of the run."""
    client: Client
    """Client that growing answers are sent with."""
    sending: set[asyncio.Task[None]] = field(default_factory=set)
    """Publishes of growing answers under way."""

    async def invoke(self, request: InvokeLlm) -> LlmAnswer:
        """Answer a call of an agent; replied when it is paid for and recorded."""
        agent = self.run.agent(caller().agent).id
        call = self.invoker.agent_call(agent, request)
        on_text = partial(self._send_partial, agent, receipt(call.position)) if request.partial else None
        return agent_answer(await self.invoker.invoke(call, on_text))

    async def invoke_many(self, command: InvokeLlms) -> LlmAnswers:
        """Answer the calls of a host's agents; each has an answer or the reason why it has none."""
        host = caller().agent
        for hosted in command.calls:
            self._require_hosted(hosted.agent, host)
        calls = [hosted.call(command.tick, command.causation_id) for hosted in command.calls]
        ends = await self.invoker.invoke_together(calls)
        return LlmAnswers.model_construct(answers=tuple(map(batch_answer, ends)))

    def _send_partial(self, agent: str, id_: str, content: str) -> None:
        """Send the text so far; what cannot be sent at once is not sent, because the reply has the whole text."""
        subject = subjects.LLM_PARTIAL(run=self.run.name, agent=agent)
        payload = LlmPartial(receipt=id_, content=content).model_dump_json().encode()
        task = asyncio.create_task(self.client.publish(subject, payload))
        self.sending.add(task)
        task.add_done_callback(self.sending.discard)

    def _require_hosted(self, agent: str, host: str) -> None:
        """Refuse a host that asks for an agent of another host, or for an external agent."""
        index = self.run.agent(agent).host
        if index is None or host_name(index) != host:
            message = f"agent {agent!r} is not run by {host!r}"
            raise NotAllowed(message)


def request_subscribers(context: ServiceContext, run: ActiveRun, invoker: Invoker) -> Sequence[Subscriber]:
    """Return the subscribers that answer one run's calls, not yet started."""
    handlers = CognitionHandlers(run, invoker, context.client)
    subscriber = partial(run_subscriber, context.broker, run=run.name)
    return (
        subscriber(
            subjects.INVOKE_LLM,
            model=InvokeLlm,
            handler=handlers.invoke,
            bytes_max=PROMPT_BYTES_MAX,
            max_workers=CALLS_AT_ONCE_MAX,
        ),
        subscriber(
            subjects.INVOKE_LLMS,
            model=InvokeLlms,
            handler=handlers.invoke_many,
            bytes_max=TRUSTED_BYTES_MAX,
            max_workers=CALLS_AT_ONCE_MAX,
        ),
    )


@service.tasks_of_run
def calls(context: ServiceContext, run: ActiveRun) -> Sequence[LeaderTask]:
    """Return the one task of a run: to lead its calls; none if an executor does all of the run, whose agents ask no model."""
    if run.is_whole:
        return ()
    serve = partial(leader.serve, context, run, context.providers, request_subscribers)
    return (LeaderTask(f"cognition.{run.name}", serve),)
