"""Values under keys: the same scenarios on the fake table and on JetStream.

Cannot catch: a replica that lags behind, loss at a power failure.
"""

from __future__ import annotations

import pytest

from econsim.adapters.jetstream.key_table import BucketKeyTable
from econsim.errors import Conflict, Unavailable
from econsim.streams.tools import MCP_CACHE, MCP_OUTCOMES, MCP_SERVERS
from econsim.testing import FakeKeyTable

SIDES = ["fake", pytest.param("real", marks=pytest.mark.nats)]


@pytest.fixture(params=SIDES)
def table(request):
    return FakeKeyTable() if request.param == "fake" else request.getfixturevalue("real_table")


@pytest.fixture
async def real_table(connect_as):
    return BucketKeyTable(await connect_as("mcp"), MCP_OUTCOMES)


async def test_a_key_holds_what_was_written(table, run):
    revision = await table.put(f"{run}.ana", b"one", 0)

    found, newest = await table.get(f"{run}.ana"), await table.get_newest(f"{run}.ana")

    assert (found.value, found.revision, found.key) == (b"one", revision, f"{run}.ana")
    assert newest == found


async def test_a_key_nobody_wrote_holds_nothing(table, run):
    assert await table.get(f"{run}.nobody") is None
    assert await table.get_newest(f"{run}.nobody") is None


async def test_of_two_that_create_a_key_the_first_one_counts(table, run):
    await table.put(f"{run}.ana", b"first", 0)

    with pytest.raises(Conflict):
        await table.put(f"{run}.ana", b"second", 0)

    assert (await table.get_newest(f"{run}.ana")).value == b"first"


async def test_a_repeat_of_a_write_whose_answer_was_lost_succeeds(table, run):
    revision = await table.put(f"{run}.ana", b"first", 0)

    assert await table.put(f"{run}.ana", b"first", 0) == revision


async def test_a_key_is_replaced_by_whoever_knows_its_revision(table, run):
    revision = await table.put(f"{run}.ana", b"one", 0)

    later = await table.put(f"{run}.ana", b"two", revision)

    assert later > revision
    with pytest.raises(Conflict):
        await table.put(f"{run}.ana", b"three", revision)


async def test_all_keys_are_read_at_once(table, run):
    for name in ("ana", "bob"):
        await table.put(f"{run}.{name}", name.encode(), 0)

    found = {entry.key: entry.value for entry in await table.entries() if entry.key.startswith(run)}

    assert found == {f"{run}.ana": b"ana", f"{run}.bob": b"bob"}


@pytest.mark.nats
async def test_a_value_with_a_time_to_live_is_taken_by_the_bucket_that_allows_it(connect_as, run):
    table = BucketKeyTable(await connect_as("mcp"), MCP_CACHE)

    await table.put(run, b"result", ttl_s=60)

    assert (await table.get(run)).value == b"result"


@pytest.mark.nats
async def test_a_table_without_connection_says_so(connect_as):
    client = await connect_as("mcp")
    table = BucketKeyTable(client, MCP_SERVERS, deadline_s=0.1)
    await client.close()

    with pytest.raises(Unavailable):
        await table.put("search", b"open")
