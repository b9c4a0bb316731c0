"""The definition of a service: what its workers handle, what one worker at a time does, what runs in the background.

`routers/` defines the services, `app` makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from econsim.domain.agent.active_run import ActiveRun
from econsim.services.context import ServiceContext
from econsim.services.leadership import Component, LeaderTask
from econsim.services.routes import Route


def _no_tasks(_: ServiceContext) -> Sequence[LeaderTask]:
    return ()


def _no_run_tasks(_: ServiceContext, __: ActiveRun) -> Sequence[LeaderTask]:
    return ()


def _no_components(_: ServiceContext) -> Sequence[Component]:
    return ()


@dataclass(frozen=True, slots=True)
class ServiceDefinition:
    """One service, not yet made."""

    routes: Sequence[Route] = ()
    """Routes that every worker handles."""
    run_tasks: Callable[[ServiceContext, ActiveRun], Sequence[LeaderTask]] = _no_run_tasks
    """Tasks of an open run, each done by one worker at a time."""
    service_tasks: Callable[[ServiceContext], Sequence[LeaderTask]] = _no_tasks
    """Tasks of the service as a whole, each done by one worker at a time."""
    components: Callable[[ServiceContext], Sequence[Component]] = _no_components
    """Components that every worker runs in the background."""
