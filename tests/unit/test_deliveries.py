"""Deliveries come in order and without a gap, or the reader is told."""

import asyncio
from types import SimpleNamespace

import pytest

from econsim.adapters import deliveries
from econsim.adapters.deliveries import Deliveries, Missed
from econsim.errors import Unavailable


@pytest.fixture
def client():
    return SimpleNamespace(stats={"reconnects": 0}, is_closed=False, published=[])


@pytest.fixture
def consumer(client, monkeypatch):
    monkeypatch.setattr(deliveries, "LOOK_S", 0.001)
    return Deliveries(client, heartbeat_s=0.005)


def delivery(sequence, place, account=""):
    return SimpleNamespace(reply=f"$JS.ACK.{account}orders.book.1.{sequence}.{place}.0.0", headers=None)


def heartbeat(place):
    return SimpleNamespace(reply="", headers={"Status": "100", "Nats-Last-Consumer": str(place)})


async def heard(consumer, *messages):
    for message in messages:
        await consumer.hear(message)


async def test_deliveries_are_taken_with_their_places_in_the_stream(consumer):
    await heard(consumer, delivery(7, 1), heartbeat(1), delivery(9, 2, "_.hash."), delivery(12, 3))

    taken = [await consumer.get(), *await consumer.rest(1), *await consumer.rest(5)]

    assert [sequence for sequence, _ in taken] == [7, 9, 12]


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param((delivery(7, 1), delivery(9, 3)), id="one between two"),
        pytest.param((delivery(7, 1), heartbeat(2)), id="the last before silence"),
        pytest.param((delivery(7, 1), delivery(7, 1)), id="a number that was there before"),
        pytest.param((delivery(7, 1),), id="the consumer itself"),
    ],
)
async def test_what_is_missing_is_told(consumer, messages):
    await heard(consumer, *messages)
    await consumer.get()

    with pytest.raises(Missed):
        await consumer.get()


async def test_a_new_connection_may_have_lost_some(consumer, client):
    client.stats["reconnects"] += 1

    with pytest.raises(Missed, match="connection was made anew"):
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
