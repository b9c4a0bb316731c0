"""The agent service: one worker at a time runs each host of a run, with the host's scripted agents."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.agent.population import host_name
from econsim.services.agent import host
from econsim.services.context import ServiceContext
from econsim.services.definition import ServiceDefinition
from econsim.services.leadership import LeaderTask

service = ServiceDefinition("agent")
"""The agent service."""


@service.tasks_of_run
def hosts(context: ServiceContext, run: ActiveRun) -> Sequence[LeaderTask]:
    """Return one task for each host of a run that has agents, unless an executor does all of the run."""
    if run.is_whole:
        return ()
    indices = sorted({agent.host for agent in run.agents.values() if agent.host is not None})
    return tuple(
        LeaderTask(f"host.{run.name}.{host_name(index)}", partial(host.serve, context, run, index))
        for index in indices
    )
