"""Workers that compete for a queue of a real server: each message is handled to its end, whoever dies or fails."""

from __future__ import annotations

import asyncio

import pytest
from eventually import eventually
from superuser import superuser

from econsim.adapters.jetstream import work_queue
from econsim.adapters.jetstream.work_queue import SharedConsumer, WorkQueue
from econsim.adapters.nats.connection import connect

pytestmark = pytest.mark.nats


class Worker:
    """A worker that keeps what it is given, and waits for its gate."""

    def __init__(self, client, stream, places=8):
        self.begun, self.failures = [], []
        self.at_once = self.most = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self._client = client
        self.queue = WorkQueue(client, SharedConsumer(stream, "workers", 100), self.handle, places)

    async def handle(self, message):
        self.begun.append(message.data.decode())
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            if self.failures:
                raise self.failures.pop()
            await self.gate.wait()
        finally:
            self.at_once -= 1

    async def die(self):
        """End without a word to the server."""
        await self._client.close()
        for task in [*self.queue._tasks, *self.queue._under_way]:
            task.cancel()


class Queue:
    """A queue of a test's own, and its workers."""

    def __init__(self, connecting, stream):
        self._connecting = connecting
        self.stream = stream
        self.clients = []

    async def client(self):
        self.clients.append(await self._connecting())
        return self.clients[-1]

    async def worker(self, **fields):
        """Return a worker that takes messages."""
        found = Worker(await self.client(), self.stream, **fields)
        await found.queue.start()
        return found

    async def put(self, *texts):
        jetstream = self.clients[0].jetstream()
        for text in texts:
            await jetstream.publish(f"{self.stream}.x", text.encode())

    async def is_empty(self):
        return (await self.clients[0].jetstream().stream_info(self.stream)).state.messages == 0


@pytest.fixture
async def queue(server, run, monkeypatch):
    monkeypatch.setattr(work_queue, "ACK_WAIT_S", 1)
    monkeypatch.setattr(work_queue, "BUSY_INTERVAL_S", 0.2)
    monkeypatch.setattr(work_queue, "AGAIN_MAX_S", 0)
    stream = f"queue_{run}"
    found = Queue(lambda: connect(server.url, superuser(server), "test-queue"), stream)
    jetstream = (await found.client()).jetstream()
    await jetstream.add_stream(name=stream, subjects=[f"{stream}.>"], retention="workqueue")
    yield found
    await jetstream.delete_stream(stream)
    for client in found.clients:
        await client.close()


async def test_workers_share_the_messages_and_none_has_more_than_its_places(queue):
    workers = [await queue.worker(places=2) for _ in range(2)]
    for each in workers:
        each.gate.clear()
    texts = [f"{number}" for number in range(20)]
    await queue.put(*texts)
    await eventually(lambda: all(each.at_once == 2 for each in workers))

    for each in workers:
        each.gate.set()
    await eventually(queue.is_empty)

    assert sorted(workers[0].begun + workers[1].begun, key=int) == texts
    assert [each.most for each in workers] == [2, 2]
    for each in workers:
        await each.queue.stop()


async def test_a_message_whose_handler_fails_comes_again(queue, caplog):
    worker = await queue.worker()
    worker.failures = [RuntimeError("it broke")]

    await queue.put("a")
    await eventually(queue.is_empty)

    assert worker.begun == ["a", "a"]
    assert "failed; it comes again" in caplog.text
    await worker.queue.stop()


async def test_a_busy_worker_keeps_its_message_and_a_dead_one_loses_it(queue):
    first = await queue.worker()
    first.gate.clear()
    await queue.put("long")
    await eventually(lambda: first.begun)
    second = await queue.worker()
    late = asyncio.get_running_loop().time() + 1.5 * work_queue.ACK_WAIT_S
    await eventually(lambda: asyncio.get_running_loop().time() > late)
    before = list(second.begun)

    await first.die()
    await eventually(lambda: second.begun)

    assert (before, first.begun, second.begun) == ([], ["long"], ["long"])
    await eventually(queue.is_empty)
    await second.queue.stop()


async def test_a_worker_that_stops_gives_back_what_it_cannot_finish(queue, monkeypatch):
    monkeypatch.setattr(work_queue, "FINISH_S", 0.01)
    monkeypatch.setattr(work_queue, "ACK_WAIT_S", 60)
    first = await queue.worker()
    first.gate.clear()
    await queue.put("long")
    await eventually(lambda: first.begun)

    await first.queue.stop()
    second = await queue.worker()

    await eventually(queue.is_empty)
    assert second.begun == ["long"]
    await second.queue.stop()


async def test_a_consumer_that_is_gone_is_made_again(queue):
    worker = await queue.worker()
    await queue.put("a")
    await eventually(queue.is_empty)

    await queue.clients[0].jetstream().delete_consumer(queue.stream, "workers")
    await queue.put("b")

    await eventually(queue.is_empty)
    assert worker.begun == ["a", "b"]
    await worker.queue.stop()
