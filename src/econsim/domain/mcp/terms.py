"""The terms of a call: which tools there are for agents, what they cost, how long they may take. Pure.

The operator's file offers tools; a server's own list says which exist and what arguments they take. A tool that is not
in both cannot be called. What a server says about a tool is untrusted: its names, texts and schemas are bounded here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from econsim.domain.cognition.schema_check import schema_fault, text_fault
from econsim.domain.mcp.request import AskedCall
from econsim.errors import InvalidMessage, NotFound, Unavailable
from econsim.schemas.mcp import CallLimits, ListedTool, ToolListing, ToolName, ToolQuote
from econsim.schemas.tool_server_file import ServerTable, ToolTable

TOOLS_MAX: Final = 500
"""Tools of one server: more are ignored."""

DESCRIPTION_LENGTH_MAX: Final = 2_000
"""Characters of a tool's description: a longer one is cut."""

Server = TypeVar("Server")

_NAME: Final = TypeAdapter(ToolName)
_LISTINGS: Final = TypeAdapter(tuple[ToolListing, ...])


def tool_terms(table: ServerTable, tool: str) -> ToolTable | None:
    """Return the operator's terms of a tool; none for a tool that is not offered."""
    return table.tools.get(tool, table.other_tools)


def require_server(servers: Mapping[str, Server], name: str) -> Server:
    """Return a tool server by name; raises NotFound for one that is not there."""
    if name not in servers:
        there = f"there are {', '.join(sorted(servers))}" if servers else "none is configured"
        message = f"there is no tool server {name!r}; {there}"
        raise NotFound(message, code="tool_server_does_not_exist")
    return servers[name]


def require_terms(server: str, table: ServerTable, tool: str) -> ToolTable:
    """Return the terms of a tool of a server; raises NotFound for one that is not offered."""
    terms = tool_terms(table, tool)
    if terms is None:
        raise unknown_tool(server, tool, table.tools)
    return terms


def unknown_tool(server: str, tool: str, known: Iterable[str]) -> NotFound:
    """Return the error for a tool that a server does not have, or that the operator does not offer."""
    message = (
        f"server {server!r} offers no tool {tool!r}; it offers {', '.join(sorted(known)[:20]) or 'none'}"
    )
    return NotFound(message, code="tool_does_not_exist")


def listings(
    server: str, table: ServerTable, found: Iterable[ListedTool]
) -> tuple[dict[str, ToolListing], dict[str, str]]:
    """Return the tools that agents may call, by name, and name → fault of each that is offered but not usable."""
    usable: dict[str, ToolListing] = {}
    faults: dict[str, str] = {}
    for tool in list(found)[:TOOLS_MAX]:
        terms = tool_terms(table, tool.name)
        if terms is None or tool.name in usable:
            continue
        if fault := _fault(tool):
            faults[tool.name[:128]] = fault
            continue
        usable[tool.name] = ToolListing(
            server,
            tool.name,
            tool.description[:DESCRIPTION_LENGTH_MAX],
            dict(tool.input_schema),
            terms.price,
            terms.hit_price,
            terms.ttl_s,
        )
    return usable, faults


def listing_digest(found: Mapping[str, ToolListing]) -> str:
    """Return 32 hex digits that change with every name, schema and price."""
    text = _LISTINGS.dump_json(tuple(found[name] for name in sorted(found)))
    return blake2b(text, digest_size=16).hexdigest()


def check_arguments(call: AskedCall, found: Mapping[str, ToolListing]) -> None:
    """Check the arguments of a call by its tool's schema.

    Raises NotFound for a tool that its server does not have, InvalidMessage for wrong arguments.
    """
    listing = found.get(call.command.tool)
    if listing is None:
        raise unknown_tool(call.server, call.command.tool, found)
    check_params(call.command.tool, listing.input_schema, call.arguments)


def check_params(tool: str, schema: Mapping[str, object], arguments: str) -> None:
    """Check arguments, as JSON, by the input schema of their tool; raises InvalidMessage."""
    if fault := text_fault(schema, arguments):
        message = f"params do not follow the input schema of {tool!r}: {fault}"
        raise InvalidMessage(message, code="tool_arguments_are_not_valid")


def quote(server: str, tool: str, table: ServerTable, terms: ToolTable) -> ToolQuote:
    """Return the terms of a call as its agent gets them."""
    return ToolQuote(
        server=server,
        tool=tool,
        price=terms.price,
        cached_price=terms.hit_price,
        cached_for_s=terms.ttl_s,
        timeout_ms_max=terms.timeout_ms,
        limits=call_limits(table),
    )


def call_limits(table: ServerTable) -> CallLimits:
    """Return the limits of one agent's calls of a server."""
    return CallLimits(table.calls_per_second, table.calls_per_hour, table.calls_at_once)


def server_is_absent(server: str) -> Unavailable:
    """Return the error for a server whose tools are not known, because it never answered."""
    message = f"tool server {server!r} does not answer now; try again in a moment"
    return Unavailable(message, code="tool_server_is_absent", retry_after_ms=1_000)


def _fault(tool: ListedTool) -> str | None:
    try:
        _NAME.validate_python(tool.name)
    except ValidationError:
        return "its name is no name of a tool"
    return schema_fault(tool.input_schema)
