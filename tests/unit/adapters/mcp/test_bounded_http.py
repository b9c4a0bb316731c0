"""A tool server over HTTP whose answers are too many, too large, or larger than they look."""

import gzip
import json
from contextlib import asynccontextmanager

import pytest
from model_server import model_server, streamed, whole

from econsim.errors import ToolCallFailed
from econsim.schemas.tool_server_file import HttpTable

pytest.importorskip("mcp")
from econsim.adapters.mcp.client import LIST_BYTES_MAX, open_session

START = {
    "protocolVersion": "2025-11-25",
    "capabilities": {"tools": {}},
    "serverInfo": {"name": "stub", "version": "1"},
}


def reply(request, text="found"):
    """Return a result of the protocol, right for any of its requests."""
    found = {"content": [{"type": "text", "text": text}], "tools": [], **START}
    return json.dumps({"jsonrpc": "2.0", "id": request.get("id"), "result": found}).encode()


@asynccontextmanager
async def session(call):
    """Open a session with a server that answers the call of a tool as told."""

    async def answer(request, writer):
        if request.get("method") == "tools/call":
            found = call(request)
        elif "id" in request:
            found = whole(reply(request))
        else:
            found = whole(b"", "202 Accepted" if request else "405 Method Not Allowed")
        await found(request, writer)

    async with model_server(answer) as server:
        table = HttpTable(kind="http", url=server.base_url)
        async with open_session("stub", table, lambda _: None, {}) as opened:
            opened.encodings = server.encodings
            yield opened


async def failure(call):
    async with session(call) as opened:
        with pytest.raises(ToolCallFailed) as failed:
            await opened.call("find", {}, 10)
    return failed.value.error_code, failed.value.ran


async def test_a_result_comes_as_it_is_and_nothing_compressed_is_asked_for():
    async with session(lambda request: whole(reply(request))) as opened:
        found = await opened.call("find", {}, 10)

    assert found.content == ({"type": "text", "text": "found"},)
    assert opened.encodings == {"identity"}


async def test_a_result_above_the_limit_of_its_server_is_too_large():
    assert await failure(lambda request: whole(reply(request, "x" * 300_000))) == (
        "result_is_too_large",
        True,
    )


@pytest.mark.parametrize("body", [b"", b"slow down", b'{"error": "slow down"}'])
async def test_a_server_with_too_many_calls_is_busy(body):
    assert await failure(lambda _: whole(body, "429 Too Many Requests")) == ("tool_server_is_busy", False)


async def test_a_number_in_the_text_of_an_error_does_not_mean_that_the_server_is_busy():
    def call(request):
        error = {"code": -32603, "message": "row 1429 was written, the next one was not"}
        return whole(json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": error}).encode())

    assert await failure(call) == ("tool_server_failed", None)


@pytest.mark.parametrize("form", [whole, lambda body: streamed(body, done=False)])
async def test_an_answer_above_the_limit_fails_its_own_call_and_the_session_goes_on(form):
    sizes = iter((2 * LIST_BYTES_MAX, 10))

    async with session(lambda request: form(reply(request, "x" * next(sizes)))) as opened:
        with pytest.raises(ToolCallFailed) as failed:
            await opened.call("find", {}, 10)
        after = await opened.call("find", {}, 10)

    assert (failed.value.error_code, failed.value.ran, opened.lost) == ("result_is_too_large", True, False)
    assert after.content[0]["text"] == "x" * 10


async def test_a_compressed_answer_is_not_unpacked():
    def call(request):
        packed = gzip.compress(reply(request, "x" * 2 * LIST_BYTES_MAX))
        return whole(packed, headers="Content-Encoding: gzip\r\n")

    assert await failure(call) == ("result_is_malformed", True)


async def test_a_compressed_error_is_an_error_and_costs_nothing():
    def call(_):
        return whole(gzip.compress(b"down"), "503 Service Unavailable", "Content-Encoding: gzip\r\n")

    assert await failure(call) == ("tool_server_failed", None)
