"""Changes of files in workers on stores in memory: crashes at each step, repeats, workers that change one file at once."""

import asyncio

import pytest
from requirements import requirement
from workspace_worlds import WorkspaceWorld, command

from econsim.domain.workspace.chunks import split
from econsim.domain.workspace.records import parse_record
from econsim.errors import Conflict, EconsimError, QuotaExceeded, Unavailable
from econsim.schemas.workspace import CHUNK_BYTES, ReadFile
from econsim.testing import Failure

LONG = b"".join(number.to_bytes(4, "big") for number in range(80_000))


@pytest.fixture
def world():
    return WorkspaceWorld()


@pytest.fixture
def worker(world):
    return world.worker()


async def put_all(worker, content, agent="ana"):
    """Put the chunks of a content; return its digests."""
    _, named = split(content)
    return [(await worker.writer(agent).put(part)).digest for part in named.values()]


async def content_of(worker, path, at=None):
    file = (await worker.workspaces.of(worker.run.name, "ana").catch_up()).version_of(path, at)
    return await worker.store.read(worker.workspaces.of(worker.run.name, "ana"), file.content, 0, 10**9)


@requirement("workspace.files")
async def test_a_large_file_is_written_of_chunks_that_another_worker_put(world, worker):
    digests = await put_all(world.worker(), LONG)

    written = await worker.do("write", "a", chunks=tuple(digests), size=len(LONG))

    assert (written.version, written.size, written.digest) == (1, len(LONG), split(LONG)[0].digest)
    assert await content_of(worker, "a") == LONG


async def test_a_file_is_not_written_of_a_chunk_that_is_missing(worker):
    digests = await put_all(worker, LONG)
    wrong = (*digests[:-1], "0" * 64)

    with pytest.raises(EconsimError, match="1 of the chunks were not put") as refused:
        await worker.do("write", "a", chunks=wrong, size=len(LONG))
    assert refused.value.error_code == "chunk_is_missing"


async def test_a_digest_opens_no_file_of_another_agent(worker):
    digests = await put_all(worker, b"of bob", agent="bob")
    await worker.do("write", "a", "bob", chunks=tuple(digests), size=6)

    with pytest.raises(EconsimError) as refused:
        await worker.do("write", "a", chunks=tuple(digests), size=6)
    assert refused.value.error_code == "chunk_is_missing"


async def test_a_chunk_has_the_size_it_was_put_with(worker):
    digests = await put_all(worker, b"x" * CHUNK_BYTES)

    with pytest.raises(EconsimError) as refused:
        await worker.do("write", "a", chunks=tuple(digests), size=1)
    assert refused.value.error_code == "chunk_is_missing"


async def test_equal_content_is_stored_once(world, worker):
    for path in ("a", "b", "c"):
        await worker.do("write", path, text="same")
    await worker.do("copy", "a", to="d")

    assert len(world.chunks.chunks) == 1


@pytest.mark.parametrize("failure", Failure)
@requirement("workspace.files")
async def test_a_command_that_is_repeated_after_a_lost_answer_takes_effect_once(world, worker, failure):
    wanted = command("append", "a", text="x")
    world.records.fail_next(failure)

    with pytest.raises(Unavailable):
        await worker.writer().append(wanted)
    again = await world.worker().writer().append(wanted)

    assert (again.version, again.size) == (1, 1)
    assert len(world.records.entries) == 1


async def test_a_repeat_has_the_first_answer_after_other_changes(worker):
    wanted = command("write", "a", text="one")
    first = await worker.writer().write(wanted)
    await worker.do("write", "a", text="two")
    await worker.do("delete", "a")

    assert await worker.writer().write(wanted) == first


async def test_an_id_that_stood_for_another_command_is_refused(worker):
    await worker.do("write", "a", text="one", command_id="c")

    with pytest.raises(Conflict) as refused:
        await worker.do("write", "a", text="two", command_id="c")
    assert refused.value.error_code == "command_id_exists_with_different_fields"


async def test_workers_that_change_one_file_at_once_lose_no_change(world):
    workers = [world.worker() for _ in range(4)]

    await asyncio.gather(
        *(each.do("append", "a", text=str(number)) for number, each in enumerate(workers * 3))
    )

    assert sorted(await content_of(workers[0], "a")) == sorted(b"012345678910 11".replace(b" ", b""))
    assert world.workspace().version == 12


async def test_a_change_that_comes_in_while_an_addition_is_decided_is_not_lost(world, worker):
    """A reader of the same worker catches up between the content before and the commit."""
    await worker.do("write", "a", text="one")
    files, quotas = worker.workspaces.of(world.run.name, "ana"), worker.context.meter.quotas

    async def quotas_late(*parts):
        worker.context.meter.quotas = quotas
        await world.worker().do("append", "a", text=" two")
        await files.catch_up()
        return await quotas(*parts)

    worker.context.meter.quotas = quotas_late
    await worker.do("append", "a", text=" three")

    assert await content_of(worker, "a") == b"one two three"


async def test_of_two_that_expect_one_version_one_is_refused(world):
    first, second = world.worker(), world.worker()
    await first.do("write", "a", text="one")

    answers = await asyncio.gather(
        first.do("write", "a", text="mine", expected_version=1),
        second.do("write", "a", text="yours", expected_version=1),
        return_exceptions=True,
    )

    assert sorted(type(each).__name__ for each in answers) == ["Conflict", "FileChanged"]


async def test_a_worker_that_knows_old_records_decides_as_one_that_knows_all(world, worker):
    await worker.do("write", "a", text="one")
    await world.worker().do("write", "b", text="two")
    await world.worker().do("delete", "a")

    copied = await worker.do("copy", "b", to="c")
    with pytest.raises(EconsimError) as refused:
        await worker.do("append", "a", text="x", expected_version=1)

    assert (copied.version, refused.value.error_code) == (4, "file_has_another_version")


async def test_a_worker_that_knows_the_workspace_writes_without_reading_it_again(world, worker):
    await worker.do("write", "a", text="one")
    world.records.since = None

    assert (await worker.do("write", "a", text="two")).version == 2


async def test_a_move_is_one_commit(world, worker):
    await worker.do("write", "a", text="one")
    world.records.fail_next(Failure.BEFORE)

    with pytest.raises(Unavailable):
        await worker.do("move", "a", to="b")
    assert world.workspace().paths == ["a"]

    await worker.do("move", "a", to="b")
    assert (world.workspace().paths, world.records.commits) == (["b"], [1, 2])


async def test_an_addition_makes_the_file_that_a_write_of_it_whole_would_make(worker):
    digests = await put_all(worker, LONG)
    await worker.do("write", "a", chunks=tuple(digests), size=len(LONG))

    appended = await worker.do("append", "a", text="end")

    assert appended.digest == split(LONG + b"end")[0].digest
    assert await content_of(worker, "a") == LONG + b"end"


async def test_a_record_is_an_event_of_the_log(world, worker):
    await worker.do("write", "a", text="one")

    (entry,) = world.records.entries
    data, _ = parse_record(entry.key, entry.value)
    assert (data.path, data.size, data.version) == ("a", 3, 1)
    assert b'"actor":"ana"' in entry.value
    assert b'"tick":7' in entry.value


@requirement("workspace.quota")
async def test_chunks_without_a_file_are_bounded():
    worker = WorkspaceWorld(max_workspace_bytes=CHUNK_BYTES).worker()
    for number in range(2):
        await worker.writer().put(bytes([number]) * CHUNK_BYTES)

    with pytest.raises(QuotaExceeded, match="chunks that no file has yet take 262144 bytes"):
        await worker.writer().put(b"one more")


async def test_chunks_that_a_file_has_now_make_room_for_others():
    worker = WorkspaceWorld(max_workspace_bytes=CHUNK_BYTES).worker()
    digest, _ = [(await worker.writer().put(bytes([number]) * CHUNK_BYTES)).digest for number in range(2)]

    await worker.do("write", "a", chunks=(digest,), size=CHUNK_BYTES)

    assert (await worker.writer().put(b"x" * CHUNK_BYTES)).size == CHUNK_BYTES


async def test_content_that_a_file_has_is_not_put_again(world, worker):
    await worker.do("write", "a", text="same")
    places = dict(world.chunks.chunks)

    await worker.do("write", "b", text="same")

    assert world.chunks.chunks == places


async def test_a_lost_chunk_is_an_error_that_names_it(world, worker):
    await worker.do("write", "a", text="one")
    world.chunks.chunks.clear()

    with pytest.raises(EconsimError, match="is lost") as failed:
        await worker.reader().read(ReadFile(path="a"))
    assert failed.value.error_code == "file_content_is_lost"


async def test_a_changed_chunk_is_an_error_that_names_it(world, worker):
    await worker.do("write", "a", text="one")
    (key,) = world.chunks.chunks
    world.chunks.chunks[key] = 1, b"two"

    with pytest.raises(EconsimError, match="was changed in the store"):
        await worker.reader().read(ReadFile(path="a"))


async def test_chunks_that_are_put_at_once_have_no_more_room_than_one_after_the_other():
    world = WorkspaceWorld(max_workspace_bytes=CHUNK_BYTES)
    worker = world.worker()
    chunks = (bytes([number]) * CHUNK_BYTES for number in range(5))

    ended = await asyncio.gather(*(worker.writer().put(each) for each in chunks), return_exceptions=True)

    assert [isinstance(each, QuotaExceeded) for each in ended] == [False, False, True, True, True]


async def test_a_hosts_change_has_the_tick_that_it_names(world, worker):
    await worker.do("write", "a", text="one", tick=3)

    (entry,) = world.records.entries
    assert b'"tick":3' in entry.value
