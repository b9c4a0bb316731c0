"""The tool gateway: workers compete for calls of outside tools; every worker answers requests about tools and calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from econsim import subjects
from econsim.adapters.jetstream.key_table import BucketKeyTable
from econsim.domain.mcp.outcome import tool_reply
from econsim.domain.mcp.terms import quote, require_server, require_terms, server_is_absent, unknown_tool
from econsim.errors import NotFound
from econsim.ports import ToolServer
from econsim.schemas.mcp import GetQuote, GetResult, ListTools, ToolList, ToolQuote, ToolReply
from econsim.services.context import ServiceContext
from econsim.services.definition import ServiceDefinition
from econsim.services.handlers import caller, current_context
from econsim.services.leadership import Component
from econsim.services.mcp.journal import ToolJournal
from econsim.services.mcp.recorded_server import servers_of_run
from econsim.services.mcp.worker import GatewayWorker
from econsim.services.tick_watch import TickWatch
from econsim.streams.tools import MCP_OUTCOMES

service = ServiceDefinition("mcp")
"""The tool gateway."""

REQUESTS_AT_ONCE: Final = 32
"""Requests that one worker answers at once."""


@service.request(subjects.GET_QUOTE, max_workers=REQUESTS_AT_ONCE)
async def get_quote(request: GetQuote) -> ToolQuote:
    """Return the terms of a call; raises NotFound for a tool that agents cannot call."""
    servers = await _servers()
    server = require_server(servers, request.server)
    terms = require_terms(server.name, server.table, request.tool)
    if server.listing and request.tool not in server.tools:
        raise unknown_tool(request.server, request.tool, server.tools)
    return quote(request.server, request.tool, server.table, terms)


@service.request(subjects.LIST_TOOLS, max_workers=REQUESTS_AT_ONCE)
async def list_tools(request: ListTools) -> ToolList:
    """Return the tools that agents may call; raises NotFound for an unknown server, Unavailable if it never answered."""
    servers = await _servers()
    if request.server is not None:
        server = require_server(servers, request.server)
        servers = {request.server: server}
        if not server.listing:
            raise server_is_absent(request.server)
    return ToolList(
        tools=tuple(server.tools[name] for server in servers.values() for name in sorted(server.tools)),
        absent=tuple(name for name, server in servers.items() if not server.is_open),
    )


@service.request(subjects.GET_RESULT, max_workers=REQUESTS_AT_ONCE)
async def get_result(request: GetResult) -> ToolReply:
    """Return the stored outcome of an own call; raises NotFound for a call that has none."""
    context, where = current_context(), caller()
    journal = ToolJournal(context, BucketKeyTable(context.client, MCP_OUTCOMES, context.jetstream))
    outcome = await journal.find(where.run, where.agent, request.msg_id)
    if outcome is None:
        message = f"call {request.msg_id!r} has no outcome: it is under way, was refused, or was never made"
        raise NotFound(message, code="call_has_no_outcome")
    return tool_reply(where.run, outcome)


@service.in_background
def components(context: ServiceContext) -> Sequence[Component]:
    """Return the worker that makes the calls, and what keeps ticks current."""
    return TickWatch(context), GatewayWorker(context)


async def _servers() -> Mapping[str, ToolServer]:
    """Return the tool servers of the caller's open run; raises NotFound for one that is not open, and for no agent of it."""
    context, where = current_context(), caller()
    run = await context.require_run(where.run)
    run.agent(where.agent)
    return servers_of_run(context.tool_servers, run)
