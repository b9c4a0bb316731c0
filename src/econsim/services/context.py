"""The context of a service: its broker, and what its handlers and tasks use once the broker is connected."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from faststream.exceptions import IncorrectState
from faststream.nats import NatsBroker
from nats.aio.client import Client
from nats.js import JetStreamContext

from econsim import subjects
from econsim.adapters.clock import SystemClock, random_name, unix_nanoseconds
from econsim.adapters.jetstream.audit_log import last_event
from econsim.adapters.jetstream.counters import StreamCounters
from econsim.adapters.jetstream.key_table import BucketKeyTable
from econsim.adapters.jetstream.leases import KeyLeases
from econsim.adapters.jetstream.queue_depth import QueueDepth
from econsim.adapters.jetstream.quota_table import KeyQuotaTable
from econsim.adapters.jetstream.text_store import BucketTextStore
from econsim.adapters.jetstream.workspace_store import BucketChunkStore, BucketFileRecords
from econsim.domain.agent.active_run import ActiveRun, ActiveRuns
from econsim.domain.audit.decoding import event_of
from econsim.errors import Unavailable
from econsim.ports import KeyTable, Leases, ModelProvider, TextStore, ToolServer, WallClock
from econsim.schemas.clock import Ticked
from econsim.services.quota_meter import QuotaMeter
from econsim.services.rejections import RejectionEvents
from econsim.services.tracing import SpanCollector, Tracing, Untraced
from econsim.services.workspaces import Workspaces
from econsim.streams.snapshots import SNAPSHOTS

if TYPE_CHECKING:
    from econsim.domain.metrics.run_figures import RunFigures

FIRST_LOOK_S: Final = 2.0
"""Longest a request waits for the first look at which runs are open, seconds: it takes milliseconds."""


@dataclass
class ServiceContext:
    """One service: its connection, the runs it knows, and the ports its work uses.

    Everything below `client` is made when it is first used and raises RuntimeError before the broker has started.
    """

    service: str
    """Name of the service, also its role."""
    broker: NatsBroker
    """Broker of the service, with a connection and credentials of its own."""
    clock: WallClock = field(default_factory=SystemClock)
    """Time of day."""
    providers: Mapping[str, ModelProvider] = field(default_factory=dict)
    """Providers of language models by name, in the cognition service; their limits hold for all runs of the worker."""
    tool_servers: Mapping[str, ToolServer] = field(default_factory=dict)
    """Servers of outside tools by name, in the tool gateway."""
    metrics_at: tuple[str, int] | None = None
    """Address and port at which the metrics service serves figures; none if nobody is to see them."""
    run_figures: dict[str, RunFigures] = field(default_factory=dict)
    """Figures of the runs that this worker follows, by name, in the metrics service."""
    policies: Path | None = None
    """Directory from which, and from below, the agent service runs policies of scenarios; none for none."""
    runs: ActiveRuns = field(default_factory=ActiveRuns)
    """Open runs, as the service's leadership keeps them."""
    tracing: Tracing = field(default_factory=Untraced)
    """Live spans of the service."""
    collector: SpanCollector | None = None
    """Collector to which the trace service sends spans; none for nowhere."""
    runs_are_known: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once leadership has looked in the log which runs are open."""

    @cached_property
    def holder(self) -> str:
        """Unique name of this process, as the holder of leases."""
        return random_name(self.service)

    @property
    def client(self) -> Client:
        """Connected NATS client."""
        try:
            return self.broker.connection
        except IncorrectState as error:
            message = (
                f"service {self.service} is not connected: its client exists once its broker has started"
            )
            raise RuntimeError(message) from error

    async def require_run(self, name: str) -> ActiveRun:
        """Return an open run; a worker that has just started looks in the log before it answers.

        Raises NotFound for a run that is not open, Unavailable if the first look takes longer than FIRST_LOOK_S.
        """
        if name not in self.runs and not self.runs_are_known.is_set():
            try:
                async with asyncio.timeout(FIRST_LOOK_S):
                    await self.runs_are_known.wait()
            except TimeoutError:
                message = "this worker has just started and does not know yet which runs are open; try again"
                raise Unavailable(message) from None
        return self.runs.require(name)

    async def tick(self, run: str) -> int:
        """Return an open run's logical time, 0 before its first; a worker that missed the newest tick reads it from the log once."""
        if self.runs.tick(run) is None:
            stored = await last_event(self.client, subjects.TICKED(run=run))
            ticked = event_of(Ticked, stored.subject, stored.payload) if stored else None
            if self.runs.tick(run) is None:
                self.runs.note_tick(run, ticked.tick if ticked else 0)
        return self.runs.tick(run) or 0

    @cached_property
    def jetstream(self) -> JetStreamContext:
        """JetStream on the client; one for all, because each listens for its own acknowledgements."""
        return self.client.jetstream(publish_async_max_pending=10_000)

    @cached_property
    def leases(self) -> Leases:
        """Leases by which the service's workers elect who does a task."""
        return KeyLeases(self.client)

    @cached_property
    def snapshots(self) -> KeyTable:
        """Snapshots of the service's components, in a service that has a bucket of them."""
        return BucketKeyTable(self.client, SNAPSHOTS[self.service], self.jetstream)

    @cached_property
    def texts(self) -> TextStore:
        """Long texts of calls."""
        return BucketTextStore(self.client, self.jetstream)

    @cached_property
    def workspaces(self) -> Workspaces:
        """Workspaces of agents, in the workspace service."""
        return Workspaces(BucketFileRecords(self.client), BucketChunkStore(self.client, self.jetstream))

    @cached_property
    def meter(self) -> QuotaMeter:
        """Meter of agents' messages against their quotas, in this worker."""
        return QuotaMeter(StreamCounters(self.client), KeyQuotaTable(self.client), unix_nanoseconds)

    @cached_property
    def depth(self) -> QueueDepth:
        """Depth of the order queue, for backpressure on agents; `DepthWatch` keeps it current."""
        return QueueDepth(self.client, subjects.ORDERS)

    @cached_property
    def rejections(self) -> RejectionEvents:
        """Publisher of events about attempts at what is not allowed."""
        return RejectionEvents(self.client, self.service, self.holder, self.clock)


class DepthWatch:
    """Component that keeps a context's `depth` current."""

    def __init__(self, context: ServiceContext) -> None:
        """Watch the depth of this context, from `start` to `stop`."""
        self._context = context
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to watch."""
        self._watching = asyncio.create_task(self._context.depth.watch())

    async def stop(self) -> None:
        """End the watch."""
        if self._watching:
            self._watching.cancel()
