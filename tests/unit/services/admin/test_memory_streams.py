"""Streams in memory that a restarted server lost are created again."""

import asyncio
from contextlib import suppress
from types import SimpleNamespace

from fake_nats import FakeNats

from econsim.services.admin import memory_streams
from econsim.services.context import ServiceContext
from econsim.streams import QUOTA_SECONDS
from econsim.testing import FakeWallClock


def test_the_counters_of_seconds_are_the_streams_in_memory():
    assert memory_streams.IN_MEMORY == (QUOTA_SECONDS,)


async def test_a_lost_stream_is_created_again():
    client = FakeNats()
    del client.streams[QUOTA_SECONDS.name]
    context = ServiceContext("admin", SimpleNamespace(connection=client), FakeWallClock())

    serving = asyncio.create_task(memory_streams.serve(context, poll_interval_s=0.0))
    await client.until(lambda: QUOTA_SECONDS.name in client.streams)
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving

    assert client.streams[QUOTA_SECONDS.name].config["storage"] == "memory"
