"""Names of spans and their attributes: the only place where a name of a published convention stands.

The GenAI and MCP conventions are in development and change their names; a test compares those here with the newest
published ones (opentelemetry-semantic-conventions). Names that begin with `econsim.` and `agent.` are ours (decision 0046).
"""

from __future__ import annotations

from enum import StrEnum


class GenAi(StrEnum):
    """Attributes of a call of a language model."""

    OPERATION = "gen_ai.operation.name"
    """Kind of the call: CHAT, or EXECUTE_TOOL for a tool."""
    PROVIDER = "gen_ai.provider.name"
    """Provider that answered."""
    MODEL = "gen_ai.request.model"
    """Model that was asked for."""
    AGENT = "gen_ai.agent.name"
    """Agent that asked."""
    INPUT_TOKENS = "gen_ai.usage.input_tokens"
    """Tokens of the prompt."""
    OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
    """Tokens of the answer."""
    FINISH_REASONS = "gen_ai.response.finish_reasons"
    """Reasons for the end of the answer, a list."""
    TOOL = "gen_ai.tool.name"
    """Tool that was called."""
    TOOL_CALL = "gen_ai.tool.call.id"
    """Id of the call of the tool."""


class Mcp(StrEnum):
    """Attributes of a call of a tool of an outside server."""

    METHOD = "mcp.method.name"
    """Method of the protocol."""


class Messaging(StrEnum):
    """Attributes of everything that went through NATS."""

    SYSTEM = "messaging.system"
    """Always `nats`: the convention's list of systems has no word for it, and allows others."""
    TEMPLATE = "messaging.destination.template"
    """Subject with names for its variable tokens; never a concrete one, so that their number does not grow with agents."""
    MESSAGE = "messaging.message.id"
    """Id of the event."""
    OPERATION = "messaging.operation.type"
    """Operation on a message: SEND or PROCESS."""


class Common(StrEnum):
    """Attributes of several conventions."""

    ERROR = "error.type"
    """Class of a failure, a word."""


class Own(StrEnum):
    """Attributes that no convention has."""

    RUN = "econsim.run"
    """Run of the span."""
    TICK = "econsim.tick"
    """Logical time of the span."""
    EVENT = "econsim.event"
    """Id of the fact that the span was made from: `econsim why` explains it."""
    ACTOR = "econsim.actor"
    """Actor of the fact."""
    ENTITY = "econsim.entity"
    """Market, server or other entity of the subject."""
    TRANSFERS = "econsim.ledger.transfer"
    """Ids of the ledger's chains that paid for it, a list."""
    AGENT = "agent.id"
    """Agent of a cycle or call; of a message its sender, also a host or service, or who it is delivered to."""
    TOKENS = "agent.tokens_used"
    """Tokens that the agent paid for."""
    COST = "agent.cost"
    """Price that the agent paid, credits, an exact decimal as text."""
    PRICE = "econsim.price"
    """Price of one call, micro-credits; their sum over a trace is what the ledger posted for calls."""
    REFUSAL = "econsim.refusal"
    """Code of a refusal: an outcome, no error."""
    LATE = "econsim.late"
    """True if the event came into the log two ticks after its own: its place in the trace is unknown."""


CHAT = "chat"
"""Operation of a call of a model."""

EXECUTE_TOOL = "execute_tool"
"""Operation of a call of a tool."""

CALL_TOOL = "tools/call"
"""Method of the Model Context Protocol for a call of a tool."""

SEND = "send"
"""Type of the operation of sending a message, or of asking and waiting for the answer."""

PROCESS = "process"
"""Type of the operation of handling a message."""

NATS = "nats"
"""Value of `messaging.system`."""
