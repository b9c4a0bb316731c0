"""Messages of external agents' accounts, the answers to them, and the events of the log about both.

An agent's message is admitted (checked, counted, completed with econsim's facts about the agent) before any stream or
service receives it.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from econsim.schemas.base import SCHEMA_VERSION, ErrorBody, Event, Message, Version, Word
from econsim.schemas.types import Identifier, Name

Json = dict[str, Any]
"""JSON object with content of the sender's choice."""


class Admitted(Message):
    """Durable acknowledgement of an agent's message, in the form that JetStream gives to any publisher."""

    stream: str
    """Stream in which the message is stored."""
    seq: int
    """Number of the message, the same when it is sent again; not its place in the stream, which counts others' messages."""
    duplicate: bool = False
    """True if the agent sent the message before; it is stored once."""


class StreamError(Message):
    """Refusal in JetStream's own form, so that any client's `publish` to a stream raises it."""

    code: int
    """Status of the refusal. 400: wrong, 403: not allowed, 404: not found, 429: too much, 503: not now."""
    err_code: int = 0
    """Number of JetStream's own errors; 0, because this is none of them."""
    description: str
    """Code and explanation of the refusal."""


class EntryRefused(Message):
    """Answer to a message that was not admitted, for clients of streams and for econsim's own."""

    error: StreamError
    """Refusal in JetStream's form."""
    refusal: ErrorBody
    """Refusal in the form of every econsim service."""


class AgentReport(Message):
    """Report of an agent about itself; every field may be left out, and each given field must be true."""

    event_id: Identifier | None = None
    """Agent's own id of the report: the same id again is the same report."""
    timestamp: float | None = None
    """Time of the report by the agent's clock, seconds since 1970."""
    correlation_id: Name | None = None
    """Run of the agent; must be the run that the account is for."""
    causation_id: Identifier | None = None
    """Id of the message that caused the report."""
    trace_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None
    """Trace id of W3C, 32 hex digits."""
    agent_id: Name | None = None
    """Name of the agent; must be the agent that the account is for."""
    schema_version: Version = SCHEMA_VERSION
    """Version of the message's schema."""
    data: Json = Field(default_factory=dict)
    """Content of the report, of the agent's choice."""


class AgentFacts(Message):
    """Facts about an agent, added by the service that admitted its message."""

    policy: str
    """Policy of the agent in the scenario."""
    host: str | None
    """Host that runs the agent; none for an external agent."""
    balance_ref: str
    """Key of the agent's balance in bucket `agent_state`: a pointer, never a copy."""


class Reported(Message):
    """Report of an agent as the log keeps it."""

    agent: AgentFacts
    """Facts about the agent that sent the report."""
    said_id: str | None = None
    """Agent's own id of the report; the event's id is econsim's."""
    said_at: float | None = None
    """Time of the report by the agent's own clock, seconds since 1970."""
    data: Json
    """Content of the report."""


class Boundary(Word):
    """Boundary at which a message was rejected."""

    AGENT = "agent"
    """Boundary of an agent: the message came from its own account."""
    SERVICE = "service"
    """Boundary of a service of econsim: a fault of the program, or stolen credentials."""


class AdmissionRejected(Message):
    """A sender tried something that is not allowed."""

    side: Boundary
    """Boundary of the sender: that of an agent or of a service."""
    sender: str
    """Name of the agent, or role of the service."""
    process: str
    """Service process that rejected the message."""
    subject: str
    """Subject of the message, as econsim receives it."""
    code: str
    """Code of the refusal."""
    message: str
    """Explanation of the refusal."""
    times: int
    """Number of rejections of this sender with this code since the event before."""


class AgentSuspended(Message):
    """An agent sent so many messages that its account is revoked."""

    agent: str
    """Name of the agent."""
    received: int
    """Messages received from the agent in one second."""
    allowed: int
    """Messages a second that the agent may send."""


AgentSuspendedEvent = Event[AgentSuspended]
