"""The executor service: one worker at a time executes each run that is to be executed whole."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from econsim.domain.agent.active_run import ActiveRun
from econsim.services.context import ServiceContext
from econsim.services.definition import ServiceDefinition
from econsim.services.executor import executor
from econsim.services.leadership import LeaderTask

service = ServiceDefinition("executor")
"""The executor service."""


@service.tasks_of_run
def execution(context: ServiceContext, run: ActiveRun) -> Sequence[LeaderTask]:
    """Return the one task of a run that is executed whole; none of others."""
    if not run.is_whole:
        return ()
    return (LeaderTask(f"executor.{run.name}", partial(executor.serve, context, run)),)
