"""The process of a tool server: what it says before it ends."""

import sys
from contextlib import nullcontext

from econsim.adapters.mcp.server_process import Launch, server_process
from econsim.schemas.tool_server_file import StdioTable

TABLE = StdioTable(kind="stdio", command="library-server")


def running(program):
    """Run a program of Python as the process of a server."""
    launch = Launch((sys.executable, "-c", program), {}, "/")
    return server_process(lambda _: nullcontext(launch), TABLE, 1_000)


async def test_the_last_words_of_a_server_that_cannot_start_are_in_the_log(caplog):
    program = "import sys; sys.stderr.write('starting\\nno such place: \\x1b[31m/srv\\n'); sys.exit(1)"

    async with running(program) as process:
        lines = [line async for line in process.lines()]

    assert lines == []
    assert "library-server ended by itself; its last words: no such place:  [31m/srv" in caplog.text


async def test_a_server_that_is_stopped_says_nothing(caplog):
    program = "import sys; sys.stderr.write('ready\\n'); print(flush=True); sys.stdin.read()"

    async with running(program) as process:
        await anext(process.lines())

    assert (process.last_words, caplog.text) == ("ready", "")
