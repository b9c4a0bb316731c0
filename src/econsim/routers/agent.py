"""The agent service: hosts of scripted agents, one post per host of a run."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from faststream.nats import NatsRouter

from econsim.domain.agent.population import UNHOSTED, host_name
from econsim.services.agent import host
from econsim.services.context import Link
from econsim.services.leadership import OpenRun, Post, Tenancy
from econsim.services.run_events import hear_of_runs


def router(tenancy: Tenancy) -> NatsRouter:
    """Return what every worker of the service listens to."""
    routes = NatsRouter()

    hear_of_runs(routes, tenancy, "agent")

    return routes


def posts(link: Link, run: OpenRun) -> Sequence[Post]:
    """Return the hosts of a run that have agents."""
    indices = sorted({agent.host for agent in run.agents.values()} - {UNHOSTED})
    return tuple(
        Post(f"host.{run.name}.{host_name(index)}", partial(host.serve, link, run, index))
        for index in indices
    )
