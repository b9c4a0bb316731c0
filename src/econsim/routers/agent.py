"""The agent service: hosts of scripted agents, one post per host of a run."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from faststream.nats import NatsRouter

from econsim.domain.agent.population import host_name
from econsim.services.agent import host
from econsim.services.context import ServiceContext
from econsim.services.leadership import ActiveRun, Leadership, Post
from econsim.services.run_events import hear_of_runs


def router(leadership: Leadership) -> NatsRouter:
    """Return what every worker of the service listens to."""
    routes = NatsRouter()

    hear_of_runs(routes, leadership, "agent")

    return routes


def posts(context: ServiceContext, run: ActiveRun) -> Sequence[Post]:
    """Return the hosts of a run that have agents."""
    indices = sorted({agent.host for agent in run.agents.values() if agent.host is not None})
    return tuple(
        Post(f"host.{run.name}.{host_name(index)}", partial(host.serve, context, run, index))
        for index in indices
    )
