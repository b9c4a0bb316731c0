"""The metrics service: exports figures of the server, of all services and of open runs, if an address is set for it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from econsim.domain.agent.active_run import ActiveRun
from econsim.services.context import ServiceContext
from econsim.services.definition import ServiceDefinition
from econsim.services.leadership import Component, LeaderTask
from econsim.services.metrics import run_watch
from econsim.services.metrics.exporter import Exporter

service = ServiceDefinition("metrics")
"""The metrics service."""


@service.tasks_of_run
def runs(context: ServiceContext, run: ActiveRun) -> Sequence[LeaderTask]:
    """Return the task that follows an open run, if anybody is to see its figures."""
    if context.metrics_at is None:
        return ()
    return (LeaderTask(f"figures.{run.name}", partial(run_watch.serve, context, run)),)


@service.in_background
def components(context: ServiceContext) -> Sequence[Component]:
    """Return the exporter, if there is an address for it."""
    return () if context.metrics_at is None else (Exporter(context, *context.metrics_at),)
