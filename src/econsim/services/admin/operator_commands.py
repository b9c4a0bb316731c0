"""Commands of operators: change quotas, record uses of the keys, record connections, retry and drop dead letters.

Each command stores its effect as an event before it returns, so an operator whose command succeeded finds the effect in the
log. An event is caused by the command's own event (`services/operator_audit.py`).

================  ==========================  ===========================================================
command           a crash in the middle       sent again
================  ==========================  ===========================================================
set quota         changed, without its event  changes to the same values, and stores an event
record …          the event may be stored     stores another event; both are true
retry             in the queue and a letter   idempotent: queue and log deduplicate, the letter is deleted
drop              event, and still a letter   idempotent: the log deduplicates, the letter is deleted
================  ==========================  ===========================================================
"""

from __future__ import annotations

from econsim import subjects
from econsim.adapters.clock import random_id
from econsim.adapters.jetstream import dead_letters, direct_get
from econsim.adapters.jetstream.quota_table import KeyQuotaTable
from econsim.adapters.nats.connection import reliable_publish
from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.schemas.admin import (
    ConnectionChanged,
    ConnectionChangedEvent,
    LetterDone,
    LetterDropped,
    LetterRetried,
    QuotaChanged,
    RecordConnection,
    SetQuota,
    TellTrust,
    TrustChanged,
    TrustChangedEvent,
)
from econsim.schemas.quota import Quotas
from econsim.services.context import ServiceContext
from econsim.services.operator_audit import DEADLINE_S, note_command_run
from econsim.streams import DEAD_LETTER


async def set_quota(context: ServiceContext, request: SetQuota, operator: str) -> Quotas:
    """Change limits of an agent or of a run; return the limits in force.

    Raises NotFound for a run that is not open or an agent that is not in it.
    """
    cause = note_command_run(request.run)
    run = await context.require_run(request.run)
    if request.agent is not None:
        run.agent(request.agent)
    quotas = await KeyQuotaTable(context.client).change(run.name, request.agent, request.update)
    data = QuotaChanged(agent=request.agent, update=request.update, quotas=quotas)
    envelope = Envelope(run.name, run.data.salt, 0, context.clock.now(), cause)
    # Each change is an event of its own, even with equal data: another change may lie between two equal ones.
    await _store(context, envelope.event(subjects.QUOTA_CHANGED, operator, data, cause or random_id()))
    return quotas


async def record_trust_change(
    context: ServiceContext, request: TellTrust, operator: str
) -> TrustChangedEvent:
    """Record a use of the keys that was made already; the run need not be open, nor the agent be in it."""
    cause = note_command_run(request.run)
    data = TrustChanged(who=request.who, change=request.change, reason=request.reason)
    # Each record is an event of its own: an agent may be let in and thrown out many times.
    envelope = Envelope(request.run, "", 0, context.clock.now(), cause)
    addressed = envelope.event(subjects.TRUST_CHANGED, operator, data, cause or random_id())
    await _store(context, addressed)
    return TrustChangedEvent.model_validate(addressed.event)


async def record_connection(
    context: ServiceContext, request: RecordConnection, operator: str
) -> ConnectionChangedEvent:
    """Record that an agent is connected or not; the run need not be open, nor the agent be in it."""
    cause = note_command_run(request.run)
    data = ConnectionChanged(agent=request.agent, connected=request.connected)
    # Each record is an event of its own: an agent may connect many times.
    envelope = Envelope(request.run, "", 0, context.clock.now(), cause)
    addressed = envelope.event(subjects.CONNECTION_CHANGED, operator, data, cause or random_id())
    await _store(context, addressed)
    return ConnectionChangedEvent.model_validate(addressed.event)


async def retry_dead_letter(context: ServiceContext, sequence: int, operator: str) -> LetterDone:
    """Put a dead letter's message back into its queue.

    The letter is deleted last: a crash before that leaves it, and a repeat stores nothing twice. Raises NotFound
    if there is no such letter, Refused if its message cannot be put back.
    """
    letter = await dead_letters.get_dead_letter(context.client, sequence)
    cause = note_command_run(letter.run)
    ack = await dead_letters.requeue(context.client, letter)
    data = LetterRetried(sequence=sequence, subject=letter.subject, stream=ack.stream, stored=ack.seq)
    envelope = await _dead_letter_envelope(context, letter.run, cause)
    await _store(context, envelope.event(subjects.LETTER_RETRIED, operator, data, sequence))
    await dead_letters.delete_dead_letter(context.client, sequence)
    return LetterDone(sequence=sequence, subject=letter.subject, stream=ack.stream, stored=ack.seq)


async def drop_dead_letter(context: ServiceContext, sequence: int, operator: str) -> LetterDone:
    """Delete a dead letter, after its event is stored; raises NotFound if there is no such letter."""
    letter = await dead_letters.get_dead_letter(context.client, sequence)
    cause = note_command_run(letter.run)
    data = LetterDropped(sequence=sequence, subject=letter.subject)
    envelope = await _dead_letter_envelope(context, letter.run, cause)
    await _store(context, envelope.event(subjects.LETTER_DROPPED, operator, data, sequence))
    await dead_letters.delete_dead_letter(context.client, sequence)
    return LetterDone(sequence=sequence, subject=letter.subject)


async def _dead_letter_envelope(context: ServiceContext, run: str, cause: str | None) -> Envelope:
    """Return the envelope of an event about a dead letter.

    Its salt is the creation time of the stream: a stream created again numbers its letters from 1 again.
    """
    created_at = await direct_get.creation_time(context.client, DEAD_LETTER.name)
    return Envelope(run, created_at, 0, context.clock.now(), cause)


async def _store(context: ServiceContext, addressed: AddressedEvent) -> None:
    await reliable_publish(
        context.jetstream, addressed.subject, addressed.json(), addressed.event.event_id, DEADLINE_S
    )
