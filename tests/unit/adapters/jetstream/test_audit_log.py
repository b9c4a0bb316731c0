"""Reading the log: it leaves other tasks their turns, and an error is no missing event."""

import asyncio
from types import SimpleNamespace

import pytest
from scripted_client import ScriptedClient

from econsim.adapters.jetstream import audit_log
from econsim.adapters.jetstream.ordered_push import OrderedPush
from econsim.errors import Unavailable

EVENTS = 1_000


async def test_a_reader_with_much_to_read_lets_others_work():
    deliveries = OrderedPush(SimpleNamespace(stats={"reconnects": 0}), heartbeat_s=1)
    for place in range(1, EVENTS + 1):
        reply = f"$JS.ACK.audit_log.reader.1.{place}.{place}.0.0"
        await deliveries.receive(SimpleNamespace(headers=None, reply=reply, subject="a.b.c.d", data=b""))

    async def others():
        while True:
            turns.append(None)
            await asyncio.sleep(0)

    turns, working = [], asyncio.create_task(others())
    reading = audit_log.checked_events(deliveries)
    read = [await anext(reading) for _ in range(EVENTS)]
    working.cancel()

    assert read[-1].sequence == EVENTS
    assert len(turns) >= EVENTS // audit_log.AT_ONCE - 1


async def test_a_subject_without_an_event_has_no_newest_one():
    client = ScriptedClient(SimpleNamespace(headers={"Status": "404"}, data=b""))

    assert await audit_log.last_event(client, "a.b.c.d") is None


async def test_a_log_that_cannot_be_read_now_is_not_taken_for_an_empty_one():
    client = ScriptedClient(SimpleNamespace(headers={"Status": "503", "Description": "no quorum"}, data=b""))

    with pytest.raises(Unavailable, match="503 no quorum"):
        await audit_log.last_event(client, "a.b.c.d")
