"""The admin service: carries out commands of operators, and keeps dead letters.

Every worker handles the five commands. Three leader tasks have one worker at a time: the collector of dead letters,
the publisher of their events, and the creator of streams in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from econsim import subjects
from econsim.schemas.admin import (
    ConnectionChangedEvent,
    DropLetter,
    LetterDone,
    RecordConnection,
    RetryLetter,
    SetQuota,
    TellTrust,
    TrustChangedEvent,
)
from econsim.schemas.quota import Quotas
from econsim.services.admin import (
    dead_letter_collector,
    dead_letter_events,
    memory_streams,
    operator_commands,
)
from econsim.services.context import ServiceContext
from econsim.services.definition import ServiceDefinition
from econsim.services.handlers import caller, current_context
from econsim.services.leadership import LeaderTask

service = ServiceDefinition("admin")
"""The admin service."""


@service.request(subjects.SET_QUOTA)
async def set_quota(request: SetQuota) -> Quotas:
    """Change limits of agents; the effect is `system.quota.changed`."""
    return await operator_commands.set_quota(current_context(), request, caller().operator)


@service.request(subjects.TELL_TRUST)
async def tell_trust(request: TellTrust) -> TrustChangedEvent:
    """Record a use of the keys; the effect is `system.operator.trust_changed`."""
    return await operator_commands.record_trust_change(current_context(), request, caller().operator)


@service.request(subjects.RECORD_CONNECTION)
async def record_connection(request: RecordConnection) -> ConnectionChangedEvent:
    """Record that an agent is connected or not; the effect is `system.agent.connection_changed`."""
    return await operator_commands.record_connection(current_context(), request, caller().operator)


@service.request(subjects.RETRY_LETTER)
async def retry_letter(request: RetryLetter) -> LetterDone:
    """Put a dead letter back into its queue; the effect is `system.dead_letter.retried`."""
    return await operator_commands.retry_dead_letter(current_context(), request.sequence, caller().operator)


@service.request(subjects.DROP_LETTER)
async def drop_letter(request: DropLetter) -> LetterDone:
    """Drop a dead letter for good; the effect is `system.dead_letter.dropped`."""
    return await operator_commands.drop_dead_letter(current_context(), request.sequence, caller().operator)


@service.tasks_of_service
def service_tasks(context: ServiceContext) -> Sequence[LeaderTask]:
    """Return the tasks of dead letters and of streams in memory."""
    modules = (dead_letter_collector, dead_letter_events, memory_streams)
    return tuple(LeaderTask(module.LEASE, partial(module.serve, context)) for module in modules)
