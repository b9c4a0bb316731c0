"""Calls of outside tools through the gateway: the agent's command, the stored outcome, the reply, and the requests about tools.

A call is known by run, agent and `msg_id`, from which its receipt is derived: a repeat gets the outcome of the first call
and is not paid again. The servers, their tools and prices are the operator's (`schemas/tool_server_file.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field

from econsim.schemas.base import CONFIG, SCHEMA_VERSION, ErrorBody, Message, Request, Version, Word
from econsim.schemas.types import Amount, Identifier, JsonObject, Name, ServerName, Tick

TIMEOUT_MS_MAX: Final = 120_000
"""Milliseconds that a call may take, queue included: the end of a period waits for it, and longer work is a task for another agent."""

TIMEOUT_MS_DEFAULT: Final = 15_000
"""Milliseconds that a call may take if its caller does not say."""

CALL_BYTES_MAX: Final = 256 * 1024
"""Bytes of one call of a host's agent; that of an external agent is smaller (`domain/admission/reports.py`)."""

RESULT_BYTES_MAX: Final = 4 * 2**20
"""Bytes of the largest result that an operator may allow: reply, record and event stay below the 8 MiB of a message."""

EVENT_RESULT_BYTES_MAX: Final = 32_768
"""Bytes of a result that its event carries; of a longer one the event has the digest alone."""

ToolName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_][a-zA-Z0-9_./-]*$", max_length=128)]
"""Name of a tool, as its server has it."""

CallTimeout = Annotated[int, Field(strict=True, ge=1, le=TIMEOUT_MS_MAX)]
"""Milliseconds that a call may take."""


class CallTool(Message):
    """An agent's command to call a tool of an outside server, paid from its own balance."""

    msg_id: Identifier
    """Id of the call, made by the agent: a repeat with the same content gets the same receipt and outcome."""
    tool: ToolName
    """Name of the tool."""
    params: JsonObject = Field(default_factory=dict)
    """Arguments of the tool, by its input schema."""
    timeout_ms: CallTimeout = TIMEOUT_MS_DEFAULT
    """Milliseconds from the storage of the command until the call ends with `tool_timed_out`."""
    server: ServerName | None = None
    """Name of the server. Optional; must agree with the subject."""
    agent_id: Name | None = None
    """Agent that calls. Optional; must agree with the subject's last token, which alone identifies the sender."""
    correlation_id: Name | None = None
    """Run of the call. Optional; must agree with the subject."""
    reply_subject: Annotated[str, Field(max_length=300)] | None = None
    """Subject of the reply. Optional; must be the agent's own `mcp.replied.<server>`, to which replies go in any case."""
    causation_id: Identifier | None = None
    """Id of the event that made the agent act."""
    tick: Tick = 0
    """Logical time of the call; for hosts alone, 0 for the run's newest tick."""
    schema_version: Version = SCHEMA_VERSION
    """Version of the command's schema."""


class ToolFailure(Word):
    """The reason why a call that was paid for in advance has no result; also the code of the error in the reply."""

    TOOL_TIMED_OUT = "tool_timed_out"
    """No answer within the deadline."""
    TOOL_SERVER_FAILED = "tool_server_failed"
    """The server cannot be reached, closed the connection, or answered with a fault of its own."""
    TOOL_SERVER_IS_RESTING = "tool_server_is_resting"
    """The server failed again and again and is left alone for a while (circuit breaker)."""
    TOOL_SERVER_IS_BUSY = "tool_server_is_busy"
    """No free place at the server within the deadline, or its own rate limit (429)."""
    TOOL_REFUSED = "tool_refused"
    """The server refused the request as the caller's fault."""
    RESULT_IS_TOO_LARGE = "result_is_too_large"
    """The result has more bytes than the server's limit."""
    RESULT_IS_MALFORMED = "result_is_malformed"
    """The result does not follow the protocol, or the output schema that the server declared."""
    TOOL_ANSWER_IS_NOT_RECORDED = "tool_answer_is_not_recorded"
    """The scenario has recorded answers of the tool, and none to these arguments."""
    CALL_OUTCOME_IS_UNKNOWN = "call_outcome_is_unknown"
    """A worker ended during the call, and the tool may not be called twice."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The result of a tool, as its server gave it."""

    __pydantic_config__ = CONFIG

    content: tuple[JsonObject, ...] = ()
    """Parts of the result in the protocol's own form: `{"type": "text", "text": …}`, images, resources."""
    structured: JsonObject | None = None
    """Result as one object, from tools that have an output schema."""
    is_error: bool = False
    """True if the tool itself reports an error; its text is in `content`."""


@dataclass(frozen=True, slots=True)
class ListedTool:
    """A tool as its server lists it: every word of it is untrusted."""

    __pydantic_config__ = CONFIG

    name: str
    """Name of the tool."""
    description: str
    """Description of the tool."""
    input_schema: JsonObject
    """JSON Schema of its arguments."""
    output_schema: JsonObject | None = None
    """JSON Schema of its structured results; none for a tool that declares none."""


class ToolOutcome(Message):
    """The outcome of a call as it is stored: the first that is stored counts, also for every repeat."""

    id: Identifier
    """Receipt of the call."""
    msg_id: Identifier
    """Id of the call, made by the agent."""
    agent: Name
    """Agent that called and paid."""
    server: ServerName
    """Server of the tool."""
    tool: ToolName
    """Name of the tool."""
    request_digest: str
    """Digest of tool and arguments, 32 hex digits: a repeat must have the same."""
    params: JsonObject
    """Arguments of the call."""
    price: Amount
    """Price paid, micro-credits; 0 for a call that its server never answered."""
    reserved: Amount
    """Micro-credits that were reserved for the call; 0 for a free tool, which has no reservation."""
    cached: bool = False
    """True for a result from the cache, at the price of a hit."""
    result: ToolResult | None = None
    """Result of the tool; none for a failure."""
    failure: ToolFailure | None = None
    """Reason of the failure; none for a result."""
    message: str = ""
    """Reason of the failure as a sentence."""
    attempts: Annotated[int, Field(ge=0)] = 0
    """Number of times that the server was asked."""
    took_ms: Annotated[int, Field(ge=0)] = 0
    """Milliseconds from the storage of the command to the outcome."""
    tick: Tick = 0
    """Logical time of the call."""
    ended_at: str = ""
    """Time of the outcome, RFC 3339."""
    causation_id: Identifier | None = None
    """Id of the event that made the agent act."""


class ToolReply(Message):
    """The reply to a call: the result and its receipt, or the reason why there is none."""

    msg_id: str
    """Id of the call, made by the agent; empty for a command that names none."""
    server: str
    """Server of the tool."""
    tool: str = ""
    """Name of the tool; empty for a command that names none."""
    correlation_id: Name
    """Run of the call."""
    receipt: str = ""
    """Receipt: the id of the reservation at the ledger and of the event in the log; empty for a call that was refused."""
    result: ToolResult | None = None
    """Result of the tool; none for a failure or a refusal."""
    error: ErrorBody | None = None
    """Reason why there is no result; none if there is one."""
    price: Amount = 0
    """Price paid, micro-credits."""
    cached: bool = False
    """True for a result from the cache."""


@dataclass(frozen=True, slots=True)
class CallLimits:
    """The limits of one agent's calls of one server; none for a limit that the operator did not set."""

    __pydantic_config__ = CONFIG

    calls_per_second: int | None = None
    """Calls a second."""
    calls_per_hour: int | None = None
    """Calls an hour."""
    calls_at_once: int | None = None
    """Calls under way at once."""


class GetQuote(Request):
    """Ask for the price of a call before it is made."""

    server: ServerName
    """Name of the server."""
    tool: ToolName
    """Name of the tool."""


class ToolQuote(Message):
    """The terms of a call."""

    server: ServerName
    """Name of the server."""
    tool: ToolName
    """Name of the tool."""
    price: Amount
    """Price of a call, micro-credits; reserved before the call."""
    cached_price: Amount
    """Price of a result from the cache, micro-credits."""
    cached_for_s: int
    """Seconds that a result is kept for equal calls; 0 for a tool whose results are not kept."""
    timeout_ms_max: int
    """Milliseconds that a call may take at most."""
    limits: CallLimits = Field(default_factory=CallLimits)
    """Limits of the agent's calls of this server."""


class ListTools(Request):
    """Ask for the tools that agents may call."""

    server: ServerName | None = None
    """Name of one server; none for all."""


@dataclass(frozen=True, slots=True)
class ToolListing:
    """A tool that agents may call."""

    __pydantic_config__ = CONFIG

    server: ServerName
    """Name of the server."""
    tool: ToolName
    """Name of the tool."""
    description: str
    """Description of the tool, written by its server: untrusted text."""
    input_schema: JsonObject
    """JSON Schema of the arguments."""
    price: Amount
    """Price of a call, micro-credits."""
    cached_price: Amount
    """Price of a result from the cache, micro-credits."""
    cached_for_s: int
    """Seconds that a result is kept for equal calls; 0 for a tool whose results are not kept."""


class ToolList(Message):
    """The tools that agents may call now."""

    tools: tuple[ToolListing, ...]
    """Tools by server and name."""
    absent: tuple[ServerName, ...] = ()
    """Servers that do not answer now, so that their tools are not known."""


class GetResult(Request):
    """Ask for the stored outcome of an own call, for instance after a lost reply."""

    msg_id: Identifier
    """Id of the call."""
