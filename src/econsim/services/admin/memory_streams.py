"""Create streams in memory again: a single server loses them, the counters of seconds, when it restarts.

One worker of the admin service at a time. Until the streams exist no agent is admitted, because its messages could not
be counted.
"""

from __future__ import annotations

from typing import Final

from econsim.adapters.jetstream import provision
from econsim.adapters.poll import Poll
from econsim.services.context import ServiceContext
from econsim.streams import STREAMS

LEASE: Final = "memory_streams.admin"
"""Lease of the task's leader."""

POLL_INTERVAL_S: Final = 1.0
"""Pause between two checks: agents wait meanwhile and try again."""

IN_MEMORY: Final = tuple(stream for stream in STREAMS if stream.storage == "memory")
"""Streams that do not survive a restart of the only server."""


async def serve(context: ServiceContext, poll_interval_s: float = POLL_INTERVAL_S) -> None:
    """Create missing streams, from time to time, until cancelled."""
    async for _ in Poll(poll_interval_s):
        await provision.apply(context.client, streams=IN_MEMORY)
