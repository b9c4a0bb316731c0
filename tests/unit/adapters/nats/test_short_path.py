"""The short path of messages: what FastStream's own path does for handlers here, it does too."""

import asyncio

import pytest
from eventually import eventually
from faststream import BaseMiddleware
from faststream.nats import NatsBroker, NatsResponse
from nats.aio.msg import Msg

from econsim.adapters.nats.short_path import shorten


class Client:
    """A client that keeps what is published, and hands over messages."""

    def __init__(self):
        self.published, self.cancelled = [], 0

    def jetstream(self, **_):
        return self

    async def subscribe(self, *, cb, **_):
        self.give = cb
        return self

    async def unsubscribe(self):
        """The subscription ends."""

    async def publish(self, subject, payload, headers=None):
        self.published.append((subject, payload, headers))

    async def send(self, data, reply="_INBOX.1"):
        await self.give(Msg(_client=None, subject="a.b", reply=reply, data=data))


class Noting(BaseMiddleware):
    """A middleware that lets nothing else through."""

    async def consume_scope(self, call_next, msg):
        return (
            NatsResponse(b"refused", headers={"status": "error"})
            if msg.body == b"no"
            else await call_next(msg)
        )


@pytest.fixture
async def started():
    """Return a function that starts a subscriber whose handler waits if it is told so; returns client, gate and subscriber."""
    kept = []

    async def start(at_once=1, **options):
        client, gate, broker = Client(), asyncio.Event(), NatsBroker(logger=None, graceful_timeout=0.05)
        broker.add_middleware(Noting)
        broker.config.connect(client)
        broker.config.logger._setup(broker.config.context)

        async def body(message):
            return message.body

        subscriber = broker.subscriber("a.b", decoder=body, **options)

        @subscriber
        async def handle(data: bytes) -> object:
            try:
                if data == b"wait":
                    await gate.wait()
            except asyncio.CancelledError:
                client.cancelled += 1
                raise
            if data == b"fail":
                raise RuntimeError
            return {"got": data.decode()}

        shorten(subscriber, at_once)
        await subscriber.start()
        kept.append((broker, handle))
        return client, gate, subscriber

    return start


async def test_an_answer_is_json_without_headers(started):
    client, _, _ = await started()

    await client.send(b"x")

    assert client.published == [("_INBOX.1", b'{"got":"x"}', None)]


async def test_a_middleware_may_answer_in_the_handler_s_place(started):
    client, _, _ = await started()

    await client.send(b"no")

    assert client.published == [("_INBOX.1", b"refused", {"status": "error"})]


async def test_a_message_without_reply_subject_and_a_subscriber_without_replies_get_no_answer(started):
    asked, silent = await started(), await started(no_reply=True)

    await asked[0].send(b"x", reply="")
    await silent[0].send(b"x")

    assert not asked[0].published
    assert not silent[0].published


async def test_a_handler_that_fails_takes_the_next_message(started, caplog):
    client, _, _ = await started()

    await client.send(b"fail")
    await client.send(b"x")

    assert "RuntimeError" in caplog.text
    assert [payload for _, payload, _ in client.published] == [b'{"got":"x"}']


async def test_as_many_messages_as_allowed_are_handled_at_once(started):
    client, gate, _ = await started(at_once=2)

    sending = [asyncio.create_task(client.send(b"wait")) for _ in range(3)]
    await eventually(lambda: sum(task.done() for task in sending) >= 2)
    await asyncio.sleep(0.01)
    done = [task.done() for task in sending]
    gate.set()
    await asyncio.gather(*sending)

    assert done == [True, True, False]


async def test_stop_waits_for_what_is_being_handled(started):
    client, gate, subscriber = await started(at_once=2)
    await client.send(b"wait")
    await asyncio.sleep(0)

    stopping = asyncio.create_task(subscriber.stop())
    await asyncio.sleep(0)
    gate.set()
    await stopping

    assert [payload for _, payload, _ in client.published] == [b'{"got":"wait"}']


async def test_stop_gives_up_what_takes_longer_than_the_grace(started):
    client, _, subscriber = await started(at_once=2)
    await client.send(b"wait")
    await asyncio.sleep(0)

    await subscriber.stop()
    await asyncio.sleep(0)

    assert client.cancelled == 1


async def test_a_stopped_subscriber_takes_no_message(started):
    client, _, subscriber = await started()
    await subscriber.stop()

    await client.send(b"x")

    assert not client.published
