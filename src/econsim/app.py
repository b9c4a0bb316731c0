"""The composition root: services by name, each with its own broker, composed into FastStream apps.

`faststream run econsim.app:market` runs one service, `econsim.app:everything` all of them in one process.
Nothing connects or reads the environment before an app is asked for by name.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import econsim.adapters.nats.late_imports  # noqa: F401 - before FastStream and nats-py

# isort: split
from faststream import FastStream
from faststream.nats import NatsCredentials

from econsim.adapters.cancellation import CANCEL_AGAIN_S, CANCEL_S, cancel_until_done
from econsim.adapters.clock import unix_seconds
from econsim.adapters.logs import configure_log
from econsim.adapters.nats.connection import connect, options, require_server, server_urls, synchronize
from econsim.adapters.nats.credential_renewal import keep_current, keep_trying
from econsim.adapters.nats.patches import apply_patches, install_filter
from econsim.adapters.nats.publish_guard import restrict_publishing
from econsim.adapters.nats.rate_gate import REQUESTS_MAX, RateGate
from econsim.adapters.nats.reply_serializer import ReplySerializer
from econsim.adapters.nats.stopping_broker import BROKER_LOG, StoppingBroker
from econsim.adapters.server import state_directory
from econsim.adapters.server.child_processes import PARENT, end_with_parent
from econsim.adapters.server.server_loss import wait_until_lost
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
from econsim.services.figures_reporter import FiguresReporter
from econsim.services.gc_tuning import collect_rarely
from econsim.services.handlers import BindMessage, MessageSpans, error_replies
from econsim.services.leadership import Leadership
from econsim.services.log_fields import log_fields
from econsim.services.operator_audit import OperatorAudit
from econsim.services.reply_check import ReplySubjectCheck
from econsim.services.routes import router
from econsim.services.trace.collector import span_collector
from econsim.services.worker_app import WorkerApp

if TYPE_CHECKING:
    from econsim.adapters.mcp.tool_server import KeptToolServer
    from econsim.ports import ModelProvider

EVERYTHING: Final = "everything"
"""Name of the app that holds every service."""

COGNITION: Final = "cognition"
"""Name of the service that asks language models."""

MCP: Final = "mcp"
"""Name of the service that calls outside tools."""

TRACE: Final = "trace"
"""Name of the service that makes spans of runs, and sends spans to a collector."""

METRICS: Final = "metrics"
"""Name of the service that exports figures."""

GRACE_S: Final = 5.0
"""Seconds that a stopping service waits for requests being answered."""

SILENT_S: Final = 2.0
"""Seconds without a connection before a warning; connecting takes some milliseconds."""

LOOK_S: Final = 0.1
"""Pause between two looks whether a stopping service is still connected."""

LOST_S: Final = 1.0
"""Seconds without its server after which a stopping service is given up: a restarted one is back within 0.3 s."""

NOWHERE: Final = "nats://127.0.0.1:4222"
"""Address in documents generated without a server; nothing connects to it."""


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Service:
    """One service of this process."""

    context: ServiceContext
    """Context of the service, with its connection."""
    leadership: Leadership
    """Leader tasks and components of the service."""
    creds: Path | None
    """File of its credentials; none where the server asks for none."""
    renewing: set[asyncio.Task[None]] = field(default_factory=set)
    """Task that renews the credentials, while the service runs."""

    async def start(self) -> None:
        """Start once the broker is connected; the client then publishes only on subjects of its role."""
        name, rejections = self.context.service, self.context.rejections
        restrict_publishing(
            self.context.client, name, permissions(name)["pub"]["allow"], rejections.publish_service_attempt
        )
        most = FLOOD_MAX if name == "admission" else REQUESTS_MAX
        self.context.tracing.start(self.context.client)
        install_filter(self.context.client, RateGate(self._rate_limit, self._suspend, most).passes)
        await synchronize(self.context.client)
        keep_trying(self.context.client)
        if self.creds:
            self.renewing.add(asyncio.create_task(keep_current(self.context.client, self.creds)))
        await self.leadership.start()

    def _rate_limit(self, sender: Parsed) -> int:
        """Return the rate limit of an agent, messages a second."""
        return self.context.meter.limit(QuotaKind.PUBLISH_RATE, sender.run, sender.agent)

    def _suspend(self, sender: Parsed, received: int) -> None:
        """Publish that an agent's account must be revoked: it sends this service far more than its rate limit."""
        suspended = AgentSuspended(agent=sender.agent, received=received, allowed=self._rate_limit(sender))
        self.context.rejections.publish_suspension(sender.run, suspended)

    @property
    def is_lost(self) -> bool:
        """True while the connection that the service had is gone."""
        try:
            return not self.context.client.is_connected
        except RuntimeError:
            return False

    async def stop(self) -> None:
        """Stop leader tasks and components; the caller that started the broker stops it."""
        for task in self.renewing:
            task.cancel()
        await self.leadership.stop()
        await self.context.tracing.stop()
        if self.context.providers:
            from econsim.services.cognition.providers import close_providers

            await close_providers(self.context.providers)


@dataclass(frozen=True, slots=True)
class Server:
    """The server that services connect to, and their credentials."""

    url: str
    """URL of the NATS server, or several with commas between them; empty if there is none."""
    creds: Callable[[str], Path]
    """Function role → creds file."""
    trust: Trust | None = None
    """Trust root of the server, if this process may use it: it can then create agents' accounts."""
    state: Path | None = None
    """State directory whose embedded server this is; none for a server that the settings name."""
    started: tuple[str, ...] = ()
    """Names of the services that the command with this value started."""
    policies: Path | None = None
    """Directory of the policies that services of this command may run; none for that of the settings."""
    is_own: bool = False
    """True if this command started the server, so that it ends with the command."""


def server_of(config: Settings) -> Server:
    """Return the server of the settings: an existing one, or the one embedded in the state directory."""

    def creds(role: str) -> Path:
        if config.creds and config.creds.is_file():
            return config.creds
        return (config.creds or config.state / "trust" / "creds") / f"{role}.creds"

    url = state_directory.running_url(config.state) or ""
    trust = Trust.open(config.state, unix_seconds) if url and not config.nats else None
    return Server(config.nats or url, creds, trust, None if config.nats else config.state)


def build(*names: str, server: Server | None = None) -> FastStream:
    """Return an app of the named services; raises NotFound for the name of no service."""
    found = server or server_of(settings())
    collect_rarely()
    if parent := environment().get(PARENT):
        end_with_parent(int(parent))
    config = settings()
    own = names[0] if len(names) == 1 else ""
    file = config.log_directory and config.log_directory / f"{own or EVERYTHING}.log"
    configure_log(config.log_format, config.log_level, partial(log_fields, own), file)
    made = [make(name, found) for name in names]
    waiting: list[asyncio.Task[None]] = []
    watching: list[asyncio.Task[None]] = []
    app = WorkerApp(*(service.context.broker for service in made), specification=Catalog(*names))

    @app.on_startup
    async def check() -> None:
        require_server(found.url)
        waiting.append(asyncio.create_task(_warn_while_unconnected(found, names[0])))
        if found.state:
            watching.append(asyncio.create_task(_fail_without_server(app, found.state, found.url)))

    @app.after_startup
    async def start() -> None:
        for task in waiting:
            task.cancel()
        for service in made:
            await service.start()

    @app.on_shutdown
    async def stop() -> None:
        await _stop_services(made)

    return app


async def _fail_without_server(app: WorkerApp, state: Path, url: str) -> None:
    """End an app once the server of its state directory is gone for good."""
    app.fail(await wait_until_lost(state, url))


async def _stop_services(made: Sequence[Service]) -> None:
    """Stop services; without their server they are given up after LOST_S, and their leases expire."""
    stopping = asyncio.gather(*(service.stop() for service in made))
    looks = 0
    while not (await asyncio.wait({stopping}, timeout=LOOK_S))[0]:
        looks = looks + 1 if any(service.is_lost for service in made) else 0
        if looks * LOOK_S > LOST_S:
            _log.warning("the server is gone: its services stop, and leave their leases to expire")
            await cancel_until_done([stopping], CANCEL_AGAIN_S, CANCEL_S)
            return
    await stopping


async def _warn_while_unconnected(server: Server, service: str) -> None:
    """Log the address and the reason while a service cannot connect: a broker tries in silence."""
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
    config = settings()
    if config.log_format == "json":
        configure_log(config.log_format, config.log_level, log_fields)
    collect_rarely()
    made = [make(name, server) for name in names]
    try:
        for service in made:
            await service.context.broker.start()
            await service.start()
        yield
    finally:
        try:
            await _stop_services(made)
        finally:
            await asyncio.gather(*(service.context.broker.stop() for service in made))


def make(name: str, server: Server) -> Service:
    """Return a service with a broker of its own, not yet connected."""
    if name not in SERVICES:
        message = f"there is no service {name!r}; the services are {', '.join(SERVICES)}"
        raise NotFound(message)
    apply_patches()
    path = server.creds(name)
    creds = path if path.exists() else None
    broker = StoppingBroker(
        server_urls(server.url or NOWHERE),
        security=NatsCredentials(str(creds)) if creds else None,
        logger=BROKER_LOG,
        log_level=logging.DEBUG,
        # Handlers take the decoded body alone: injection would cost a quarter of the library's time for a message.
        apply_types=False,
        serializer=ReplySerializer(),
        graceful_timeout=GRACE_S,
        **options(f"econsim-{name}", creds),
    )
    config = settings()
    providers = model_providers(config) if name == COGNITION else {}
    tools = tool_servers(config, *filter(None, [server.state])) if name == MCP else {}
    collector = span_collector(config.otlp_url) if name == TRACE and config.otlp_url else None
    context = ServiceContext(name, broker, providers=providers, tool_servers=tools, collector=collector)
    context.metrics_at = config.metrics_at if name == METRICS else None
    context.policies = server.policies or config.policies
    if config.trace_sample:
        from econsim.adapters.nats.tracing import LiveTracing

        context.tracing = LiveTracing(name, config.trace_sample, context.runs)
    definition = SERVICES[name]
    # From the outside in: each message passes them in this order, its reply in the reverse.
    spans = (MessageSpans(context.tracing),) if config.trace_sample else ()
    for middleware in (
        BindMessage(context),
        error_replies(),
        *spans,
        OperatorAudit(context),
        ReplySubjectCheck(context),
    ):
        broker.add_middleware(middleware)
    leadership = Leadership(
        context,
        partial(definition.run_tasks, context),
        definition.service_tasks(context),
        (*definition.components(context), FiguresReporter(context)),
    )
    broker.include_router(router(name, (*leadership.routes, *definition.routes)))
    return Service(context, leadership, creds)


def model_providers(config: Settings) -> Mapping[str, ModelProvider]:
    """Return the providers of language models: `rules`, and those of the operator's file."""
    from econsim.services.cognition.providers import configured_providers

    return configured_providers(config.providers, environment())


def tool_servers(config: Settings, *secrets: Path) -> Mapping[str, KeptToolServer]:
    """Return the tool servers of the operator's file, none of which may see the keys of this deployment or `secrets`."""
    if config.tools is None:
        return {}
    from econsim.adapters.mcp.server_file import read_tool_servers
    from econsim.agents.sandbox.tool_server import launcher

    hidden = (config.state.absolute(), config.tools.absolute(), *(path.absolute() for path in secrets))
    return read_tool_servers(config.tools, environment(), launcher(environment(), hidden))


def __getattr__(name: str) -> FastStream:
    """Build the app of this name: a service, or `everything`."""
    if name == EVERYTHING:
        return build(*SERVICES)
    if name in SERVICES:
        return build(name)
    raise AttributeError(name)
