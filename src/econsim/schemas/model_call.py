"""A call of a language model as values: its position in the run, its prompt and its completion.

`schemas/cognition.py` has the messages about calls, `ports.ModelProvider` answers them.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, NamedTuple

from pydantic import AfterValidator, Field

from econsim.schemas.base import CONFIG, Message, Word
from econsim.schemas.immutable import immutable
from econsim.schemas.model_limits import DEADLINE_MS_MAX, DEFAULT_MODEL, OUTPUT_TOKENS_MAX, ModelName
from econsim.schemas.shared_schema import shared_schema

MESSAGES_MAX: Final = 200
"""Messages in one prompt: a conversation of a hundred turns."""

TOOLS_MAX: Final = 64
"""Tools offered in one call."""

CALLS_PER_CYCLE_MAX: Final = 64
"""Calls of one agent in one cycle: an agent that needs more is in a loop."""

Ordinal = Annotated[int, Field(strict=True, ge=1, le=CALLS_PER_CYCLE_MAX)]
"""Place of a call among the calls of its agent in one cycle, from 1."""

TokenCount = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]
"""Number of a model's tokens."""


class ChatRole(Word):
    """The author of a message in a prompt."""

    SYSTEM = "system"
    """Instructions to the model."""
    USER = "user"
    """The agent that asks."""
    ASSISTANT = "assistant"
    """The model itself, in an earlier turn."""
    TOOL = "tool"
    """A tool that the model called."""


@immutable
class ToolCall:
    """A model's call of a tool."""

    __pydantic_config__ = CONFIG

    id: Annotated[str, Field(min_length=1, max_length=128)]
    """Id of the call, made by the provider."""
    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+$", max_length=64)]
    """Name of the tool."""
    arguments: str
    """Arguments of the tool as JSON text, exactly as the model wrote them."""


@immutable
class ChatMessage:
    """One message of a prompt."""

    __pydantic_config__ = CONFIG

    role: ChatRole
    """Author of the message."""
    content: str = ""
    """Text of the message."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Tool calls of an assistant's message."""
    tool_call_id: str | None = None
    """Id of the tool call that a tool's message answers."""


@immutable
class ToolDefinition:
    """A tool that the model may call."""

    __pydantic_config__ = CONFIG

    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+$", max_length=64)]
    """Name of the tool."""
    description: str = ""
    """Description of the tool for the model."""
    parameters: dict[str, Any] | None = None
    """JSON Schema of the tool's arguments; none for a tool without any."""


class Prompt(Message):
    """The part of a call that decides its answer; its digest is checked at every repeat."""

    messages: Annotated[tuple[ChatMessage, ...], Field(min_length=1, max_length=MESSAGES_MAX)]
    """Messages of the prompt, oldest first."""
    max_tokens: Annotated[int, Field(strict=True, ge=1, le=OUTPUT_TOKENS_MAX)]
    """Length limit of the answer, tokens; the worst-case price covers all of them."""
    model: ModelName = DEFAULT_MODEL
    """Name of the model, one of the scenario's."""
    tools: Annotated[tuple[ToolDefinition, ...], Field(max_length=TOOLS_MAX)] = ()
    """Tools that the model may call."""
    response_schema: Annotated[dict[str, Any] | None, AfterValidator(shared_schema)] = None
    """JSON Schema that the answer's text must follow; none for free text."""
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    """Temperature of sampling; 0 for the most probable answer."""

    @property
    def text_length(self) -> int:
        """Return the characters of all messages together."""
        return sum(len(message.content) for message in self.messages)


class FinishReason(Word):
    """The reason of a model to end its answer."""

    STOP = "stop"
    """The answer is complete."""
    LENGTH = "length"
    """The answer has `max_tokens` tokens."""
    TOOL_CALLS = "tool_calls"
    """The model waits for results of tools."""


@immutable
class TokenUsage:
    """Tokens of one call."""

    __pydantic_config__ = CONFIG

    input_tokens: TokenCount
    """Tokens of the prompt."""
    output_tokens: TokenCount
    """Tokens of the answer."""


class CallPosition(NamedTuple):
    """The causal position of a call in a run: its idempotency key, and the key of its record."""

    agent: str
    """Agent that asks."""
    cycle: int
    """Cycle of the agent; in a run of ticks, the tick."""
    ordinal: int
    """Place of the call in its cycle, from 1."""


@immutable
class Call:
    """One call of an agent."""

    __pydantic_config__ = CONFIG

    position: CallPosition
    """Causal position of the call."""
    prompt: Prompt
    """Prompt of the call."""
    deadline_ms: int = DEADLINE_MS_MAX
    """Milliseconds that the call may take."""
    tick: int = 0
    """Logical time of the call."""
    causation_id: str | None = None
    """Id of the event that made the agent ask."""


@immutable
class Completion:
    """A provider's answer to a call."""

    __pydantic_config__ = CONFIG

    content: str
    """Text of the answer."""
    usage: TokenUsage | None
    """Tokens as the provider counted them; None if it did not say."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Tool calls of the answer."""
    finish_reason: FinishReason = FinishReason.STOP
    """Reason for the end of the answer."""
