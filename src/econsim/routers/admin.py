"""The admin service: carries out what operators decide, and keeps dead letters from being forgotten.

Five commands and three leader tasks: one buries what the server gives up, one tells the log of letters, one declares
anew what a restarted server forgot.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from econsim import subjects
from econsim.adapters.clock import random_id
from econsim.adapters.jetstream import dead_letters, direct_get
from econsim.adapters.jetstream.quota_table import KeyQuotaTable
from econsim.adapters.nats.connection import reliable_publish
from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.schemas.admin import (
    ConnectionChanged,
    ConnectionChangedEvent,
    DropLetter,
    LetterDone,
    LetterDropped,
    LetterRetried,
    QuotaChanged,
    RecordConnection,
    RetryLetter,
    SetQuota,
    TellTrust,
    TrustChanged,
    TrustChangedEvent,
)
from econsim.schemas.quota import Quotas
from econsim.services.admin import dead_letter_collector, dead_letter_events, memory_streams
from econsim.services.context import ServiceContext
from econsim.services.definition import ServiceDefinition
from econsim.services.handlers import caller, current_context
from econsim.services.leadership import LeaderTask
from econsim.services.operator_audit import note_command_run
from econsim.streams import DEAD_LETTER

service = ServiceDefinition("admin")
"""The admin service."""


DEADLINE_S: Final = 3.0
"""Longest to try to store an event: the operator waits five seconds for the answer."""


@service.request(subjects.SET_QUOTA)
async def set_quota(request: SetQuota) -> Quotas:
    """Change what agents may take; its effect is `system.quota.changed`."""
    return await changed(current_context(), request, caller().operator)


@service.request(subjects.TELL_TRUST)
async def tell_trust(request: TellTrust) -> TrustChangedEvent:
    """Have the log tell what was done with the keys; its effect is `system.operator.trust_changed`."""
    return await told(current_context(), request, caller().operator)


@service.request(subjects.RECORD_CONNECTION)
async def record_connection(request: RecordConnection) -> ConnectionChangedEvent:
    """Have the log tell whether an agent is connected; its effect is `system.agent.connection_changed`."""
    return await seen(current_context(), request, caller().operator)


@service.request(subjects.RETRY_LETTER)
async def retry_letter(request: RetryLetter) -> LetterDone:
    """Put a dead letter back into its queue; its effect is `system.dead_letter.retried`."""
    return await retried(current_context(), request.sequence, caller().operator)


@service.request(subjects.DROP_LETTER)
async def drop_letter(request: DropLetter) -> LetterDone:
    """Give a dead letter up for good; its effect is `system.dead_letter.dropped`."""
    return await dropped(current_context(), request.sequence, caller().operator)


@service.tasks_of_service
def upkeep(context: ServiceContext) -> Sequence[LeaderTask]:
    """Return the tasks of dead letters and of streams in memory."""
    modules = (dead_letter_collector, dead_letter_events, memory_streams)
    return tuple(LeaderTask(module.LEASE, partial(module.serve, context)) for module in modules)


async def changed(context: ServiceContext, request: SetQuota, operator: str) -> Quotas:
    """Change limits and say so; return what holds. Raises NotFound for a run that is not open, or an agent not in it."""
    cause = note_command_run(request.run)
    run = context.runs.require(request.run)
    if request.agent is not None:
        run.agent(request.agent)
    quotas = await KeyQuotaTable(context.client).change(run.name, request.agent, request.update)
    data = QuotaChanged(agent=request.agent, update=request.update, quotas=quotas)
    envelope = Envelope(run.name, run.data.salt, 0, context.clock.now(), cause)
    # A change is no repeat of one before it, whatever it says: another may lie between the two.
    await _tell(context, envelope.event(subjects.QUOTA_CHANGED, operator, data, cause or random_id()))
    return quotas


async def told(context: ServiceContext, request: TellTrust, operator: str) -> TrustChangedEvent:
    """Say what was done with the keys; the run need not be open, nor the agent be in it."""
    cause = note_command_run(request.run)
    data = TrustChanged(who=request.who, change=request.change, reason=request.reason)
    # Told twice it is two events: an agent may be let in and thrown out many times.
    addressed = Envelope(request.run, "", 0, context.clock.now(), cause).event(
        subjects.TRUST_CHANGED, operator, data, cause or random_id()
    )
    await _tell(context, addressed)
    return TrustChangedEvent.model_validate(addressed.event)


async def seen(context: ServiceContext, request: RecordConnection, operator: str) -> ConnectionChangedEvent:
    """Say whether an agent is connected; the run need not be open, nor the agent be in it."""
    cause = note_command_run(request.run)
    data = ConnectionChanged(agent=request.agent, connected=request.connected)
    # Told twice it is two events, as with trust: an agent may come and go many times.
    addressed = Envelope(request.run, "", 0, context.clock.now(), cause).event(
        subjects.CONNECTION_CHANGED, operator, data, cause or random_id()
    )
    await _tell(context, addressed)
    return ConnectionChangedEvent.model_validate(addressed.event)


async def retried(context: ServiceContext, sequence: int, operator: str) -> LetterDone:
    """Put a letter's message back, say so, and delete the letter; in this order, so that no crash loses it."""
    letter = await dead_letters.letter(context.client, sequence)
    cause = note_command_run(letter.run)
    ack = await dead_letters.put_back(context.client, letter)
    data = LetterRetried(sequence=sequence, subject=letter.subject, stream=ack.stream, stored=ack.seq)
    envelope = await _stamp(context, letter.run, cause)
    await _tell(context, envelope.event(subjects.LETTER_RETRIED, operator, data, sequence))
    await dead_letters.drop(context.client, sequence)
    return LetterDone(sequence=sequence, subject=letter.subject, stream=ack.stream, stored=ack.seq)


async def dropped(context: ServiceContext, sequence: int, operator: str) -> LetterDone:
    """Say that a letter is given up, then delete it: what is gone was told of."""
    letter = await dead_letters.letter(context.client, sequence)
    cause = note_command_run(letter.run)
    data = LetterDropped(sequence=sequence, subject=letter.subject)
    envelope = await _stamp(context, letter.run, cause)
    await _tell(context, envelope.event(subjects.LETTER_DROPPED, operator, data, sequence))
    await dead_letters.drop(context.client, sequence)
    return LetterDone(sequence=sequence, subject=letter.subject)


async def _stamp(context: ServiceContext, run: str, cause: str | None) -> Envelope:
    """Return the stamp of an event about a letter; when the stream was made tells its letters from earlier ones."""
    return Envelope(
        run, await direct_get.made_at(context.client, DEAD_LETTER.name), 0, context.clock.now(), cause
    )


async def _tell(context: ServiceContext, addressed: AddressedEvent) -> None:
    await reliable_publish(
        context.jetstream, addressed.subject, addressed.json(), addressed.event.event_id, DEADLINE_S
    )
