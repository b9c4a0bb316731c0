"""Files over a real server: an agent in its own account writes, reads, is refused, and the log tells of each change."""

from __future__ import annotations

import asyncio
import json
import os

import pytest
import pytest_asyncio
from eventually import eventually
from live_run import external_scenario, live_run
from requirements import requirement

from econsim.adapters.jetstream.audit_log import read
from econsim.adapters.jetstream.quota_table import KeyQuotaTable
from econsim.agents.channel import AgentChannel
from econsim.agents.workspace import WorkspaceService
from econsim.errors import Refused
from econsim.schemas.quota import QuotaUpdate
from econsim.subjects import FILE_DELETED, FILE_MOVED, FILE_WRITTEN

pytestmark = [pytest.mark.nats, pytest.mark.asyncio(loop_scope="module")]

EVENTS = (FILE_WRITTEN, FILE_MOVED, FILE_DELETED)
AMPLE = QuotaUpdate(max_publish_rate=10_000, max_workspace_bytes=2**26)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(server):
    async with live_run(server, "files", external_scenario()) as found:
        await KeyQuotaTable(found.nc).change(found.run, None, AMPLE)
        yield found


@pytest.fixture
def files(live):
    return WorkspaceService(AgentChannel(live.externals["anna"], live.run, "anna"))


async def ask(client, operation, payload):
    """Return the reply to a request, as any client of NATS gets it."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return json.loads((await client.request(f"workspace.{operation}", body, timeout=10)).data)


@requirement("workspace.files")
async def test_a_large_file_comes_back_as_it_was_written(files) -> None:
    content = os.urandom(3_000_001)

    written = await files.write("large.bin", content)

    assert written.size == len(content)
    assert await files.read("large.bin") == content


async def test_a_file_is_streamed_both_ways(files) -> None:
    pieces = [os.urandom(100_000) for _ in range(12)]

    async def content():
        for piece in pieces:
            yield piece

    await files.write_stream("streamed.bin", content())
    parts = [part async for part in files.read_stream("streamed.bin")]

    assert b"".join(parts) == b"".join(pieces)
    assert len(parts) == 10


@requirement("workspace.files")
async def test_every_change_is_an_event_with_digest_and_size_and_without_content(live, files) -> None:
    written = await files.write("told/a.md", "a secret text")
    await files.move("told/a.md", "told/b.md")
    await files.delete("told/b.md")
    subjects = [row(run=live.run) for row in EVENTS]
    found = []

    async def are_told():
        stored = [each async for each in read(live.nc, live.run, subjects)]
        found[:] = [each for each in stored if b"told/" in each.payload]
        return len(found) == 3

    await eventually(are_told)
    first, moved, deleted = (json.loads(each.payload) for each in found)
    assert [each["type"] for each in (first, moved, deleted)] == [row.type for row in EVENTS]
    assert (first["data"]["digest"], first["data"]["size"], first["actor"]) == (written.digest, 13, "anna")
    assert (moved["data"]["moved_from"], moved["data"]["digest"]) == ("told/a.md", written.digest)
    assert not any(b"secret" in each.payload for each in found)


async def test_an_agent_never_sees_files_of_another(live, files) -> None:
    await files.write("mine.txt", "of anna")
    bert = WorkspaceService(AgentChannel(live.externals["bert"], live.run, "bert"))
    facts = await files.stat("mine.txt")

    with pytest.raises(Refused, match="there is no file"):
        await bert.read("mine.txt")
    stolen = await ask(
        live.externals["bert"],
        "write",
        {"command_id": "steal", "path": "x", "chunks": [*facts.chunks], "size": 7},
    )
    direct = await live.externals["bert"].request(f"state.chunk.{facts.chunks[0]}.7", timeout=5)

    assert stolen["error"]["code"] == "chunk_is_missing"
    assert direct.data == b""
    assert await bert.list_files() == []


BAD = {
    "no content": ("write", {"path": "a"}, "message_is_invalid"),
    "content twice": ("write", {"path": "a", "text": "x", "base64": "eA=="}, "message_is_invalid"),
    "an escape": ("write", {"path": "../../etc/passwd", "text": "x"}, "path_is_invalid"),
    "an absolute path": ("read", {"path": "/etc/passwd"}, "path_is_invalid"),
    "a path of nothing": ("write", {"path": "", "text": "x"}, "message_is_invalid"),
    "a path that is a number": ("write", {"path": 7, "text": "x"}, "message_is_invalid"),
    "no base64": ("write", {"path": "a", "base64": "?"}, "message_is_invalid"),
    "a half surrogate": ("write", {"path": "a", "text": "\ud800"}, "message_is_invalid"),
    "an unknown field": ("list", {"colour": "red"}, "message_is_invalid"),
    "a negative offset": ("read", {"path": "a", "offset": -1}, "message_is_invalid"),
    "a version of 2^70": ("read", {"path": "a", "at": 2**70}, "message_is_invalid"),
    "another agent": ("list", {"agent_id": "bert"}, "agent_id_does_not_match_subject"),
    "a digest in capitals": ("write", {"path": "a", "chunks": ["A" * 64], "size": 1}, "message_is_invalid"),
    "a size that does not fit": (
        "write",
        {"path": "a", "chunks": ["a" * 64], "size": 0},
        "chunks_do_not_fit_the_size",
    ),
    "a chunk that is too large": ("put", b"x" * 131_073, "message_is_too_large"),
    "a chunk of nothing": ("put", b"", "message_is_invalid"),
    "a text that is none": ("read", {"path": "bad.bin", "as_text": True}, "file_is_no_text"),
}


@pytest.mark.parametrize(("operation", "payload", "code"), BAD.values(), ids=BAD.keys())
async def test_bad_input_is_refused_with_its_code(live, files, operation, payload, code) -> None:
    await files.write("bad.bin", b"\xff\xfe")
    if isinstance(payload, dict) and operation == "write":
        payload = {"command_id": "bad", **payload}

    reply = await ask(live.externals["anna"], operation, payload)

    assert reply["error"]["code"] == code


async def test_many_agents_at_once_lose_no_change(files) -> None:
    await asyncio.gather(*(files.append("log.txt", f"{number}\n") for number in range(40)))

    lines = (await files.read_text("log.txt")).split()
    assert sorted(map(int, lines)) == list(range(40))


@requirement("workspace.quota")
async def test_a_full_workspace_refuses_and_takes_again_what_fits(live) -> None:
    bert = WorkspaceService(AgentChannel(live.externals["bert"], live.run, "bert"))
    await KeyQuotaTable(live.nc).change(live.run, "bert", QuotaUpdate(max_workspace_bytes=100_000))

    async def is_limited():
        await bert.write("full.bin", b"")
        try:
            await bert.append("full.bin", bytes(20_000))
            await bert.write("full.bin", bytes(101_000))
        except Refused as error:
            return error.error_code == "workspace_bytes_are_exceeded"
        return False

    await eventually(is_limited)
    await bert.delete("full.bin")
    await bert.write("fits.bin", os.urandom(90_000))
    with pytest.raises(Refused) as refused:
        await bert.append("fits.bin", os.urandom(20_000))
    await bert.write("fits.bin", b"small")
    await bert.append("fits.bin", b"er")

    assert refused.value.error_code == "workspace_bytes_are_exceeded"
    assert [(file.path, file.size) for file in await bert.list_files()] == [("fits.bin", 7)]
