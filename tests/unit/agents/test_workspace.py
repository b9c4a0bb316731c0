"""Files as an agent's program sees them, on a service in memory: repeats, uploads that break off, chunks from the server."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from workspace_worlds import WorkspaceWorld

from econsim import subjects
from econsim.agents.workspace import WorkspaceService
from econsim.errors import Conflict, InvalidMessage, NotFound, QuotaExceeded, Refused
from econsim.schemas.workspace import CHUNK_BYTES, FILE_BYTES_MAX, ChunkStored

LONG = b"".join(number.to_bytes(4, "big") for number in range(130_000))


class MemoryChannel:
    """A channel to one worker in memory, and to the server's direct gets of chunks."""

    agent = "ana"

    def __init__(self, world):
        self._world, self._worker = world, world.worker()
        self.asked = []
        self.client = SimpleNamespace(request=self._get)
        self.lost_chunks = False
        self.before = {}
        self.failures = []

    async def ask(self, row, request, _reply, **_):
        self.asked.append(row.action)
        if self.failures:
            raise self.failures.pop(0)
        if meanwhile := self.before.pop(row, None):
            await meanwhile()
        writes = row in (
            subjects.PUT_CHUNK, subjects.WRITE_FILE, subjects.APPEND_TO_FILE, subjects.MOVE_FILE,
            subjects.COPY_FILE, subjects.DELETE_FILE,
        )  # fmt: skip
        handler = self._worker.writer() if writes else self._worker.reader()
        return await getattr(handler, row.action)(request)

    async def _get(self, subject, timeout):  # noqa: ARG002, ASYNC109 - the library's names
        name = subject.removeprefix("state.chunk.")
        found = self._world.chunks.chunks.get((f"{self._world.run.name}.ana", name))
        if found is None or self.lost_chunks:
            return SimpleNamespace(data=b"", headers={"Status": "404"})
        return SimpleNamespace(data=found[1], headers={"Nats-Sequence": "1"})


@pytest.fixture
def channel():
    return MemoryChannel(WorkspaceWorld())


@pytest.fixture
def files(channel):
    return WorkspaceService(channel)


async def test_small_content_is_one_command_and_large_content_is_put_first(files, channel):
    await files.write("small", "text")
    await files.write("large", LONG)

    assert channel.asked == ["write", "put", "put", "put", "put", "write"]
    assert await files.read_text("small") == "text"
    assert await files.read("large") == LONG


async def test_a_large_file_is_read_from_the_server_itself(files, channel):
    await files.write("large", LONG)
    channel.asked.clear()

    assert await files.read("large") == LONG
    assert channel.asked == ["stat"]


async def test_a_chunk_that_the_server_does_not_have_is_asked_of_the_service(files, channel):
    await files.write("large", LONG)
    channel.lost_chunks = True

    assert await files.read("large") == LONG
    assert channel.asked.count("read") == 4


async def test_an_earlier_version_is_read(files):
    first = await files.write("a", "one")
    await files.write("a", "two")

    assert await files.read("a", at=first.version) == b"one"


async def test_an_upload_whose_chunks_were_collected_starts_over(files, channel):
    missing = NotFound("gone", code="chunk_is_missing")
    asked = channel.ask

    async def ask_once(row, request, reply, **more):
        if row is subjects.WRITE_FILE and channel.asked.count("write") == 0:
            channel.asked.append("write")
            raise missing
        return await asked(row, request, reply, **more)

    channel.ask = ask_once
    await files.write("large", LONG)

    assert channel.asked == [*["put"] * 4, "write", *["put"] * 4, "write"]


async def test_a_refusal_within_an_upload_is_raised_itself(files, channel):
    channel.failures = [QuotaExceeded("full", code="workspace_bytes_are_exceeded")]

    with pytest.raises(QuotaExceeded, match="full"):
        await files.write("large", LONG)


async def test_a_long_addition_rewrites_the_file_if_nobody_changed_it_meanwhile(files, channel):
    await files.append("log", "start ")
    channel.failures = []
    added = await files.append("log", b"x" * CHUNK_BYTES)

    assert added.size == CHUNK_BYTES + 6
    assert (await files.read("log"))[:7] == b"start x"


async def test_a_long_addition_starts_over_if_somebody_changed_the_file_meanwhile(files, channel):
    await files.append("log", "start ")
    channel.before[subjects.WRITE_FILE] = lambda: WorkspaceService(channel).append("log", "other ")

    await files.append("log", b"x" * CHUNK_BYTES)

    assert (await files.read("log"))[:13] == b"start other x"


async def test_a_file_that_is_changed_while_it_is_read_is_read_as_it_was(files, channel):
    await files.write("large", LONG)
    channel.lost_chunks = True
    channel.before[subjects.READ_FILE] = lambda: files.write("large", "other")

    assert await files.read("large") == LONG


async def test_a_chunk_that_was_changed_on_its_way_is_asked_of_the_service(files, channel):
    await files.write("a", "one")

    async def get(*_, **__):
        return SimpleNamespace(data=b"two", headers={"Nats-Sequence": "1"})

    channel.client.request = get
    assert await files.read("a") == b"one"


async def test_a_chunk_that_was_stored_otherwise_than_sent_is_a_conflict(files, channel):
    async def ask(*_, **__):
        return ChunkStored(digest="0" * 64, size=1)

    channel.ask = ask
    with pytest.raises(Conflict, match="stored other content"):
        await files.write("large", LONG)


async def test_all_pages_of_a_listing_and_of_a_search_are_asked_for(files, channel):
    for path in ("a", "b", "c"):
        await files.write(path, "buy")
    ask = channel.ask

    async def ask_for_one(row, request, reply, **more):
        return await ask(row, request.model_copy(update={"limit": 1}), reply, **more)

    channel.ask = ask_for_one
    assert [file.path for file in await files.list_files()] == ["a", "b", "c"]
    assert [match.path for match in await files.search("buy")] == ["a", "b", "c"]


async def test_pieces_of_any_length_are_streamed(files):
    async def pieces():
        for length in (1, CHUNK_BYTES, 0, CHUNK_BYTES * 2, 7):
            yield b"p" * length

    written = await files.write_stream("stream", pieces())

    assert written.size == 3 * CHUNK_BYTES + 8
    assert await files.read("stream") == b"p" * written.size


async def test_listing_search_move_copy_delete(files):
    await files.write("a/1", "buy\nsell")
    await files.copy("a/1", "a/2")
    await files.move("a/2", "b")
    await files.delete("a/1", expected_version=1)

    assert [file.path for file in await files.list_files()] == ["b"]
    assert [(line.path, line.line) for line in await files.search("SELL", ignore_case=True)] == [("b", 2)]
    assert await files.list_files("a") == []


async def test_a_malformed_argument_is_refused_before_anything_is_sent(files, channel):
    with pytest.raises(InvalidMessage, match="path"):
        await files.write("", "x")
    with pytest.raises(InvalidMessage, match="at"):
        await files.stat("a", at=0)

    assert channel.asked == []


async def test_content_that_no_file_can_have_is_refused_before_anything_is_sent(files, channel):
    with pytest.raises(InvalidMessage) as refused:
        await files.write("a", bytes(FILE_BYTES_MAX + 1))

    assert (refused.value.error_code, channel.asked) == ("file_is_too_large", [])


async def test_a_long_addition_under_the_id_of_an_earlier_one_has_its_outcome(files, channel):
    first = await files.append("log", b"x" * CHUNK_BYTES, command_id="mine")
    await files.append("log", "y")
    channel.asked.clear()

    again = await files.append("log", b"x" * CHUNK_BYTES, command_id="mine")

    assert (again, channel.asked) == (first, ["write"])
    assert len(await files.read("log")) == CHUNK_BYTES + 1


async def test_a_long_addition_of_other_content_under_the_id_of_an_earlier_one_is_refused(files):
    await files.append("log", b"x" * CHUNK_BYTES, command_id="mine")

    with pytest.raises(Conflict) as refused:
        await files.append("log", b"z" * CHUNK_BYTES, command_id="mine")
    assert refused.value.error_code == "command_id_exists_with_different_fields"
    assert len(await files.read("log")) == CHUNK_BYTES


async def test_an_expected_version_is_sent_along(files):
    await files.write("a", "one", expected_version=0)

    with pytest.raises(Conflict):
        await files.write("a", "two", expected_version=0)


async def test_bytes_are_no_text(files):
    await files.write("b", b"\xff")

    with pytest.raises(Refused, match="no UTF-8"):
        await files.read_text("b")


async def test_a_call_with_the_id_of_an_earlier_one_takes_effect_once(files):
    for _ in range(3):
        await files.append("log", "x", command_id="mine")
    await files.append("log", "y")

    assert await files.read_text("log") == "xy"
