"""Assistants: the official MCP client, which starts `econsim mcp-server` in a directory of its own and speaks stdio with it."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client


class Assistant:
    """One assistant with its tools."""

    def __init__(self, client):
        self.client = client

    async def call(self, tool, /, **arguments):
        """Call a tool that must succeed; return its result."""
        done = await self.client.call_tool(tool, arguments)
        assert not done.is_error, done.content[0].text
        return done.structured_content

    async def error(self, tool, /, **arguments):
        """Call a tool that must fail; return its error."""
        done = await self.client.call_tool(tool, arguments)
        assert done.is_error, done.content[0].text
        return done.structured_content["error"]


def econsim_command(name, run, agent, *, nats=None, creds=None, state=None):
    """Return the words that run a command of an agent."""
    where = {"--nats": nats, "--creds": creds, "--state": state}
    options = [str(word) for option in where.items() if option[1] for word in option]
    return [sys.executable, "-m", "econsim", *options, name, "--run", run, "--agent", agent]


@asynccontextmanager
async def assistant(directory, *names, **where):
    """Run an assistant in a directory for the time of the context. Its client lives in a task of its own, as it must."""
    program, *arguments = econsim_command("mcp-server", *names, **where)
    parameters = StdioServerParameters(command=program, args=arguments, cwd=directory)
    there, done = asyncio.get_running_loop().create_future(), asyncio.Event()

    async def live():
        async with Client(stdio_client(parameters)) as client:
            there.set_result(client)
            await done.wait()

    living = asyncio.create_task(live())
    await asyncio.wait([there, living], return_when=asyncio.FIRST_COMPLETED)
    try:
        yield Assistant(await there if there.done() else await living)
    finally:
        done.set()
        await living
