"""Tools between a model and the services: their definitions for the model, its calls as effects, replies as messages. Pure."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from econsim.domain.mcp.outcome import result_text
from econsim.domain.runtime.effects import OwnEffect, UseReply, UseTool
from econsim.domain.runtime.own_tools import OwnCalls, own_definitions
from econsim.schemas.base import ErrorBody
from econsim.schemas.mcp import ToolReply
from econsim.schemas.model_call import ChatMessage, ChatRole, ToolCall, ToolDefinition
from econsim.schemas.scenario_tools import OfferedTool
from econsim.schemas.social import Question
from econsim.schemas.social_tasks import Task, TaskState
from econsim.schemas.workspace import FileChanged, FilePart

TEXT_LENGTH_MAX: Final = 8_000
"""Characters of a tool's reply that the model is shown: several of them fit into a prompt."""

ENDS_LATER: Final = "done: it takes effect at the end of this tick"
"""Text of the reply to a step that ends a task."""

ToolEffect = UseTool | OwnEffect
"""Effect that a model's tool call stands for."""


def tool_definitions(tools: Sequence[OfferedTool]) -> tuple[ToolDefinition, ...]:
    """Return outside tools as a model is offered them."""
    return tuple(ToolDefinition(tool.name, tool.description, tool.parameters) for tool in tools)


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools that one agent's model may call."""

    tools: Sequence[OfferedTool] = ()
    """Tools of outside servers."""
    own: Sequence[str] = ()
    """Names of econsim's own tools."""
    takers: Sequence[str] = ()
    """Agents to which tasks can be delegated."""

    def definitions(self) -> tuple[ToolDefinition, ...]:
        """Return the tools as a model is offered them: the outside ones first."""
        return (*tool_definitions(self.tools), *own_definitions(self.own, self.takers))

    def effect(self, call: ToolCall, own_calls: OwnCalls) -> ToolEffect | str:
        """Return the effect that a model's tool call stands for, or the reason why it stands for none."""
        tool = next((tool for tool in self.tools if tool.name == call.name), None)
        if tool is None and call.name not in self.own:
            names = (*(each.name for each in self.tools), *self.own)
            return f"error: there is no tool {call.name!r}; there are {', '.join(names)}"
        try:
            params = json.loads(call.arguments)
        except (RecursionError, ValueError):
            params = None
        if not isinstance(params, dict):
            return f"error: the arguments of {call.name!r} are no JSON object"
        return (
            own_calls.effect(call.name, params) if tool is None else UseTool(tool.server, tool.name, params)
        )


def tool_messages(
    calls: Sequence[ToolCall], uses: Sequence[ToolEffect | str], replies: Sequence[UseReply | None]
) -> list[ChatMessage]:
    """Return the messages that show a model the ends of its tool calls: the replies to the effects, and the other reasons."""
    found = map(reply_text, replies)
    texts = [use if isinstance(use, str) else next(found) for use in uses]
    return [
        ChatMessage(ChatRole.TOOL, text[:TEXT_LENGTH_MAX], tool_call_id=call.id)
        for call, text in zip(calls, texts, strict=True)
    ]


def reply_text(reply: UseReply | None) -> str:
    """Return the text of a reply; it says nothing that a repeat after a crash would say otherwise."""
    match reply:
        case None:
            text = ENDS_LATER
        case ErrorBody(code=code, message=message) | Task(state=TaskState.REFUSED, code=code, reason=message):
            text = f"error {code}: {message}"
        case FileChanged(path=path):
            text = f"done: {path} is written"
        case FilePart(base64=content):
            text = b64decode(content or "").decode(errors="replace")
        case Question(question_id=id_) | Task(task_id=id_):
            text = f"done: {id_}"
        case _:
            text = _tool_reply_text(reply)
    return text


def _tool_reply_text(reply: ToolReply) -> str:
    if reply.result is None:
        return f"error {reply.error.code}: {reply.error.message}" if reply.error else "error"
    text = result_text(reply.result)
    return f"error: {text}" if reply.result.is_error else text
