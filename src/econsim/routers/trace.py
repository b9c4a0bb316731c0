"""The trace service: one worker a run makes its spans from its log; every worker sends spans to the collector."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from econsim.domain.agent.active_run import ActiveRun
from econsim.services.context import ServiceContext
from econsim.services.definition import ServiceDefinition
from econsim.services.leadership import Component, LeaderTask
from econsim.services.trace import economy
from econsim.services.trace.bridge import SpanBridge

service = ServiceDefinition("trace")
"""The trace service."""


@service.tasks_of_run
def spans(context: ServiceContext, run: ActiveRun) -> Sequence[LeaderTask]:
    """Return the task that makes the spans of a run while it goes on; none while nothing is traced."""
    if not context.tracing.share:
        return ()
    return (LeaderTask(f"spans.{run.name}", partial(economy.serve, context, run)),)


@service.in_background
def components(context: ServiceContext) -> Sequence[Component]:
    """Return the bridge to the collector, if there is one."""
    return (SpanBridge(context, context.collector),) if context.collector else ()
