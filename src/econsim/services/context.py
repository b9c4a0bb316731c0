"""A service's link to NATS: its broker, and what its posts use once the broker is connected."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import cached_property

from faststream.nats import NatsBroker
from nats.aio.client import Client
from nats.js import JetStreamContext

from econsim.adapters.clock import SystemClock, random_name, unix_nanoseconds
from econsim.adapters.jetstream.counters import StreamCounters
from econsim.adapters.jetstream.queue_depth import Depth
from econsim.adapters.jetstream.quota_table import KeyQuotaTable
from econsim.ports import WallClock
from econsim.services.quota_meter import QuotaMeter
from econsim.services.rejections import Rejections
from econsim.subjects import ORDERS


@dataclass
class ServiceContext:
    """One service's connection; its attributes are usable after the broker started."""

    service: str
    """Name of the service, also its role."""
    broker: NatsBroker
    """Its own broker: its own connection and credentials."""
    clock: WallClock = field(default_factory=SystemClock)
    """Time of day."""

    @cached_property
    def holder(self) -> str:
        """Unique name of this process in leases."""
        return random_name(self.service)

    @property
    def client(self) -> Client:
        """The connected NATS client."""
        return self.broker.connection

    @cached_property
    def jetstream(self) -> JetStreamContext:
        """JetStream on the client; one for all, because each listens for its own acknowledgements."""
        return self.client.jetstream(publish_async_max_pending=10_000)

    @cached_property
    def meter(self) -> QuotaMeter:
        """What counts agents' messages against their quotas, in this worker."""
        return QuotaMeter(StreamCounters(self.client), KeyQuotaTable(self.client), unix_nanoseconds)

    @cached_property
    def depth(self) -> Depth:
        """How many orders wait, for who adds to them on an agent's behalf; `QueueWatch` keeps it true."""
        return Depth(self.client, ORDERS)

    @cached_property
    def rejections(self) -> Rejections:
        """What tells of tries at what is not allowed."""
        return Rejections(self.client, self.service, self.holder, self.clock)


class QueueWatch:
    """Keeps a link's `depth` true for as long as its service works."""

    def __init__(self, context: ServiceContext) -> None:
        """Watch on this link, from `start` to `stop`."""
        self._context = context
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look."""
        self._watching = asyncio.create_task(self._context.depth.watch())

    async def stop(self) -> None:
        """Look no more."""
        if self._watching:
            self._watching.cancel()
