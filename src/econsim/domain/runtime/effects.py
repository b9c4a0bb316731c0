"""The effects of a cognitive cycle, as data. Pure.

A cycle is a generator: it yields what it wants done, and gets the results sent in. It reads no clock and no network, so
that the live driver, the driver in memory and a replay run the same cycle (decision 0028).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from econsim.schemas.base import ErrorBody
from econsim.schemas.cognition import HostedCall, LlmAnswer
from econsim.schemas.mcp import CallTool, JsonObject, ToolReply
from econsim.schemas.model_call import DEADLINE_MS_MAX, Prompt
from econsim.schemas.orders import Action


@dataclass(frozen=True, slots=True)
class Think:
    """Ask a model; the result is its answer, or the reason why there is none."""

    prompt: Prompt
    """Prompt of the call."""
    deadline_ms: int = DEADLINE_MS_MAX
    """Milliseconds that the call may take."""


@dataclass(frozen=True, slots=True)
class UseTool:
    """Call a tool of an outside server; the result is its reply, with the result or the reason why there is none."""

    server: str
    """Server of the tool."""
    tool: str
    """Name of the tool."""
    params: JsonObject
    """Arguments of the tool."""


@dataclass(frozen=True, slots=True)
class Act:
    """Send actions to markets; they take effect when the cycle is complete, and the result is None."""

    actions: Mapping[str, Sequence[Action]]
    """Resource → actions on its market."""


Effect = Think | UseTool | Act
"""One effect."""

Step = Effect | tuple[Effect, ...]
"""Yield of a cycle: one effect, or several that are done side by side and answered in the order listed."""

Answer = LlmAnswer | ErrorBody
"""Result of a Think."""


@dataclass(frozen=True, slots=True)
class HostedToolCall:
    """A call of a tool that a driver makes for an agent."""

    agent: str
    """Agent that calls and pays."""
    server: str
    """Server of the tool."""
    command: CallTool
    """Command of the call."""


Request = HostedCall | HostedToolCall
"""A call that a driver makes for an agent."""

Reply = Answer | ToolReply
"""Reply to a request, and result of the effect that it stands for."""

Cycle = Generator[Step, Any, None]
"""One cognitive cycle of an agent: perceive, think, act."""
