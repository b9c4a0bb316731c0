"""The admission service: every worker runs an admission gateway."""

from __future__ import annotations

from collections.abc import Sequence

from econsim.services.admission.gateway import AdmissionGateway
from econsim.services.context import DepthWatch, ServiceContext
from econsim.services.definition import ServiceDefinition
from econsim.services.leadership import Component
from econsim.services.tick_watch import TickWatch

service = ServiceDefinition("admission")
"""The admission service."""


@service.in_background
def components(context: ServiceContext) -> Sequence[Component]:
    """Return the gateway that admits messages of external agents, and what keeps the depth of the order queue and ticks current."""
    return DepthWatch(context), TickWatch(context), AdmissionGateway(context)
