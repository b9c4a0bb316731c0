"""The collector: what it deletes, and that no interleaving with a change deletes a chunk that a file needs."""

import asyncio
from contextlib import suppress

import pytest
from requirements import requirement
from workspace_worlds import WorkspaceWorld, command

from econsim.domain.workspace.chunks import split
from econsim.errors import EconsimError, NotFound
from econsim.schemas.workspace import ReadFile

ABC = split(b"abc")[0]


@pytest.fixture
def world():
    return WorkspaceWorld()


@pytest.fixture
def worker(world):
    return world.worker()


def write_abc():
    """Return a command to write a file of a chunk that was put."""
    return command("write", "a", chunks=ABC.chunks, size=3)


async def is_whole(world, path="a"):
    """Tell whether every chunk of a file is stored."""
    names = world.workspace().version_of(path).content.names
    return {*names} <= {name for _, name in world.chunks.chunks}


@requirement("workspace.files")
async def test_a_chunk_that_no_file_has_is_deleted_after_the_grace(world, worker):
    await worker.writer().put(b"abc")
    await worker.do("write", "b", text="kept")
    patient = worker.collector(grace_s=3_600)

    assert [await patient.look(), await patient.look()] == [0, 0]
    assert await worker.collector().look() == 1
    assert [name for _, name in world.chunks.chunks] == list(split(b"kept")[0].names)


async def test_a_change_decided_before_the_mark_is_refused_and_decided_again(world, worker):
    """The chunk is condemned between the decision and the commit: the file must not name it any more."""
    await worker.writer().put(b"abc")
    writer, commit = worker.writer(), world.records.commit

    async def commit_late(*parts):
        world.records.commit = commit
        assert await world.worker().collector().look() == 1
        return await commit(*parts)

    world.records.commit = commit_late
    with pytest.raises(EconsimError) as refused:
        await writer.write(write_abc())

    assert refused.value.error_code == "chunk_is_missing"
    assert world.workspace().paths == []


async def test_a_chunk_that_is_put_again_survives_a_mark_that_condemned_it(world, worker):
    """The collector dies after its mark; the chunk is put again; the next collector finishes the mark."""
    await worker.writer().put(b"abc")
    delete = world.chunks.delete

    async def die(_):
        raise EconsimError

    world.chunks.delete = die
    assert await worker.collector().look() == 0
    world.chunks.delete = delete

    other = world.worker()
    with pytest.raises(EconsimError) as refused:
        await other.writer().write(write_abc())
    await other.writer().put(b"abc")
    await other.writer().write(write_abc())
    await world.worker().collector().look()

    assert refused.value.error_code == "chunk_is_missing"
    assert await is_whole(world)


async def test_content_that_is_written_again_is_put_again_if_it_is_condemned(world, worker):
    await worker.do("write", "a", text="abc")
    await worker.do("delete", "a")
    world.limits = world.limits.model_copy(update={"max_workspace_bytes": 0})
    for _ in range(3):
        await worker.collector().look()
    world.limits = world.limits.model_copy(update={"max_workspace_bytes": 100})

    await worker.do("write", "a", text="abc")

    assert await is_whole(world)


async def test_versions_beyond_the_limit_and_what_only_they_had_are_deleted(world, worker):
    for text in ("12345678", "1234567", "123456"):
        await worker.do("write", "a", text=text)
    world.limits = world.limits.model_copy(update={"max_workspace_bytes": 7})

    await worker.collector().look()
    await worker.collector().look()

    assert [version.version for version in world.workspace().earlier["a"]] == [2]
    assert len(world.chunks.chunks) == 2
    assert await worker.reader().read(ReadFile(path="a", at=2))


async def test_records_of_a_mark_are_deleted_though_its_collector_died_and_another_mark_follows(
    world, worker
):
    delete = world.records.delete

    async def die(_):
        raise EconsimError

    world.limits = world.limits.model_copy(update={"max_workspace_bytes": 3})
    for text in ("one", "two"):
        await worker.do("write", "a", text=text)
        await worker.do("write", "a", text="")
        world.records.delete = die if text == "one" else delete
        world.limits = world.limits.model_copy(update={"max_workspace_bytes": 0})
        await world.worker().collector().look()
        world.limits = world.limits.model_copy(update={"max_workspace_bytes": 3})

    kinds = [entry.key.split(".")[2] for entry in world.records.stored_entries()]
    assert kinds == ["collected", "written", "collected"]


async def test_versions_are_not_given_again_after_everything_was_forgotten(world, worker):
    await worker.do("write", "a", text="one")
    await worker.do("delete", "a")
    world.limits = world.limits.model_copy(update={"max_workspace_bytes": 0})
    for _ in range(4):
        await worker.collector().look()
    assert [entry.key.split(".")[2] for entry in world.records.stored_entries()] == ["collected"] * 2

    world.limits = world.limits.model_copy(update={"max_workspace_bytes": 100})
    assert (await world.worker().do("write", "a", text="two")).version == 3


@pytest.mark.parametrize("seed", range(6))
async def test_writes_and_looks_at_once_lose_nothing(world, seed):
    workers = [world.worker() for _ in range(3)]
    collector = workers[0].collector()

    async def write(number):
        for round_ in range(6):
            content = bytes([(number * seed + round_) % 5])
            files = workers[number]
            put = (await files.writer().put(content)).digest
            await asyncio.sleep(0)
            with suppress(NotFound):
                await files.do("write", f"f{(number + round_) % 4}", chunks=(put,), size=1)

    async def collect():
        for _ in range(20):
            await collector.look()

    await asyncio.gather(*map(write, range(3)), collect())

    assert all([await is_whole(world, path) for path in world.workspace().paths])


async def test_a_clean_workspace_is_not_folded_again_until_something_is_new(world, worker):
    await worker.do("write", "a", text="one")
    collector = worker.collector()
    await collector.look()
    since, world.records.since = world.records.since, None

    assert await collector.look() == 0
    world.records.since = since
    await worker.writer().put(b"two")
    assert await collector.look() == 1


async def test_files_of_a_run_that_the_log_forgot_are_deleted_with_their_content(world, worker):
    await worker.do("write", "a", text="one")
    await worker.do("append", "a", text="two")
    later = world.worker()
    later.context.runs.drop("run")
    collector = later.collector(forgotten={"run"})

    assert await collector.look() == 0
    later.context.clock.time = "2026-02-02T00:00:00.000000000Z"
    assert await collector.look() == 2
    await collector.look()
    assert (world.records.stored_entries()[:-1], world.chunks.chunks) == ([], {})


async def test_files_of_an_open_run_stay_however_old_they_are(world, worker):
    await worker.do("write", "a", text="one")
    worker.context.clock.time = "2036-01-01T00:00:00.000000000Z"

    assert await worker.collector(forgotten={"run"}).look() == 0
    assert await is_whole(world)
