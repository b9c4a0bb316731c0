"""Deliveries come in order and without a gap, or the reader is told."""

import asyncio
from types import SimpleNamespace

import pytest

from econsim.adapters.jetstream import ordered_push
from econsim.adapters.jetstream.ordered_push import DeliveryMissed, OrderedPush
from econsim.errors import Unavailable


@pytest.fixture
def client():
    async def publish(subject):
        published.append(subject)

    published = []
    return SimpleNamespace(stats={"reconnects": 0}, is_closed=False, publish=publish, published=published)


@pytest.fixture
def consumer(client, monkeypatch):
    monkeypatch.setattr(ordered_push, "POLL_INTERVAL_S", 0.001)
    return OrderedPush(client, heartbeat_s=0.005)


def delivery(sequence, place, account=""):
    return SimpleNamespace(reply=f"$JS.ACK.{account}orders.book.1.{sequence}.{place}.0.0", headers=None)


def heartbeat(place, **more):
    return SimpleNamespace(reply="", headers={"Status": "100", "Nats-Last-Consumer": str(place)} | more)


async def heard(consumer, *messages):
    for message in messages:
        await consumer.receive(message)


async def test_deliveries_are_taken_with_their_places_in_the_stream(consumer):
    await heard(consumer, delivery(7, 1), heartbeat(1), delivery(9, 2, "_.hash."), delivery(12, 3))

    taken = [await consumer.get(), *await consumer.rest(1), *await consumer.rest(5)]

    assert [sequence for sequence, _ in taken] == [7, 9, 12]


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        pytest.param((delivery(7, 1), delivery(9, 3)), "at its delivery 3, and 2 came", id="one between two"),
        pytest.param((delivery(7, 1), heartbeat(2)), "at its delivery 2, and 1 came", id="the last of all"),
        pytest.param(
            (delivery(7, 1), delivery(7, 1)), "at its delivery 1, and 2 came", id="one was there before"
        ),
        pytest.param((delivery(7, 1),), "silent for 3 heartbeats", id="the consumer itself"),
    ],
)
async def test_what_is_missing_is_told(consumer, messages, said):
    await heard(consumer, *messages)
    await consumer.get()

    with pytest.raises(DeliveryMissed, match=said):
        await consumer.get()


async def test_the_server_is_told_that_we_keep_up_when_what_it_sent_before_is_taken(consumer, client):
    asked = SimpleNamespace(reply="$JS.FC.1", headers={"Status": "100"})
    stalled = heartbeat(2, **{"Nats-Consumer-Stalled": "$JS.FC.2"})
    await heard(consumer, delivery(7, 1), asked, delivery(9, 2), stalled, delivery(12, 3))

    answered = []
    for _ in range(3):
        await consumer.get()
        answered.append(list(client.published))

    assert answered == [[], ["$JS.FC.1"], ["$JS.FC.1", "$JS.FC.2"]]


async def test_a_new_connection_may_have_lost_some(consumer, client):
    client.stats["reconnects"] += 1

    with pytest.raises(DeliveryMissed, match="connection was made anew"):
        await consumer.get()


async def test_a_closed_connection_delivers_no_more(consumer, client):
    client.is_closed = True

    with pytest.raises(Unavailable, match="was closed"):
        await consumer.get()


async def test_heartbeats_keep_who_waits_waiting(consumer):
    waiting = asyncio.create_task(consumer.get())
    for _ in range(30):
        await heard(consumer, heartbeat(0))
        await asyncio.sleep(0.001)
    await heard(consumer, delivery(7, 1))

    assert (await waiting).sequence == 7
