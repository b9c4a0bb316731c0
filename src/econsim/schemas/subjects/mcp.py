"""Subjects of the tool gateway."""

from __future__ import annotations

from typing import Final

from econsim.schemas.subject import Subject, SubjectKind
from econsim.schemas.subject_rows import MCP_REQUESTS, event, request

__all__ = [
    "BREAKER_CLOSED",
    "BREAKER_OPENED",
    "CALL_TOOL",
    "GET_QUOTE",
    "GET_RESULT",
    "LIST_TOOLS",
    "TOOLS_LISTED",
    "TOOL_COMPLETED",
    "TOOL_FAILED",
    "TOOL_REPLIED",
]


def _event(action: str, message: str, description: str) -> Subject:
    """Return an event about one server."""
    return event("mcp", f"mcp.{{server}}.{action}", message, description)


def _request(action: str, message: str, reply: str, description: str) -> Subject:
    """Return a request of an agent to the gateway."""
    return request("mcp", f"system.mcp.{action}", message, reply, description, short=f"mcp.{action}")


CALL_TOOL: Final = Subject(
    "mcp.request.{server}.{run}.{agent}",
    SubjectKind.COMMAND,
    "mcp",
    "CallTool",
    stream=MCP_REQUESTS,
    description="An admitted call of a tool of an outside server.",
)
TOOL_REPLIED: Final = Subject(
    # Not in domain `mcp`: the queue of calls captures `mcp.request.…` there, whatever the fourth token is.
    "system.{server}.tool_replied.{run}.{agent}",
    SubjectKind.DELIVERY,
    "mcp",
    "ToolReply",
    short="mcp.replied.{server}",
    description="Reply to a call of a tool, for the agent that called.",
)
TOOL_COMPLETED: Final = _event("completed", "ToolCompleted", "A tool answered a call, which is paid.")
TOOL_FAILED: Final = _event(
    "failed", "ToolFailed", "A call of a tool got no result; what it had reserved is released."
)
TOOLS_LISTED: Final = _event("tools_listed", "ToolsListed", "A server listed its tools.")
BREAKER_OPENED: Final = _event(
    "breaker_opened", "BreakerOpened", "A server failed again and again; it is left alone for a while."
)
BREAKER_CLOSED: Final = _event(
    "breaker_closed", "BreakerClosed", "A server that was left alone answered again."
)
GET_QUOTE: Final = _request(
    "get_quote", "GetQuote", "ToolQuote", "Price of a call of a tool, before it is made."
)
LIST_TOOLS: Final = _request("list_tools", "ListTools", "ToolList", "Tools that agents may call.")
GET_RESULT: Final = _request(
    "get_result", "GetResult", "ToolReply", "Stored outcome of an own call, for instance after a lost reply."
)

COMMANDS: Final = (CALL_TOOL,)
"""Commands, in the order of the table."""

EVENTS: Final = (TOOL_COMPLETED, TOOL_FAILED, TOOLS_LISTED, BREAKER_OPENED, BREAKER_CLOSED)
"""Events, in the order of the table."""

DELIVERIES: Final = (TOOL_REPLIED,)
"""Deliveries, in the order of the table."""

REQUESTS: Final = (GET_QUOTE, LIST_TOOLS, GET_RESULT)
"""Requests, in the order of the table."""
