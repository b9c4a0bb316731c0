"""Server and services of one command, for as long as it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from econsim import subjects
from econsim.adapters.nats.connection import connect
from econsim.adapters.nats.rpc import ask
from econsim.adapters.poll import Poll
from econsim.adapters.server.server_use import used_by_run, wait_for_other_runs
from econsim.app import Server, running
from econsim.config import Settings
from econsim.errors import NotFound, SetupError, Unavailable
from econsim.routers import SERVICES
from econsim.runs.launch.flood_watch import watch_agents
from econsim.runs.launch.key_audit import operator_name
from econsim.runs.launch.left_runs import left_runs, stop_runs
from econsim.runs.launch.processes import spread
from econsim.runs.launch.server import provide_server
from econsim.schemas.clock import Ping, Pong
from econsim.schemas.names import NO_RUN

START_S: Final = 120.0
"""Seconds that services in processes of their own may take to start: on a busy machine loading takes many times as long."""

POLL_INTERVAL_S: Final = 0.5
"""Pause between two looks whether the clock service answers, in seconds."""

Notify = Callable[[str], None]
"""Shows a sentence about a failure to people."""

PoliciesOf = Callable[[Server], Awaitable[Path | None]]
"""Finds the directory of a run's policies; what it raises comes before any service is started."""


@dataclass(frozen=True, slots=True)
class LaunchOptions:
    """Services to start, and how."""

    services: Sequence[str] | None = None
    """Names of the services to start; none for all, unless they run already."""
    spread: bool = False
    """True if each service gets a process of its own."""
    workers: int = 1
    """Processes of each service, if spread."""
    ephemeral: bool = False
    """True if the data is deleted at the end."""
    policies_of: PoliciesOf | None = None
    """Function that finds, once there is a server, from which directory services may run policies; none for that of the settings."""


@asynccontextmanager
async def launch(options: LaunchOptions, config: Settings, notify: Notify) -> AsyncIterator[Server]:
    """Provide a server and start services for the time of the context; a server that runs already is used."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            provide_server(config, ephemeral=options.ephemeral, on_crash=notify)
        )
        # A command that starts what is missing is at work on runs; one that names its services serves others until it is stopped.
        state = server.state if options.services is None else None
        if state and not server.is_own:
            # First, so that it is last to go: services of this command that still end need the server, too.
            stack.enter_context(used_by_run(state))
        await stack.enter_async_context(watch_agents(server, notify))
        if options.policies_of:
            server = replace(server, policies=await options.policies_of(server))
        services = options.services
        if services is None:
            services = () if await services_answer(server) else services_to_start(server)
            # Asked once more, because another command may have started its services meanwhile, and opened its run.
            if services and (left := await left_runs(server)) and not await services_answer(server):
                await stop_runs(server, left, notify)
            if options.spread and not services:
                message = f"the services at {server.url} run already; leave --spread out, or end them first"
                raise SetupError(message)
        if options.spread:
            await stack.enter_async_context(spread(services, server, config.state, notify, options.workers))
            if "clock" in services:
                await wait_for_clock(server)
        else:
            await stack.enter_async_context(running(services, server))
        yield replace(server, started=tuple(services))
        if state and server.is_own:
            await wait_for_other_runs(state, notify)


async def wait_for_clock(server: Server, timeout_s: float = START_S) -> None:
    """Wait for the clock service that this command started; raises Unavailable if it is not there in time."""
    async for _ in Poll(POLL_INTERVAL_S, timeout_s):
        if await services_answer(server):
            return
    message = (
        f"the services that this command started do not answer after {timeout_s:.0f} s: "
        "the machine is too busy, or logs/clock.log of the state directory says why"
    )
    raise Unavailable(message)


def services_to_start(server: Server) -> tuple[str, ...]:
    """Return every service; raises SetupError if the credentials are of one person, who cannot act as all services."""
    if len({server.creds(service) for service in SERVICES}) == 1 and server.creds("market").is_file():
        message = (
            f"nobody runs econsim's services at {server.url}, and {server.creds('market')} cannot: start them where "
            "their credentials are, with `econsim up`, or give a directory of credentials with --creds"
        )
        raise SetupError(message)
    return tuple(SERVICES)


async def services_answer(server: Server) -> bool:
    """Tell whether a clock service answers: then the services run already."""
    creds = server.creds("operator")
    client = await connect(server.url, creds, "econsim-ping")
    try:
        await ask(client, subjects.PING(run=NO_RUN, agent=operator_name(creds)), Ping(), Pong)
    except NotFound:
        return False
    except Unavailable:
        return True
    finally:
        await client.close()
    return True
