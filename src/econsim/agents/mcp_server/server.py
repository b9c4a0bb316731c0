"""The protocol: lists the tools, calls them, and turns errors into results that say what to do. Speaks stdio alone.

The only module of the agents that imports the official library, which an extra brings.
"""

from __future__ import annotations

from typing import Any, cast

from mcp.server import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    TextContent,
    Tool,
    ToolAnnotations,
)

from econsim import __version__
from econsim.agents.mcp_server.standard_input import standard_input
from econsim.agents.toolset.catalogue import TOOLS, TOOLS_BY_NAME, instructions
from econsim.agents.toolset.membership import Membership
from econsim.agents.toolset.results import Json, error_object, result_object, text_of
from econsim.agents.toolset.tool import AgentTool, Effect
from econsim.errors import EconsimError


async def serve(membership: Membership) -> None:
    """Serve the agent's tools on standard input and output until the input ends."""
    server = tool_server(membership)
    try:
        async with standard_input() as lines, stdio_server(cast("Any", lines)) as (receiving, sending):
            await server.run(receiving, sending, server.create_initialization_options())
    finally:
        await membership.leave()


def tool_server(membership: Membership) -> Server[Any]:
    """Return the server of an agent's tools."""

    async def list_tools(_: object, __: object) -> ListToolsResult:
        return ListToolsResult(tools=[_described_tool(tool) for tool in TOOLS])

    async def call_tool(_: object, params: CallToolRequestParams) -> CallToolResult:
        tool = TOOLS_BY_NAME.get(params.name)
        if tool is None:
            message = f"there is no tool {params.name[:60]!r}; there are {', '.join(TOOLS_BY_NAME)}"
            raise MCPError(INVALID_PARAMS, message)
        try:
            found = result_object(await tool.run(membership, params.arguments or {}))
        except EconsimError as error:
            return _result(error_object(error), is_error=True)
        return _result(found, is_error=False)

    return Server(
        "econsim",
        version=__version__,
        instructions=instructions(membership.run, membership.agent),
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _described_tool(tool: AgentTool[Any]) -> Tool:
    return Tool(
        name=tool.name,
        description=tool.description,
        input_schema=tool.input_schema(),
        annotations=ToolAnnotations(
            read_only_hint=tool.effect is Effect.READ,
            destructive_hint=False,
            idempotent_hint=tool.effect is not Effect.ACT,
            open_world_hint=False,
        ),
    )


def _result(found: dict[str, Json], *, is_error: bool) -> CallToolResult:
    text = TextContent(type="text", text=text_of(found))
    return CallToolResult(content=[text], structured_content=found, is_error=is_error)
