"""The composition root: services by name, each with its own broker, composed into FastStream apps.

`faststream run econsim.app:market` runs one service, `econsim.app:everything` all of them in one process.
Nothing connects or reads the environment before an app is asked for by name.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from faststream import FastStream
from faststream.nats import NatsBroker, NatsCredentials

from econsim.adapters.clock import unix_seconds
from econsim.adapters.nats.connection import addressed, connect, options, ready, servers
from econsim.adapters.nats.credential_renewal import keep_current, persist
from econsim.adapters.nats.publish_guard import guard
from econsim.adapters.nats.rate_gate import REQUESTS_MAX, Gate, guard_entry, harden
from econsim.adapters.server import state_directory
from econsim.adapters.server.child_processes import PARENT, end_with_parent
from econsim.config import Settings, environment, settings
from econsim.domain.admission.quota import QuotaKind
from econsim.errors import NotFound, SetupError
from econsim.identity.roles import permissions
from econsim.identity.trust_root import Trust
from econsim.routers import SERVICES
from econsim.schemas.admission import AgentSuspended
from econsim.schemas.subject import Parsed
from econsim.services.admission.gateway import FLOOD_MAX
from econsim.services.asyncapi import Catalog
from econsim.services.context import ServiceContext
from econsim.services.gc_tuning import collect_rarely
from econsim.services.handlers import BindMessage, error_replies
from econsim.services.leadership import Leadership
from econsim.services.operator_audit import OperatorAudit
from econsim.services.reply_check import ReplySubjectCheck
from econsim.services.routes import router

EVERYTHING: Final = "everything"
"""Name of the app that holds every service."""

GRACE_S: Final = 5.0
"""Longest a stopping service waits for what it is answering."""

SILENT_S: Final = 2.0
"""Seconds a service may take to connect before it says where it tries; it takes some milliseconds."""

NOWHERE: Final = "nats://127.0.0.1:4222"
"""Address in documents generated without a server; never connected to."""


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Service:
    """One service, made."""

    context: ServiceContext
    """Its connection."""
    leadership: Leadership
    """Its posts."""
    creds: Path | None
    """Its credentials."""
    renewing: set[asyncio.Task[None]] = field(default_factory=set)
    """Keeps the credentials current."""

    async def start(self) -> None:
        """Begin to serve, once the broker is connected; from now on the client speaks only where the role may."""
        name, rejections = self.context.service, self.context.rejections
        guard(self.context.client, name, permissions(name)["pub"]["allow"], rejections.of_service)
        most = FLOOD_MAX if name == "admission" else REQUESTS_MAX
        guard_entry(self.context.client, Gate(self._allowed, self._suspend, most))
        await ready(self.context.client)
        persist(self.context.client)
        if self.creds:
            self.renewing.add(asyncio.create_task(keep_current(self.context.client, self.creds)))
        await self.leadership.start()

    def _allowed(self, sender: Parsed) -> int:
        """Return the messages a second an agent may send."""
        return self.context.meter.limit(QuotaKind.PUBLISH_RATE, sender.run, sender.agent)

    def _suspend(self, sender: Parsed, received: int) -> None:
        """Have an agent's account taken away that sends this service far more than its share."""
        told = AgentSuspended(agent=sender.agent, received=received, allowed=self._allowed(sender))
        self.context.rejections.suspend(sender.run, told)

    async def stop(self) -> None:
        """Stop serving; the broker is stopped by who started it."""
        for task in self.renewing:
            task.cancel()
        await self.leadership.stop()


@dataclass(frozen=True, slots=True)
class Server:
    """Where services connect, and as whom."""

    url: str
    """NATS URL, or several with commas between them; empty if there is none."""
    creds: Callable[[str], Path]
    """Role → creds file."""
    trust: Trust | None = None
    """The trust root, where it is ours: then agents' accounts can be made."""


def server_of(config: Settings) -> Server:
    """Return the server the settings name: an existing one, or the one embedded in the state directory."""

    def creds(role: str) -> Path:
        if config.creds and config.creds.is_file():
            return config.creds
        return (config.creds or config.state / "trust" / "creds") / f"{role}.creds"

    url = state_directory.running(config.state) or ""
    trust = Trust.open(config.state, unix_seconds) if url and not config.nats else None
    return Server(config.nats or url, creds, trust)


def build(*names: str, server: Server | None = None) -> FastStream:
    """Return an app of the named services; raises NotFound for a name that is no service."""
    found = server or server_of(settings())
    collect_rarely()
    if parent := environment().get(PARENT):
        end_with_parent(int(parent))
    made = [make(name, found) for name in names]
    waiting: list[asyncio.Task[None]] = []
    app = FastStream(*(service.context.broker for service in made), specification=Catalog(*names))

    @app.on_startup
    async def check() -> None:
        addressed(found.url)
        waiting.append(asyncio.create_task(_tell_of_no_answer(found, names[0])))

    @app.after_startup
    async def start() -> None:
        for task in waiting:
            task.cancel()
        for service in made:
            await service.start()

    @app.on_shutdown
    async def stop() -> None:
        for service in made:
            await service.stop()

    return app


async def _tell_of_no_answer(server: Server, service: str) -> None:
    """Say where a service tries to connect and what comes of it, until it is connected: a broker tries in silence."""
    path = server.creds(service)
    while True:
        await asyncio.sleep(SILENT_S)
        try:
            creds = path if path.exists() else None
            client = await connect(server.url, creds, f"econsim-{service}-look", patience_s=SILENT_S)
        except SetupError as error:
            _log.warning("%s; %s goes on trying", error, service)
        else:
            await client.close()


@asynccontextmanager
async def running(names: Sequence[str], server: Server) -> AsyncIterator[None]:
    """Run services in this process for the time of the context, without FastStream's signal handling."""
    collect_rarely()
    made = [make(name, server) for name in names]
    try:
        for service in made:
            await service.context.broker.start()
            await service.start()
        yield
    finally:
        for service in made:
            await service.stop()
        for service in made:
            await service.context.broker.stop()


def make(name: str, server: Server) -> Service:
    """Return a service with a broker of its own, not yet connected."""
    if name not in SERVICES:
        message = f"there is no service {name!r}; the services are {', '.join(SERVICES)}"
        raise NotFound(message)
    harden()
    path = server.creds(name)
    creds = path if path.exists() else None
    broker = NatsBroker(
        servers(server.url or NOWHERE),
        security=NatsCredentials(str(creds)) if creds else None,
        # Its own logger: FastStream's default one writes a line for every message and every stop.
        logger=logging.getLogger("econsim.broker"),
        log_level=logging.DEBUG,
        graceful_timeout=GRACE_S,
        **options(f"econsim-{name}", creds),
    )
    context, definition = ServiceContext(name, broker), SERVICES[name]
    # From the outside in: each message passes them in this order, its reply in the reverse.
    for middleware in (
        BindMessage(context),
        error_replies(),
        OperatorAudit(context),
        ReplySubjectCheck(context),
    ):
        broker.add_middleware(middleware)
    leadership = Leadership(
        context,
        partial(definition.run_tasks, context),
        definition.service_tasks(context),
        definition.components(context),
    )
    broker.include_router(router(name, (*leadership.routes, *definition.routes)))
    return Service(context, leadership, creds)


def __getattr__(name: str) -> FastStream:
    """Build the app of this name: a service, or `everything`."""
    if name == EVERYTHING:
        return build(*SERVICES)
    if name in SERVICES:
        return build(name)
    raise AttributeError(name)
