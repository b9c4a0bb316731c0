"""A service's link to NATS: its broker, and what its posts use once the broker is connected."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from faststream.nats import NatsBroker
from nats.aio.client import Client
from nats.js import JetStreamContext

from econsim.adapters.clock import SystemClock, random_name
from econsim.ports import WallClock


@dataclass
class Link:
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

    @property
    def jetstream(self) -> JetStreamContext:
        """JetStream on the client."""
        return self.client.jetstream(publish_async_max_pending=10_000)
