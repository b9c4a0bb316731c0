"""The server and services one command needs, for as long as it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from econsim import subjects
from econsim.adapters.nats.connection import connect
from econsim.adapters.nats.rpc import ask
from econsim.app import Server, running
from econsim.config import Settings
from econsim.errors import NotFound, SetupError, Unavailable
from econsim.routers import SERVICES
from econsim.runs.launch.flood_watch import watch_agents
from econsim.runs.launch.key_audit import operator_name
from econsim.runs.launch.processes import spread
from econsim.runs.launch.server import provide_server
from econsim.schemas.admin import NO_RUN
from econsim.schemas.clock import Ping, Pong

Notify = Callable[[str], None]
"""Told in a sentence what went wrong on the way."""


@dataclass(frozen=True, slots=True)
class LaunchOptions:
    """What to start."""

    services: Sequence[str] | None = None
    """Which services; None for all, unless somebody runs them already."""
    spread: bool = False
    """Each in a process of its own."""
    workers: int = 1
    """Processes of each, if spread."""
    ephemeral: bool = False
    """Whether the data is thrown away at the end."""


@asynccontextmanager
async def launch(fleet: LaunchOptions, config: Settings, tell: Notify) -> AsyncIterator[Server]:
    """Start a fleet for the time of the context; the server is one that runs already, if there is one."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            provide_server(config, ephemeral=fleet.ephemeral, on_crash=tell)
        )
        await stack.enter_async_context(watch_agents(server, tell))
        services = fleet.services
        if services is None:
            services = () if await services_answer(server) else services_to_start(server)
            if fleet.spread and not services:
                message = f"the services at {server.url} run already; leave --spread out, or end them first"
                raise SetupError(message)
        if fleet.spread:
            await stack.enter_async_context(spread(services, server, config.state, tell, fleet.workers))
        else:
            await stack.enter_async_context(running(services, server))
        yield server


def services_to_start(server: Server) -> tuple[str, ...]:
    """Return every service; raises SetupError if the credentials at hand are one person's, who cannot be them all."""
    if len({server.creds(service) for service in SERVICES}) == 1 and server.creds("market").is_file():
        message = (
            f"nobody runs econsim's services at {server.url}, and {server.creds('market')} cannot: start them where "
            "their credentials are, with `econsim up`, or give a directory of credentials with --creds"
        )
        raise SetupError(message)
    return tuple(SERVICES)


async def services_answer(server: Server) -> bool:
    """Return whether a clock service answers: then somebody runs the services."""
    creds = server.creds("operator")
    client = await connect(server.url, creds, "econsim-look")
    try:
        await ask(client, subjects.PING(run=NO_RUN, agent=operator_name(creds)), Ping(), Pong)
    except NotFound:
        return False
    except Unavailable:
        return True
    finally:
        await client.close()
    return True
