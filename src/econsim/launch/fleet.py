"""The server and services one command needs, for as long as it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from econsim.app import SERVICES, Server, running
from econsim.config import Settings
from econsim.launch.bus import bus
from econsim.launch.processes import spread

Tell = Callable[[str], None]
"""Told in a sentence what went wrong on the way."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """What to start."""

    services: Sequence[str] = tuple(SERVICES)
    """Which services; none if they run elsewhere."""
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
        if fleet.spread:
            await stack.enter_async_context(spread(fleet.services, server, config.state, tell, fleet.workers))
        else:
            await stack.enter_async_context(running(fleet.services, server))
        yield server
