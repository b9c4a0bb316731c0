"""Declaring anew what a single server forgets when it restarts: streams in memory, the counters of seconds.

One worker of the admin service at a time. Until it is done no agent is let in, for nobody could count it.
"""

from __future__ import annotations

import asyncio
from typing import Final

from econsim.adapters.jetstream import provision
from econsim.services.context import ServiceContext
from econsim.streams import STREAMS

LEASE: Final = "redeclare.admin"
"""The post's lease."""

LOOK_S: Final = 1.0
"""Pause between looks: agents wait and try again meanwhile."""

IN_MEMORY: Final = tuple(stream for stream in STREAMS if stream.storage == "memory")
"""Streams that do not survive the only server."""


async def serve(context: ServiceContext) -> None:
    """Create what is missing, from time to time, until cancelled."""
    while True:
        await provision.apply(context.client, streams=IN_MEMORY)
        await asyncio.sleep(LOOK_S)
