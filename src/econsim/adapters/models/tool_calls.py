"""The tool calls of an answer, checked: a model may write anything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pydantic import TypeAdapter
from pydantic_core import to_json

from econsim.schemas.model_call import ToolCall

_TOOL_CALLS: Final = TypeAdapter(tuple[ToolCall, ...])


def checked_tool_calls(calls: Iterable[tuple[str, str, str]]) -> tuple[ToolCall, ...]:
    """Return calls given as id, name and arguments; raises ValidationError for one with a name that no tool has."""
    parts = [{"id": id_, "name": name, "arguments": arguments} for id_, name, arguments in calls]
    return _TOOL_CALLS.validate_json(to_json(parts))
