"""Announcements of dead letters in memory: each letter once, in order, also after a restart."""

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace

import pytest
from fake_nats import FakeNats

from econsim import subjects
from econsim.services.admin import dead_letter_events
from econsim.services.context import ServiceContext
from econsim.streams import DEAD_LETTER
from econsim.testing import FakeWallClock

BID = "market.cpu.place_bid.run.anna"
REASONS = {
    "dead-letter-code": "message_is_invalid",
    "dead-letter-reason": "it was wrong",
    "dead-letter-handler": "market",
    "dead-letter-stream": "market_orders",
    "dead-letter-sequence": "5",
}


@pytest.fixture
def client():
    return FakeNats()


@asynccontextmanager
async def announcing(client):
    """Run the task of one worker for the time of the context."""
    context = ServiceContext("admin", SimpleNamespace(connection=client), FakeWallClock())
    serving = asyncio.create_task(dead_letter_events.serve(context, poll_interval_s=0.0))
    yield
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


def announced(client):
    return [json.loads(payload)["data"] for _, payload in client.stored(subjects.AUDIT)]


async def until_announced(client, count):
    await client.until(lambda: len(announced(client)) >= count)


def add_letter(client):
    client.store(f"dead_letter.{BID}", b"{}", REASONS)


async def test_each_letter_is_announced_in_order_with_its_reason(client):
    async with announcing(client):
        for _ in range(3):
            add_letter(client)
        await until_announced(client, 3)

    assert [letter["sequence"] for letter in announced(client)] == [1, 2, 3]
    assert announced(client)[0] == {
        "sequence": 1,
        "subject": BID,
        "code": "message_is_invalid",
        "reason": "it was wrong",
        "handler": "market",
        "origin": "market_orders:5",
    }


async def test_a_restarted_worker_goes_on_behind_the_newest_announcement(client):
    add_letter(client)
    async with announcing(client):
        await until_announced(client, 1)
    client.streams[subjects.AUDIT].ids.clear()  # as after ten minutes: a repeat would be stored
    add_letter(client)

    async with announcing(client):
        await until_announced(client, 2)

    assert [letter["sequence"] for letter in announced(client)] == [1, 2]


async def test_letters_of_a_stream_that_was_created_again_are_announced_from_the_first(client):
    for _ in range(3):
        add_letter(client)
    async with announcing(client):
        await until_announced(client, 3)
    stream = client.streams[DEAD_LETTER.name]
    stream.messages, stream.last_sequence, stream.created = [], 0, "2026-02-02T00:00:00Z"
    add_letter(client)

    async with announcing(client):
        await until_announced(client, 4)

    assert [letter["sequence"] for letter in announced(client)] == [1, 2, 3, 1]
