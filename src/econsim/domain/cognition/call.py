"""A call of a model: its causal position, its receipt and its digests. Pure.

The position is (agent, cycle, ordinal). Calls are never matched by content: two equal prompts in one cycle have two
positions, two answers and two prices (decision 0027).
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, NamedTuple

from pydantic import TypeAdapter

from econsim.schemas.cognition import DEADLINE_MS_MAX, FinishReason, Prompt, ToolCall, Usage

RECEIPT: Final = "llm"
"""First word of every receipt, reserved among the names of agents."""

_TOOL_CALLS: Final = TypeAdapter(tuple[ToolCall, ...])


class Position(NamedTuple):
    """The causal position of a call in a run."""

    agent: str
    """Agent that asks."""
    cycle: int
    """Cycle of the agent; in a run of ticks, the tick."""
    ordinal: int
    """Place of the call in its cycle, from 1."""

    @property
    def receipt(self) -> str:
        """Return the id of the call at the ledger and in the log."""
        return f"{RECEIPT}.{self.agent}.{self.cycle}.{self.ordinal}"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an agent."""

    position: Position
    """Causal position of the call."""
    prompt: Prompt
    """Prompt of the call."""
    deadline_ms: int = DEADLINE_MS_MAX
    """Milliseconds that the call may take."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A provider's answer."""

    content: str
    """Text of the answer."""
    usage: Usage | None
    """Tokens as the provider counted them; None if it did not say."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Tool calls of the answer."""
    finish_reason: FinishReason = FinishReason.STOP
    """Reason for the end of the answer."""


def position_of(receipt: str) -> Position | None:
    """Return the position that a receipt names; None for an id of another kind."""
    word, *rest = receipt.split(".")
    if word != RECEIPT or len(rest) != 3 or not (rest[1].isdecimal() and rest[2].isdecimal()):
        return None
    return Position(rest[0], int(rest[1]), int(rest[2]))


def prompt_digest(prompt: Prompt) -> str:
    """Return 32 hex digits that change with every part of a prompt."""
    return blake2b(prompt.model_dump_json().encode(), digest_size=16).hexdigest()


def answer_digest(content: str, tool_calls: tuple[ToolCall, ...]) -> str:
    """Return 32 hex digits that change with every part of an answer."""
    calls = _TOOL_CALLS.dump_json(tool_calls)
    return blake2b(content.encode(errors="replace") + b"\n" + calls, digest_size=16).hexdigest()
