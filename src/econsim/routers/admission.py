"""The admission service: every worker admits messages of external agents, and refuses services that are still to come."""

from __future__ import annotations

from econsim import subjects
from econsim.errors import NotFound
from econsim.schemas.clock import TickedEvent
from econsim.services.admission.gateway import AdmissionGateway
from econsim.services.definition import ServiceDefinition
from econsim.services.handlers import caller, current_context, raw_body
from econsim.services.routes import Route, event_route


async def note_tick(event: TickedEvent) -> None:
    """Take note of a run's logical time: reports of agents carry it."""
    current_context().runs.note_tick(event.correlation_id, event.tick)


async def refuse_reserved(_: bytes) -> None:
    """Refuse a request to a service that is still to come."""
    where = caller()
    message = f"there is no service yet for {where.entity}.{where.action}; the name is reserved"
    raise NotFound(message, code="no_such_service_yet")


SERVICE = ServiceDefinition(
    routes=(
        event_route(subjects.TICKED, note_tick),
        Route(subjects.INVOKE_LLM, refuse_reserved, raw_body),
        Route(subjects.USE_WORKSPACE, refuse_reserved, raw_body),
        Route(subjects.USE_SOCIAL, refuse_reserved, raw_body),
    ),
    components=lambda context: (AdmissionGateway(context),),
)
"""The admission service."""
