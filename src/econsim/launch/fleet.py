"""The server and services one command needs, for as long as it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from econsim import subjects
from econsim.adapters.calls import ask
from econsim.adapters.connection import connect
from econsim.app import SERVICES, Server, running
from econsim.config import Settings
from econsim.errors import NotFound, Refused, Unavailable
from econsim.launch.bus import bus
from econsim.launch.processes import spread
from econsim.schemas.clock import RunOpenedEvent
from econsim.schemas.market import GetPrices

Tell = Callable[[str], None]
"""Told in a sentence what went wrong on the way."""


@dataclass(frozen=True, slots=True)
class Fleet:
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
async def launched(fleet: Fleet, config: Settings, tell: Tell) -> AsyncIterator[Server]:
    """Start a fleet for the time of the context; the server is one that runs already, if there is one."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(bus(config, ephemeral=fleet.ephemeral, on_crash=tell))
        services = fleet.services
        if services is None:
            services = () if await answered(server) else tuple(SERVICES)
        if fleet.spread:
            await stack.enter_async_context(spread(services, server, config.state, tell, fleet.workers))
        else:
            await stack.enter_async_context(running(services, server))
        yield server


async def answered(server: Server) -> bool:
    """Return whether a clock service answers: then somebody runs the services."""
    client = await connect(server.url, server.creds("operator"), "econsim-look")
    try:
        # A question it must refuse: an answer of any kind is what counts.
        await ask(client, subjects.OPEN_RUN(operator="look"), GetPrices(), RunOpenedEvent)
    except NotFound:
        return False
    except (Refused, Unavailable):
        return True
    finally:
        await client.close()
    return True
