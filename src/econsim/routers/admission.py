"""The admission service: every worker runs an admission gateway, and refuses requests to services that do not exist yet."""

from __future__ import annotations

from collections.abc import Sequence

from econsim import subjects
from econsim.errors import NotFound
from econsim.schemas.clock import TickedEvent
from econsim.services.admission.gateway import AdmissionGateway
from econsim.services.context import DepthWatch, ServiceContext
from econsim.services.definition import ServiceDefinition
from econsim.services.handlers import caller, current_context
from econsim.services.leadership import Component

service = ServiceDefinition("admission")
"""The admission service."""


@service.event(subjects.TICKED)
async def note_tick(event: TickedEvent) -> None:
    """Note a run's logical time: the events of agents' reports carry it."""
    current_context().runs.note_tick(event.correlation_id, event.tick)


@service.raw_request(subjects.USE_SOCIAL)
async def refuse_reserved(_: bytes) -> None:
    """Refuse a request to a service that does not exist yet."""
    where = caller()
    message = f"there is no service yet for {where.entity}.{where.action}; the name is reserved"
    raise NotFound(message, code="no_such_service_yet")


@service.in_background
def components(context: ServiceContext) -> Sequence[Component]:
    """Return the gateway that admits messages of external agents, and what keeps the depth of the order queue current."""
    return DepthWatch(context), AdmissionGateway(context)
