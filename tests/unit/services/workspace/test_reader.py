"""Answers about files: parts, text, search."""

import base64

import pytest
from workspace_worlds import WorkspaceWorld

from econsim.errors import InvalidMessage, NotFound
from econsim.schemas.workspace import CHUNK_BYTES, ReadFile, SearchFiles
from econsim.services.workspace.reader import SEARCHED_BYTES_MAX, SEARCHED_FILES_MAX


@pytest.fixture
def world():
    return WorkspaceWorld(max_kv_keys=1_000)


@pytest.fixture
def worker(world):
    return world.worker()


@pytest.mark.parametrize(
    ("offset", "length", "found"),
    [
        (0, 5, b"aaaaa"),
        (CHUNK_BYTES - 2, 4, b"aabb"),
        (CHUNK_BYTES, 1, b"b"),
        (CHUNK_BYTES + 2, 9, b""),
        (10**7, 9, b""),
    ],
)
async def test_a_part_is_read_across_chunks(worker, offset, length, found):
    digests = tuple([(await worker.writer().put(part)).digest for part in (b"a" * CHUNK_BYTES, b"bb")])
    await worker.do("write", "f", chunks=digests, size=CHUNK_BYTES + 2)

    part = await worker.reader().read(ReadFile(path="f", offset=offset, length=length))

    assert base64.b64decode(part.base64) == found
    assert (part.size, part.version) == (CHUNK_BYTES + 2, 1)


async def test_an_empty_file_is_read(worker):
    await worker.do("write", "f", text="")

    part = await worker.reader().read(ReadFile(path="f", as_text=True))

    assert (part.text, part.size, part.base64) == ("", 0, None)


async def test_a_version_that_is_collected_while_it_is_read_is_not_kept(worker, world):
    await worker.do("write", "f", text="one")
    await worker.do("write", "f", text="two")
    get = world.chunks.get

    async def get_late(*parts):
        world.chunks.get = get
        world.limits = world.limits.model_copy(update={"max_workspace_bytes": 0})
        for _ in range(2):
            await world.worker().collector().look()
        return await get(*parts)

    world.chunks.get = get_late
    with pytest.raises(NotFound) as refused:
        await worker.reader().read(ReadFile(path="f", at=1))
    assert refused.value.error_code == "version_is_not_kept"


async def test_bytes_are_not_read_as_text(worker):
    await worker.do("write", "f", base64="/w==")

    with pytest.raises(InvalidMessage, match="no UTF-8 text from byte 0 on"):
        await worker.reader().read(ReadFile(path="f", as_text=True))


async def test_a_search_goes_on_where_it_stopped(worker):
    for number in range(SEARCHED_FILES_MAX + 4):
        await worker.do("write", f"f{number:03}", text="buy\nsell")

    pages = [await worker.reader().search(SearchFiles(text="sell", limit=100))]
    while pages[-1].next:
        pages.append(await worker.reader().search(SearchFiles(text="sell", limit=100, after=pages[-1].next)))

    found = [match.path for page in pages for match in page.matches]
    assert found == [f"f{number:03}" for number in range(SEARCHED_FILES_MAX + 4)]
    assert [len(page.matches) for page in pages] == [100, 100, 60]


async def test_an_answer_has_no_more_lines_than_asked_for_and_parts_no_file(worker):
    for name, lines in (("a", 2), ("b", 2), ("c", 5), ("d", 1)):
        await worker.do("write", name, text="buy\n" * lines)

    pages = [await worker.reader().search(SearchFiles(text="buy", limit=3))]
    while pages[-1].next:
        pages.append(await worker.reader().search(SearchFiles(text="buy", limit=3, after=pages[-1].next)))

    found = [[match.path for match in page.matches] for page in pages]
    assert found == [["a", "a"], ["b", "b"], ["c", "c", "c"], ["d"]]


async def test_a_search_without_a_match_ends_after_so_many_files(worker):
    for number in range(SEARCHED_FILES_MAX + 1):
        await worker.do("write", f"f{number:03}", text="buy")

    found = await worker.reader().search(SearchFiles(text="sell"))

    assert (found.matches, found.next) == ((), f"f{SEARCHED_FILES_MAX - 1:03}")


async def test_files_that_are_no_text_or_too_large_are_named(worker):
    await worker.do("write", "binary", base64="/w==")
    await worker.do("write", "text", text="buy")
    digest = (await worker.writer().put(b"x" * CHUNK_BYTES)).digest
    count = SEARCHED_BYTES_MAX // CHUNK_BYTES + 1
    await worker.do("write", "large", chunks=(digest,) * count, size=count * CHUNK_BYTES)

    found = await worker.reader().search(SearchFiles(text="buy"))

    assert [match.path for match in found.matches] == ["text"]
    assert found.skipped == ("binary", "large")


async def test_a_cycle_that_is_repeated_reads_what_it_read_at_first(world):
    worker = world.worker()
    await worker.do("write", "a", text="old", command_id="1.1")
    read = ReadFile(path="a", as_text=True, before="2.1")
    first = await worker.reader().read(read)
    await worker.do("append", "a", text=" and new", command_id="2.2")

    again, later = [
        await world.worker().reader().read(each) for each in (read, ReadFile(path="a", as_text=True))
    ]

    assert (first.text, again.text, later.text) == ("old", "old", "old and new")


async def test_a_file_of_a_later_command_is_not_there_before_it(world):
    worker = world.worker()
    await worker.do("write", "a", text="new", command_id="2.2")

    with pytest.raises(NotFound, match="there is no file 'a'"):
        await worker.reader().read(ReadFile(path="a", before="2.1"))
