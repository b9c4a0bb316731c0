"""The receipt of a call, and the digests of its prompt and its answer. Pure.

The position is (agent, cycle, ordinal). Calls are never matched by content: two equal prompts in one cycle have two
positions, two answers and two prices (decision 0027).
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from pydantic import TypeAdapter

from econsim.schemas.model_call import CallPosition, Prompt, ToolCall

RECEIPT: Final = "llm"
"""First word of every receipt, reserved among the names of agents."""

_TOOL_CALLS: Final = TypeAdapter(tuple[ToolCall, ...])


def receipt(position: CallPosition) -> str:
    """Return the id of a call at the ledger and in the log."""
    return f"{RECEIPT}.{position.agent}.{position.cycle}.{position.ordinal}"


def call_name(position: CallPosition) -> str:
    """Return a call's position as part of a sentence."""
    return f"the call of agent {position.agent!r}, cycle {position.cycle}, ordinal {position.ordinal}"


def position_of(id_: str) -> CallPosition | None:
    """Return the position that a receipt names; None for an id of another kind."""
    word, *rest = id_.split(".")
    if word != RECEIPT or len(rest) != 3 or not (rest[1].isdecimal() and rest[2].isdecimal()):
        return None
    return CallPosition(rest[0], int(rest[1]), int(rest[2]))


def prompt_text(prompt: Prompt) -> str:
    """Return a prompt as JSON text; `Prompt.model_validate_json` reads it back."""
    return prompt.model_dump_json()


def prompt_digest(text: str) -> str:
    """Return 32 hex digits that change with every part of a prompt, given as JSON text."""
    return blake2b(text.encode(errors="replace"), digest_size=16).hexdigest()


def answer_digest(content: str, tool_calls: tuple[ToolCall, ...]) -> str:
    """Return 32 hex digits that change with every part of an answer."""
    calls = _TOOL_CALLS.dump_json(tool_calls)
    return blake2b(content.encode(errors="replace") + b"\n" + calls, digest_size=16).hexdigest()
