"""Reading the log is work like any other: it leaves the others their turns."""

import asyncio
from types import SimpleNamespace

from econsim.adapters.jetstream import audit_log
from econsim.adapters.jetstream.ordered_push import OrderedPush

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
