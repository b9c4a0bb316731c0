"""How full a queue is between two looks: what was sent is counted, and a look corrects it.

The server is a script; the real one is in tests/integration/test_admission.py.
"""

import asyncio
import json

import nats.errors
import pytest
from nats.aio.msg import Msg
from requirements import requirement

from econsim.adapters.jetstream import queue_depth
from econsim.adapters.jetstream.queue_depth import QueueDepth
from econsim.errors import Unavailable
from econsim.subjects import PLACE_BID


class Queue:
    """Answers what JetStream would about a queue with these orders of each agent."""

    def __init__(self):
        self.orders, self.counted, self.error = {}, 0, None
        self.answers = asyncio.Event()
        self.answers.set()

    async def request(self, subject, payload, **_):
        await self.answers.wait()
        if self.error:
            raise self.error
        found = {"messages": sum(self.orders.values())}
        if payload:
            self.counted += 1
            found["subjects"] = {
                PLACE_BID(resource="cpu", run="r", agent=a): n for a, n in self.orders.items()
            }
        return Msg(None, subject, data=json.dumps({"state": found}).encode())


@pytest.fixture
def queue():
    return Queue()


@pytest.fixture
def watched(queue, monkeypatch):
    monkeypatch.setattr(queue_depth, "AGENT_MAX", 10)
    monkeypatch.setattr(queue_depth, "TOTAL_MAX", 30)
    return QueueDepth(queue, "orders")


def takes(watched, agent, times):
    """Take again and again; return how often it was allowed, and the last refusal's code."""
    refused = []
    for _ in range(times):
        try:
            watched.take("r", agent)
        except Unavailable as full:
            refused.append(full)
    assert {each.retry_after_ms for each in refused} <= {queue_depth.RETRY_MS}
    return times - len(refused), refused[-1].error_code if refused else ""


def test_between_two_looks_an_agent_may_send_its_share_and_others_theirs(watched):
    assert takes(watched, "anna", 12) == (10, "agent_has_too_many_waiting")
    assert takes(watched, "bert", 12) == (10, "agent_has_too_many_waiting")


@requirement("queue.backpressure")
def test_all_together_have_a_share_too(watched):
    for number in range(30):
        watched.take("r", f"a{number}")

    assert takes(watched, "anna", 1) == (0, "queue_is_full")


async def test_what_waits_and_what_is_sent_count_together(watched, queue):
    queue.orders = {"anna": 6, "bert": 1}
    await watched._look()

    assert takes(watched, "anna", 10) == (4, "agent_has_too_many_waiting")
    assert takes(watched, "bert", 10)[0] == 9


async def test_what_was_never_stored_is_forgotten_with_the_next_look(watched):
    takes(watched, "anna", 10)

    await watched._look()

    assert takes(watched, "anna", 20)[0] == 10


async def test_the_server_counts_by_agent_only_when_somebody_may_come_near_the_limit(watched, queue):
    queue.orders = {"anna": 4}
    await watched._look()
    assert not queue.counted

    queue.orders = {"anna": 5}
    await watched._look()
    assert queue.counted == 1


async def test_while_the_server_counts_nothing_that_was_sent_is_forgotten(watched, queue):
    takes(watched, "anna", 7)
    queue.answers.clear()
    looking = asyncio.create_task(watched._look())
    await asyncio.sleep(0)

    assert takes(watched, "anna", 10)[0] == 3
    queue.orders = {"anna": 7}
    queue.answers.set()
    await looking
    assert takes(watched, "anna", 10)[0] == 0


@pytest.mark.parametrize("error", [TimeoutError(), nats.errors.ConnectionClosedError()])
async def test_a_look_that_fails_forgets_nothing(watched, queue, error):
    takes(watched, "anna", 7)
    queue.error = error

    with pytest.raises(Unavailable):
        await watched._look()

    assert takes(watched, "anna", 10)[0] == 3


async def test_the_watch_goes_on_when_the_server_is_back(watched, queue, monkeypatch):
    monkeypatch.setattr(queue_depth, "POLL_INTERVAL_S", 0.001)
    queue.error = TimeoutError()
    takes(watched, "anna", 10)
    watching = asyncio.create_task(watched.watch())
    await asyncio.sleep(0.02)
    assert takes(watched, "anna", 1)[0] == 0

    queue.error = None
    async with asyncio.timeout(30):
        while not takes(watched, "anna", 1)[0]:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.001)
    watching.cancel()
