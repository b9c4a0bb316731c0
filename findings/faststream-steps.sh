#!/usr/bin/env bash
# FastStream 0.7.8 with nats-py 2.16.0: what a message costs a core subscriber beside its handler, and what switches save of it.
# Guess: without injection (`apply_types=False`), with an own parser and decoder, manual acknowledgement and no middleware a request
# costs little more than its handler; `max_workers` adds a task.
# Seen, in calls of Python and C functions that one request takes from the client's callback to its answer, where a plain callback
# takes 5: 420 as it comes, 310 with all of those switches, 342 with two middlewares that do nothing, 756 with `max_workers=2`.
# The 310 are mostly contexts that are entered and left (stacks, scopes of variables nobody asks for, a lock that is a queue), the
# subscriber's own subject, walked for a log that is off (faststream-subject-work.sh), and objects that could be made once. The 446 of
# `max_workers` are a stream, a task group and a semaphore of anyio where a task would do. There is no switch for any of these.
# To report: join middlewares once for a subscriber, not for each message; enter scopes of the context only if some handler injects;
# make no log context while the log is off; count what is being handled with a number; `max_workers` by tasks of asyncio.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq "faststream[nats]==0.7.8" nats-py==2.16.0

"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import sys

from faststream import AckPolicy, BaseMiddleware
from faststream.nats import NatsBroker
from faststream.nats.message import NatsMessage
from nats.aio.msg import Msg

MESSAGES = 100
SUBJECT = "market.account.get_balance.run.anna"


class Client:
    """A client that hands messages over and drops answers."""

    def jetstream(self, **_):
        return self

    async def subscribe(self, subject, cb=None, **_):
        self.give = cb
        return self

    async def publish(self, *_, **__):
        self.answered.set()


async def parse(message):
    message._ackd = True
    return NatsMessage(message, message.data, reply_to=message.reply, correlation_id="-")


async def raw(message):
    return message.body


async def calls(middlewares=0, *, apply_types=False, **options) -> float:
    """Return the calls of functions that a message takes."""
    broker, client = NatsBroker(logger=None, apply_types=apply_types), Client()
    for _ in range(middlewares):
        broker.add_middleware(BaseMiddleware)
    broker.config.connect(client)
    broker._setup_logger()
    subscriber = broker.subscriber(SUBJECT, **options)

    @subscriber
    async def handle(body: bytes) -> bytes:
        return body

    await subscriber.start()
    return await counted(client, client.give)


async def counted(client, give) -> float:
    found = 0

    def count(_frame, event, _what) -> None:
        nonlocal found
        found += event in ("call", "c_call")

    async def one():
        client.answered = asyncio.Event()
        message = Msg(_client=client, subject=SUBJECT, reply="_INBOX.1", data=b"x")
        sys.setprofile(count)
        await give(message)
        await client.answered.wait()
        sys.setprofile(None)

    await one()
    found = 0
    for _ in range(MESSAGES):
        await one()
    return found / MESSAGES


async def main() -> None:
    switches = {"parser": parse, "decoder": raw, "ack_policy": AckPolicy.MANUAL}
    client = Client()

    async def plain(message):
        await client.publish(message.reply, message.data)

    bare = await counted(client, plain)
    found = {
        "a plain callback": bare,
        "FastStream as it comes": await calls(apply_types=True),
        "with all switches": await calls(**switches),
        "and two middlewares": await calls(2, **switches),
        "and max_workers=2": await calls(**switches, max_workers=2),
    }
    for name, number in found.items():
        print(f"{name:25} {number:6.0f} calls a message")
    assert found["with all switches"] > 20 * bare, found
    assert found["and max_workers=2"] > found["with all switches"] + 100, found


asyncio.run(main())
PYTHON
