"""Files, people and tasks of a host's agents over NATS: requests to the workspace and social services, repeated until answered.

Each has the ids of its place in the agent's cycles, so a repeat by this host or the next one has the effect and the answer of
the first.
"""

from __future__ import annotations

from collections.abc import Iterable

from econsim import subjects
from econsim.adapters.jetstream.audit_log import last_event
from econsim.adapters.nats.rpc import ask_until_answered
from econsim.adapters.poll import Poll
from econsim.domain.audit.decoding import decode_if_valid
from econsim.domain.audit.envelope import Envelope
from econsim.domain.runtime.effects import HostedFile, HostedSocial
from econsim.errors import Refused
from econsim.schemas.base import ErrorBody, error_body
from econsim.schemas.social import Question
from econsim.schemas.social_hosted import ActionDone, AgentStep, EndTick, TickEnded
from econsim.schemas.social_tasks import Task
from econsim.schemas.workspace import AppendToFile, FileChanged, FilePart, ReadFile
from econsim.services.context import ServiceContext

LOOK_AGAIN_S = 0.02
"""Pause between two looks whether the cycles of other hosts are complete."""


async def use_file(
    context: ServiceContext, envelope: Envelope, hosted: HostedFile
) -> FileChanged | FilePart | ErrorBody:
    """Make a request about a file; return its reply."""
    client, request, where = context.client, hosted.request, {"run": envelope.run, "agent": hosted.agent}
    try:
        if isinstance(request, ReadFile):
            return await ask_until_answered(client, subjects.READ_FILE(**where), request, FilePart)
        row = subjects.APPEND_TO_FILE if isinstance(request, AppendToFile) else subjects.WRITE_FILE
        command = request.model_copy(update={"causation_id": envelope.causation_id})
        return await ask_until_answered(client, row(**where), command, FileChanged)
    except Refused as error:
        return error_body(error)


async def use_social(
    context: ServiceContext, envelope: Envelope, hosted: HostedSocial
) -> Question | Task | ErrorBody:
    """Ask, delegate or work for an agent; return the question or the task."""
    subject = subjects.HOSTED_ACTION(run=envelope.run, agent=hosted.agent)
    try:
        done = await ask_until_answered(context.client, subject, hosted.action, ActionDone)
    except Refused as error:
        return error_body(error)
    found = done.question or done.task
    assert found is not None
    return found


async def end_tick(
    context: ServiceContext, envelope: Envelope, host: str, steps: tuple[AgentStep, ...]
) -> None:
    """End a tick for the host's agents; returns when all of it is durable and paid."""
    subject = subjects.END_TICK(run=envelope.run, agent=host)
    await ask_until_answered(context.client, subject, EndTick(tick=envelope.tick, steps=steps), TickEnded)


async def wait_for_cycles(context: ServiceContext, envelope: Envelope, hosts: Iterable[str]) -> None:
    """Wait until the agents of other hosts have completed their cycles of the tick: the log tells, also after a crash."""
    for host in hosts:
        subject = subjects.COGNITIVE_CYCLES_COMPLETED(agent=host, run=envelope.run)
        async for _ in Poll(LOOK_AGAIN_S):
            stored = await last_event(context.client, subject)
            addressed = decode_if_valid(stored.subject, stored.payload) if stored else None
            if addressed is not None and addressed.event.tick >= envelope.tick:
                break
