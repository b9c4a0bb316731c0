"""The admin service: carries out what operators decide, and keeps dead letters from being forgotten.

Five commands. Three posts stand beside them: one buries what the server gives up, one tells the log of
letters, one declares anew what a restarted server forgot.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from faststream.nats import NatsRouter

from econsim import subjects
from econsim.adapters.clock import random_id
from econsim.adapters.jetstream import dead_letters, direct_get
from econsim.adapters.jetstream.quota_table import KeyQuotaTable
from econsim.adapters.nats.connection import reliable_publish
from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.errors import NotFound
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
from econsim.services.handlers import caller, wire
from econsim.services.leadership import ActiveRun, Leadership, Post
from econsim.services.operator_audit import about
from econsim.services.run_events import hear_of_runs
from econsim.streams import DEAD_LETTER

QUEUE: Final = "admin"
"""Queue group: one worker carries a command out."""

DEADLINE_S: Final = 3.0
"""Longest to try to store an event: the operator waits five seconds for the answer."""


def router(context: ServiceContext, leadership: Leadership) -> NatsRouter:
    """Return what every worker of the service listens to; one of them also holds the posts."""
    routes = NatsRouter()
    leadership.stand(Post(dead_letter_collector.LEASE, partial(dead_letter_collector.serve, context)))
    leadership.stand(Post(dead_letter_events.LEASE, partial(dead_letter_events.serve, context)))
    leadership.stand(Post(memory_streams.LEASE, partial(memory_streams.serve, context)))

    hear_of_runs(routes, leadership, "admin")

    @routes.subscriber(subjects.SET_QUOTA.pattern(), QUEUE, decoder=wire(SetQuota))
    async def set_quota(request: SetQuota) -> Quotas:
        """Change what agents may take; its effect is `system.quota.changed`."""
        return await changed(context, leadership, request, caller().operator)

    @routes.subscriber(subjects.TELL_TRUST.pattern(), QUEUE, decoder=wire(TellTrust))
    async def tell_trust(request: TellTrust) -> TrustChangedEvent:
        """Have the log tell what was done with the keys; its effect is `system.operator.trust_changed`."""
        return await told(context, request, caller().operator)

    @routes.subscriber(subjects.RECORD_CONNECTION.pattern(), QUEUE, decoder=wire(RecordConnection))
    async def record_connection(request: RecordConnection) -> ConnectionChangedEvent:
        """Have the log tell whether an agent is connected; its effect is `system.agent.connection_changed`."""
        return await seen(context, request, caller().operator)

    @routes.subscriber(subjects.RETRY_LETTER.pattern(), QUEUE, decoder=wire(RetryLetter))
    async def retry_letter(request: RetryLetter) -> LetterDone:
        """Put a dead letter back into its queue; its effect is `system.dead_letter.retried`."""
        return await retried(context, request.sequence, caller().operator)

    @routes.subscriber(subjects.DROP_LETTER.pattern(), QUEUE, decoder=wire(DropLetter))
    async def drop_letter(request: DropLetter) -> LetterDone:
        """Give a dead letter up for good; its effect is `system.dead_letter.dropped`."""
        return await dropped(context, request.sequence, caller().operator)

    return routes


def posts(_: ServiceContext, __: ActiveRun) -> Sequence[Post]:
    """Return nothing: the service works for all runs at once."""
    return ()


async def changed(
    context: ServiceContext, leadership: Leadership, request: SetQuota, operator: str
) -> Quotas:
    """Change limits and say so; return what holds. Raises NotFound for a run that is not open, or an agent not in it."""
    cause = about(request.run)
    run = leadership.known(request.run)
    if request.agent is not None and request.agent not in run.agents:
        message = f"run {run.name!r} has no agent {request.agent!r}"
        raise NotFound(message, code="agent_is_not_in_this_run")
    quotas = await KeyQuotaTable(context.client).change(run.name, request.agent, request.update)
    data = QuotaChanged(agent=request.agent, update=request.update, quotas=quotas)
    envelope = Envelope(run.name, run.data.salt, 0, context.clock.now(), cause)
    # A change is no repeat of one before it, whatever it says: another may lie between the two.
    await _tell(context, envelope.event(subjects.QUOTA_CHANGED, operator, data, cause or random_id()))
    return quotas


async def told(context: ServiceContext, request: TellTrust, operator: str) -> TrustChangedEvent:
    """Say what was done with the keys; the run need not be open, nor the agent be in it."""
    cause = about(request.run)
    data = TrustChanged(who=request.who, change=request.change, reason=request.reason)
    # Told twice it is two events: an agent may be let in and thrown out many times.
    addressed = Envelope(request.run, "", 0, context.clock.now(), cause).event(
        subjects.TRUST_CHANGED, operator, data, cause or random_id()
    )
    await _tell(context, addressed)
    return TrustChangedEvent.model_validate(addressed.event)


async def seen(context: ServiceContext, request: RecordConnection, operator: str) -> ConnectionChangedEvent:
    """Say whether an agent is connected; the run need not be open, nor the agent be in it."""
    cause = about(request.run)
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
    cause = about(letter.run)
    ack = await dead_letters.put_back(context.client, letter)
    data = LetterRetried(sequence=sequence, subject=letter.subject, stream=ack.stream, stored=ack.seq)
    envelope = await _stamp(context, letter.run, cause)
    await _tell(context, envelope.event(subjects.LETTER_RETRIED, operator, data, sequence))
    await dead_letters.drop(context.client, sequence)
    return LetterDone(sequence=sequence, subject=letter.subject, stream=ack.stream, stored=ack.seq)


async def dropped(context: ServiceContext, sequence: int, operator: str) -> LetterDone:
    """Say that a letter is given up, then delete it: what is gone was told of."""
    letter = await dead_letters.letter(context.client, sequence)
    cause = about(letter.run)
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
