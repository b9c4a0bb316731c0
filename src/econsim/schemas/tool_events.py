"""The events of the tool gateway: calls that ended, and what became known of the servers."""

from __future__ import annotations

from econsim.schemas.base import Message
from econsim.schemas.mcp import ToolFailure, ToolName, ToolResult
from econsim.schemas.types import Amount, Identifier, JsonObject, Name


class ToolCompleted(Message):
    """A tool answered a call, if only with an error of its own; the call is paid."""

    id: Identifier
    """Receipt of the call."""
    msg_id: Identifier
    """Id of the call, made by the agent."""
    agent: Name
    """Agent that called and paid."""
    tool: ToolName
    """Name of the tool."""
    params: JsonObject | None
    """Arguments of the call; none if they are longer than an event carries."""
    request_digest: str
    """Digest of tool and arguments, 32 hex digits."""
    result: ToolResult | None
    """Result of the tool; none if it is longer than an event carries."""
    result_digest: str
    """Digest of the result, 32 hex digits."""
    is_error: bool
    """True if the tool itself reported an error."""
    price: Amount
    """Price paid, micro-credits."""
    cached: bool
    """True for a result from the cache."""
    attempts: int
    """Number of times that the server was asked."""
    took_ms: int
    """Milliseconds from the storage of the command to the outcome."""


class ToolFailed(Message):
    """A call that was paid for in advance got no result; its price is 0 unless the server answered something."""

    id: Identifier
    """Receipt of the call."""
    msg_id: Identifier
    """Id of the call, made by the agent."""
    agent: Name
    """Agent that called."""
    tool: ToolName
    """Name of the tool."""
    params: JsonObject | None
    """Arguments of the call; none if they are longer than an event carries."""
    request_digest: str
    """Digest of tool and arguments, 32 hex digits."""
    failure: ToolFailure
    """Reason of the failure."""
    message: str
    """Reason of the failure as a sentence."""
    price: Amount
    """Price paid, micro-credits."""
    attempts: int
    """Number of times that the server was asked."""
    took_ms: int
    """Milliseconds from the storage of the command to the outcome."""


class ToolsListed(Message):
    """A server listed its tools, for the first time in the run or because they changed."""

    tools: tuple[ToolName, ...]
    """Names of the tools that agents may call."""
    digest: str
    """Digest of names, schemas and prices, 32 hex digits."""


class BreakerOpened(Message):
    """A server failed again and again; it is left alone for a while."""

    failures: int
    """Failures in a row."""
    rest_ms: int
    """Milliseconds until the next call, the probe."""
    message: str
    """Newest failure as a sentence."""


class BreakerClosed(Message):
    """A server that was left alone answered again."""
