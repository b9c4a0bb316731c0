"""The composition root: services by name, each with its own broker, composed into FastStream apps.

`faststream run econsim.app:market` runs one service, `econsim.app:everything` all of them in one process.
Nothing connects or reads the environment before an app is asked for by name.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from faststream import FastStream
from faststream.nats import NatsBroker, NatsCredentials, NatsRouter

from econsim import routers
from econsim.adapters import server_state
from econsim.adapters.connection import options, ready
from econsim.catalog import Catalog
from econsim.collector import collect_rarely
from econsim.config import Settings, settings
from econsim.errors import NotFound, SetupError
from econsim.link import Link
from econsim.middlewares import Bind, replies
from econsim.tenancy import OpenRun, Post, Tenancy

EVERYTHING: Final = "everything"
"""Name of the app that holds every service."""

GRACE_S: Final = 5.0
"""Longest a stopping service waits for what it is answering."""

NOWHERE: Final = "nats://127.0.0.1:4222"
"""Address in documents generated without a server; never connected to."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service, made."""

    link: Link
    """Its connection."""
    tenancy: Tenancy
    """Its posts."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one service is made."""

    router: Callable[[Link, Tenancy], NatsRouter]
    """What every worker listens to."""
    posts: Callable[[Link, OpenRun], Sequence[Post]]
    """What of a run one worker serves at a time."""


SERVICES: Final[Mapping[str, Recipe]] = {
    "ledger": Recipe(lambda _, tenancy: routers.ledger.router(tenancy), routers.ledger.posts),
    "market": Recipe(routers.market.router, routers.market.posts),
    "clock": Recipe(routers.clock.router, routers.clock.posts),
    "agent": Recipe(lambda _, tenancy: routers.agent.router(tenancy), routers.agent.posts),
}
"""Every service, by the name of its app and its role; no module of this file may take such a name."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where services connect, and as whom."""

    url: str
    """NATS URL; empty if there is none."""
    creds: Callable[[str], Path]
    """Role → creds file."""


def server_of(config: Settings) -> Server:
    """Return the server the settings name: an existing one, or the one embedded in the state directory."""

    def creds(role: str) -> Path:
        if config.creds and config.creds.is_file():
            return config.creds
        return (config.creds or config.state / "trust" / "creds") / f"{role}.creds"

    return Server(config.nats or server_state.running(config.state) or "", creds)


def build(*names: str, server: Server | None = None) -> FastStream:
    """Return an app of the named services; raises NotFound for a name that is no service."""
    found = server or server_of(settings())
    collect_rarely()
    made = [make(name, found) for name in names]
    app = FastStream(*(service.link.broker for service in made), specification=Catalog(*names))

    @app.on_startup
    async def check() -> None:
        if not found.url:
            message = (
                "no NATS server is running here; start one with `econsim up`, or name one with ECONSIM_NATS"
            )
            raise SetupError(message)

    @app.after_startup
    async def start() -> None:
        for service in made:
            await service.tenancy.start()

    @app.on_shutdown
    async def stop() -> None:
        for service in made:
            await service.tenancy.stop()

    return app


@asynccontextmanager
async def running(names: Sequence[str], server: Server) -> AsyncIterator[None]:
    """Run services in this process for the time of the context, without FastStream's signal handling."""
    collect_rarely()
    made = [make(name, server) for name in names]
    try:
        for service in made:
            await service.link.broker.start()
            await ready(service.link.client)
            await service.tenancy.start()
        yield
    finally:
        for service in made:
            await service.tenancy.stop()
        for service in made:
            await service.link.broker.stop()


def make(name: str, server: Server) -> Service:
    """Return a service with a broker of its own, not yet connected."""
    if name not in SERVICES:
        message = f"there is no service {name!r}; the services are {', '.join(SERVICES)}"
        raise NotFound(message)
    creds = server.creds(name)
    broker = NatsBroker(
        server.url or NOWHERE,
        security=NatsCredentials(str(creds)) if creds.exists() else None,
        middlewares=[Bind, replies()],
        # Its own logger: FastStream's default one writes a line for every message and every stop.
        logger=logging.getLogger("econsim.broker"),
        log_level=logging.DEBUG,
        graceful_timeout=GRACE_S,
        **options(f"econsim-{name}"),
    )
    link = Link(name, broker)
    tenancy = Tenancy(link, partial(SERVICES[name].posts, link))
    broker.include_router(SERVICES[name].router(link, tenancy))
    return Service(link, tenancy)


def __getattr__(name: str) -> FastStream:
    """Build the app of this name: a service, or `everything`."""
    if name == EVERYTHING:
        return build(*SERVICES)
    if name in SERVICES:
        return build(name)
    raise AttributeError(name)
