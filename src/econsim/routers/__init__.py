"""The services by domain word: each module holds a service's handlers, its table of routes, and its leader tasks.

Handlers parse, load, decide and publish; no module here imports another.
"""

from collections.abc import Mapping
from typing import Final

from econsim.routers import (
    admin,
    admission,
    agent,
    clock,
    cognition,
    executor,
    ledger,
    market,
    mcp,
    social,
    workspace,
)
from econsim.services.definition import ServiceDefinition

SERVICES: Final[Mapping[str, ServiceDefinition]] = {
    module.service.name: module.service
    for module in (
        ledger,
        market,
        cognition,
        clock,
        agent,
        executor,
        admission,
        admin,
        mcp,
        social,
        workspace,
    )
}
"""Definition of every service, by the name of its app and its role."""
