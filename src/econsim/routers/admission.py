"""The admission service: every worker runs an admission gateway."""

from __future__ import annotations

from collections.abc import Sequence

from econsim import subjects
from econsim.schemas.clock import TickedEvent
from econsim.services.admission.gateway import AdmissionGateway
from econsim.services.context import DepthWatch, ServiceContext
from econsim.services.definition import ServiceDefinition
from econsim.services.handlers import current_context
from econsim.services.leadership import Component

service = ServiceDefinition("admission")
"""The admission service."""


@service.event(subjects.TICKED)
async def note_tick(event: TickedEvent) -> None:
    """Note a run's logical time: the events of agents' reports carry it."""
    current_context().runs.note_tick(event.correlation_id, event.tick)


@service.in_background
def components(context: ServiceContext) -> Sequence[Component]:
    """Return the gateway that admits messages of external agents, and what keeps the depth of the order queue current."""
    return DepthWatch(context), AdmissionGateway(context)
