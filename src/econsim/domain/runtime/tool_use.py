"""Tools between a model and the gateway: their definitions for the model, its calls as effects, replies as messages. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from econsim.domain.mcp.outcome import result_text
from econsim.domain.runtime.effects import UseTool
from econsim.schemas.mcp import ToolReply
from econsim.schemas.model_call import ChatMessage, ChatRole, ToolCall, ToolDefinition
from econsim.schemas.scenario_tools import OfferedTool

TEXT_LENGTH_MAX: Final = 8_000
"""Characters of a tool's reply that the model is shown: several of them fit into a prompt."""


def tool_definitions(tools: Sequence[OfferedTool]) -> tuple[ToolDefinition, ...]:
    """Return the tools as a model is offered them."""
    return tuple(ToolDefinition(tool.name, tool.description, tool.parameters) for tool in tools)


def tool_use(call: ToolCall, tools: Sequence[OfferedTool]) -> UseTool | str:
    """Return the effect that a model's tool call stands for, or the reason why it stands for none."""
    tool = next((tool for tool in tools if tool.name == call.name), None)
    if tool is None:
        return f"error: there is no tool {call.name!r}; there are {', '.join(tool.name for tool in tools)}"
    try:
        params = json.loads(call.arguments)
    except (RecursionError, ValueError):
        params = None
    if not isinstance(params, dict):
        return f"error: the arguments of {call.name!r} are no JSON object"
    return UseTool(tool.server, tool.name, params)


def tool_messages(
    calls: Sequence[ToolCall], uses: Sequence[UseTool | str], replies: Sequence[ToolReply]
) -> list[ChatMessage]:
    """Return the messages that show a model the ends of its tool calls: the replies to the effects, and the other reasons."""
    found = map(reply_text, replies)
    texts = [next(found) if isinstance(use, UseTool) else use for use in uses]
    return [
        ChatMessage(ChatRole.TOOL, text[:TEXT_LENGTH_MAX], tool_call_id=call.id)
        for call, text in zip(calls, texts, strict=True)
    ]


def reply_text(reply: ToolReply) -> str:
    """Return the text of a reply: the result's own, or the reason why there is none."""
    if reply.result is None:
        return f"error {reply.error.code}: {reply.error.message}" if reply.error else "error"
    text = result_text(reply.result)
    return f"error: {text}" if reply.result.is_error else text
