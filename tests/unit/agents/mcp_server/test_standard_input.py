"""The command reads messages from whatever its input is, and ends with it or with a signal."""

import asyncio
import json
import signal

import pytest
from assistants import econsim_command

from econsim.agents.mcp_server.standard_input import InputLines

PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'

pytestmark = pytest.mark.slow


async def started(standard_input, directory):
    return await asyncio.create_subprocess_exec(
        *econsim_command("mcp-server", "demo", "ana"),
        stdin=standard_input,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=directory,
    )


async def test_a_line_that_is_too_long_is_no_message_and_the_next_one_is_read():
    reader = asyncio.StreamReader(limit=64)
    reader.feed_data(b"x" * 200 + b"\n" + b"short\n")
    reader.feed_eof()

    assert [line async for line in InputLines(reader)] == ["\n", "short\n"]


async def test_a_signal_ends_it_although_its_input_stays_open(tmp_path):
    server = await started(asyncio.subprocess.PIPE, tmp_path)
    server.stdin.write(PING)
    answer = json.loads(await server.stdout.readline())
    server.send_signal(signal.SIGTERM)
    _, said = await server.communicate()

    assert answer == {"jsonrpc": "2.0", "id": 1, "result": {}}
    assert (server.returncode, said) == (130, b"stopped\n")


@pytest.mark.parametrize("content", [b"", PING])
async def test_a_file_as_input_ends_it_in_order(tmp_path, content):
    path = tmp_path / "messages"
    path.write_bytes(content)
    with path.open("rb") as file:
        server = await started(file, tmp_path)
        _, said = await server.communicate()

    assert (server.returncode, said) == (0, b"")
