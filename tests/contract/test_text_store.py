"""Texts of calls: the same scenarios on the fake store and on JetStream.

Cannot catch: a replica that lags behind, loss at a power failure.
"""

from __future__ import annotations

import pytest

from econsim.adapters.jetstream.text_store import BucketTextStore
from econsim.domain.cognition.texts import text_digest
from econsim.errors import Unavailable
from econsim.testing import FakeTextStore

SIDES = ["fake", pytest.param("real", marks=pytest.mark.nats)]


@pytest.fixture(params=SIDES)
def store(request):
    return FakeTextStore() if request.param == "fake" else request.getfixturevalue("real_store")


@pytest.fixture
async def real_store(connect_as):
    return BucketTextStore(await connect_as("cognition"))


async def test_a_text_is_read_back_to_the_byte_however_often_it_is_stored(store, run):
    text = run.encode() + bytes(range(256)) * 1_024
    digest = text_digest(text)

    for _ in range(2):
        await store.put(digest, text)

    assert await store.get(digest) == text


async def test_texts_do_not_share_and_one_that_nobody_stored_is_none(store, run):
    first, second, third = (f"{run} {n}".encode() for n in (1, 2, 3))
    for text in (first, second):
        await store.put(text_digest(text), text)

    assert [await store.get(text_digest(each)) for each in (first, second, third)] == [first, second, None]


@pytest.mark.nats
@pytest.mark.parametrize("role", ["agent", "observer", "auditor"])
async def test_readers_of_the_log_read_its_texts(real_store, connect_as, run, role):
    text = run.encode()
    await real_store.put(text_digest(text), text)

    assert await BucketTextStore(await connect_as(role)).get(text_digest(text)) == text


@pytest.mark.nats
async def test_a_store_without_connection_says_so(connect_as):
    client = await connect_as("observer")
    await client.close()

    with pytest.raises(Unavailable):
        await BucketTextStore(client).get(text_digest(b""))
