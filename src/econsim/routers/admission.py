"""The admission service: what agents send from their accounts comes in here, and names of services to come.

The entrance itself is `services/admission/gateway.py`; here is what else every worker listens to.
"""

from __future__ import annotations

from collections.abc import Sequence

from faststream.nats import NatsRouter

from econsim import subjects
from econsim.errors import NotFound
from econsim.schemas.clock import TickedEvent
from econsim.services.admission.gateway import QUEUE, AdmissionGateway
from econsim.services.context import ServiceContext
from econsim.services.handlers import caller, event, untouched
from econsim.services.leadership import ActiveRun, Leadership, Post
from econsim.services.run_events import hear_of_runs


def router(context: ServiceContext, leadership: Leadership) -> NatsRouter:
    """Return what every worker of the service listens to."""
    routes = NatsRouter()
    entrance = AdmissionGateway(context, leadership)
    leadership.attend(entrance)

    hear_of_runs(routes, leadership, "admission", entrance.closed)

    @routes.subscriber(subjects.TICKED.pattern(), decoder=event, no_reply=True)
    async def admission_ticked(ticked: TickedEvent) -> None:
        entrance.ticked(ticked.correlation_id, ticked.tick)

    @routes.subscriber(subjects.INVOKE_LLM.pattern(), QUEUE, decoder=untouched)
    @routes.subscriber(subjects.USE_WORKSPACE.pattern(), QUEUE, decoder=untouched)
    @routes.subscriber(subjects.USE_SOCIAL.pattern(), QUEUE, decoder=untouched)
    async def not_yet(_: bytes) -> None:
        """Answer for a service that is still to come."""
        where = caller()
        message = f"there is no service yet for {where.entity}.{where.action}; the name is reserved"
        raise NotFound(message, code="no_such_service_yet")

    return routes


def posts(_: ServiceContext, __: ActiveRun) -> Sequence[Post]:
    """Return nothing: every worker serves every run."""
    return ()
