"""The same scenarios on the fake stores of files and on JetStream, with expectations written by hand.

Cannot catch: loss at a power failure, a replica that lags behind its leader.
"""

import pytest
from requirements import requirement

from econsim.adapters.jetstream.workspace_store import BucketChunkStore, BucketFileRecords
from econsim.domain.workspace.kinds import VERSIONS_MAX
from econsim.errors import Conflict
from econsim.ports import Write
from econsim.testing.files import FakeChunkStore, FakeFileRecords

REAL = pytest.param("bucket", marks=pytest.mark.nats)


@pytest.fixture(params=["fake", REAL])
def records(request):
    return request.getfixturevalue(f"{request.param}_records")


@pytest.fixture(params=["fake", REAL])
def chunks(request):
    return request.getfixturevalue(f"{request.param}_chunks")


@pytest.fixture
def fake_records():
    return FakeFileRecords()


@pytest.fixture
def fake_chunks():
    return FakeChunkStore()


@pytest.fixture
async def bucket_records(connect_as):
    return BucketFileRecords(await connect_as("workspace"))


@pytest.fixture
async def bucket_chunks(connect_as):
    return BucketChunkStore(await connect_as("workspace"))


def left(prefix, name, value=b"{}"):
    return Write(f"{prefix}.left.{name}", value)


async def values(records, prefix, revision=0):
    return [entry.value for entry in await records.since(prefix, revision)]


async def test_records_come_in_order_from_a_revision_on(records, run):
    ana = f"{run}.ana"
    first = await records.commit(ana, [left(ana, "x", b"1"), left(ana, "y", b"2")], 0)
    await records.commit(f"{run}.bob", [left(f"{run}.bob", "x", b"b")], 0)
    await records.commit(ana, [left(ana, "x", b"3")], first)

    assert await values(records, ana) == [b"1", b"2", b"3"]
    assert await values(records, ana, first) == [b"3"]
    assert await values(records, f"{run}.cid") == []


@requirement("workspace.files")
async def test_a_commit_that_does_not_know_the_newest_record_is_refused(records, run):
    ana = f"{run}.ana"
    first = await records.commit(ana, [left(ana, "x")], 0)
    await records.commit(ana, [left(ana, "y")], first)

    with pytest.raises(Conflict):
        await records.commit(ana, [left(ana, "z")], first)
    with pytest.raises(Conflict):
        await records.commit(ana, [left(ana, "z")], 0)
    assert len(await values(records, ana)) == 2


async def test_of_one_key_the_newest_records_are_kept(records, run):
    ana, newest = f"{run}.ana", 0
    for number in range(VERSIONS_MAX + 3):
        newest = await records.commit(ana, [left(ana, "x", b"%d" % number)], newest)

    kept = await values(records, ana)

    assert (kept[0], len(kept)) == (b"3", VERSIONS_MAX)
    await records.delete(newest - 1)
    assert (await values(records, ana))[0] == b"3"


async def test_a_record_is_deleted_once(records, run):
    ana = f"{run}.ana"
    first = await records.commit(ana, [left(ana, "x", b"1"), left(ana, "y", b"2")], 0)

    assert [await records.delete(first - 1), await records.delete(first - 1)] == [True, False]
    assert await values(records, ana) == [b"2"]
    assert await records.newest() >= first
    assert (await records.counts())[ana] == 1


async def test_after_the_newest_record_is_deleted_a_commit_follows_the_one_before(records, run):
    ana = f"{run}.ana"
    first = await records.commit(ana, [left(ana, "x")], 0)
    await records.delete(await records.commit(ana, [left(ana, "y")], first))
    again = await records.commit(ana, [left(ana, "z")], first)
    await records.delete(first)
    await records.delete(again)

    assert await records.commit(ana, [left(ana, "x")], 0) > again


async def test_a_chunk_comes_back_and_others_do_not(chunks, run):
    await chunks.put(f"{run}.ana", "aa.3", b"abc")

    found = [await chunks.get(f"{run}.{agent}", "aa.3") for agent in ("ana", "bob")]

    assert found == [b"abc", None]


async def test_a_chunk_that_is_put_again_has_another_place(chunks, run):
    ana = f"{run}.ana"
    first = await chunks.put(ana, "aa.3", b"abc")
    again = await chunks.put(ana, "aa.3", b"abc")

    assert (first < again, await chunks.place(ana, "aa.3")) == (True, again)
    assert await chunks.delete(first) is False
    assert await chunks.get(ana, "aa.3") == b"abc"


async def test_a_deleted_chunk_is_gone(chunks, run):
    ana = f"{run}.ana"
    place = await chunks.put(ana, "aa.3", b"abc")

    assert await chunks.delete(place) is True
    assert (await chunks.get(ana, "aa.3"), await chunks.place(ana, "aa.3")) == (None, None)


async def test_chunks_are_named_by_workspace(chunks, run):
    for agent, name in (("ana", "aa.1"), ("ana", "bb.2"), ("bob", "aa.1")):
        await chunks.put(f"{run}.{agent}", name, b"x")

    every = await chunks.names()

    assert await chunks.names(f"{run}.ana") == {f"{run}.ana": {"aa.1", "bb.2"}}
    assert every[f"{run}.bob"] == {"aa.1"}
    assert await chunks.names(f"{run}.cid") == {}
    assert await chunks.newest() >= 3
