"""The bare twin: a nats-py program that writes what a recorded run wrote, and acknowledges what it read.

`python -m benchmarks.bare TRACE` on a fresh server: the same publishes and atomic batches, of the same
sizes and headers, in the same order of dependence; the same readers of the log and of the order queue.
It builds nothing, decodes nothing, and sends no request to a service. Prints JSON as `real` does.
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig

from benchmarks import rig
from benchmarks.loads import RESOURCE
from benchmarks.trace import EXPECTED, STATE, Sent, Step, split_steps
from econsim.adapters.jetstream import provision
from econsim.adapters.jetstream.order_consumers import book_consumer
from econsim.adapters.nats.connection import connect
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.subjects import AUDIT

MARKET_EVENTS = ("bid_accepted", "ask_accepted", "trade_executed", "order_cancelled", "tick_cleared")
READERS = (
    ("system.*.*", *(f"market.{RESOURCE}.{event}" for event in MARKET_EVENTS)),
    ("system.clock.*", "agent.*.cycle_completed", "market.*.trade_executed", "market.*.tick_cleared"),
    ("system.*.*", "market.*.tick_cleared"),
)
"""Patterns of the log that hosts, clock and observer follow."""


class Reader:
    """Takes deliveries and does nothing with them; wakes the task that waits for a sequence."""

    def __init__(self) -> None:
        """Start before the first."""
        self.sequence = 0
        self.unacknowledged: list[str] = []
        self._arrived = asyncio.Event()

    async def receive(self, message: Msg) -> None:
        """Note a delivery."""
        self.sequence = message.metadata.sequence.stream
        self.unacknowledged.append(message.reply)
        self._arrived.set()

    async def reached(self, sequence: int) -> None:
        """Wait for a delivery."""
        while self.sequence < sequence:
            self._arrived.clear()
            await self._arrived.wait()


class Twin:
    """The writers of a recorded run, each with a connection of its own."""

    def __init__(self, clients: Sequence[Client]) -> None:
        """Write through these connections: events, money, orders."""
        self._events, self._money, self._orders = (client.jetstream() for client in clients)
        self._client, self._ledger, _ = clients
        self._log, self._queue = Reader(), Reader()
        self._newest: dict[str, int] = {}

    async def listen(self, reading: Client) -> None:
        """Start the readers."""
        for patterns in READERS:
            reader = self._log = Reader()
            inbox = reading.new_inbox()
            await reading.subscribe(inbox, cb=reader.receive)
            config = ConsumerConfig(
                deliver_subject=inbox,
                ack_policy=AckPolicy.NONE,
                filter_subjects=[f"{pattern}.{rig.RUN}" for pattern in patterns],
                mem_storage=True,
            )
            await reading.jetstream().add_consumer(AUDIT, config)
        consumer = book_consumer(rig.RUN, RESOURCE, "twin")
        await self._client.subscribe(consumer.deliver_subject, cb=self._queue.receive)
        await provision.recreate_consumer(self._client, consumer)

    async def repeat(self, step: Step) -> None:
        """Do one step and wait for its acknowledgements."""
        if step.phase in ("reserve", "finish", "cleared"):
            await self._queue.reached(step.needs)
        if step.phase == "outcomes":
            for message in step.events:
                await self._client.publish(message.subject, message.payload)
            return
        await asyncio.gather(self._commit(step.commits), self._publish(step))
        if step.phase == "cleared":
            for reply in self._queue.unacknowledged:
                await self._client.publish(reply, b"+ACK")
            self._queue.unacknowledged.clear()

    async def _commit(self, commits: list[list[Sent]]) -> None:
        for *first, last in commits:
            for message in first:
                await self._ledger.publish(message.subject, message.payload, headers=message.headers)
            answer = await self._ledger.request(last.subject, last.payload, headers=last.headers, timeout=5)
            assert b'"error"' not in answer.data, answer.data

    async def _publish(self, step: Step) -> None:
        stream = self._orders if step.phase == "orders" else self._events
        if len(step.events) == 1:
            (message,) = step.events
            acks = [await stream.publish(message.subject, message.payload, headers=self._headers(message))]
        else:
            acks = await asyncio.gather(
                *[
                    await stream.publish_async(m.subject, m.payload, headers=self._headers(m))
                    for m in step.events
                ]
            )
        self._newest.update(
            {message.subject: ack.seq for message, ack in zip(step.events, acks, strict=True)}
        )
        if step.phase in ("tick", "cleared"):
            await self._log.reached(acks[-1].seq)

    def _headers(self, message: Sent) -> dict[str, str]:
        """Return a message's headers, where an expected sequence is that of this log and not of the recorded one."""
        headers = dict(message.headers)
        if EXPECTED in headers:
            headers[EXPECTED] = str(self._newest.get(message.subject, 0))
        return headers


async def replay(server: EmbeddedServer, client: Client, sent: list[Sent]) -> dict[str, Any]:
    """Repeat a recorded run; returns times from its first tick or order to its journal in the log."""
    clients = [await connect(server.url, rig.superuser(server.trust), f"twin-{i}") for i in range(4)]
    twin = Twin(clients[:3])
    await twin.listen(clients[3])
    orders, todo = split_steps(sent)
    first = next(i for i, step in enumerate(todo) if step.phase == ("reserve" if orders else "tick"))
    for step in todo[:first]:
        await twin.repeat(step)
    watch = rig.Watch.start(server)
    singles = [(order.subject, order.payload, order.headers["Nats-Msg-Id"]) for order in orders]
    pouring = asyncio.create_task(rig.pour(clients[2].jetstream(), singles))
    for step in todo[first:]:
        await twin.repeat(step)
    await pouring
    posted = [m.payload for m in sent if m.subject.startswith(f"{STATE}{rig.RUN}.transfer.")]
    await rig.journal_in_log(client, lambda payload: payload == posted[-1])
    found = watch.read()
    for each in clients:
        await each.close()
    return found


async def main(trace: Path) -> None:
    """Repeat a recorded run on a fresh server and print what was measured."""
    recorded = await asyncio.to_thread(trace.read_bytes)
    sent = pickle.loads(recorded)  # noqa: S301 - written by `real` a moment ago
    async with rig.private_server() as (server, client):
        found: dict[str, Any] = await replay(server, client, sent)
        found["memory_mib"] = rig.peak_mebibytes(os.getpid(), server.pid)
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
