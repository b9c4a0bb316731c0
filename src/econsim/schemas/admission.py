"""What agents say from their own accounts, what is answered, and what the log tells of both.

An agent's message is admitted (checked, counted, completed with what econsim knows of the agent) before
any stream or service sees it.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from econsim.schemas.base import SCHEMA_VERSION, ErrorBody, Event, Message, Version, Word
from econsim.schemas.types import Identifier, Name

Json = dict[str, Any]
"""A JSON object of the sender's own making."""


class Admitted(Message):
    """The durable acknowledgement of what an agent sent, in the form JetStream gives to any publisher."""

    stream: str
    """The stream it is stored in."""
    seq: int
    """Number of the message, the same when it is sent again; no place in the stream, which counts what others send."""
    duplicate: bool = False
    """Whether the agent had sent it before; it is stored once."""


class StreamError(Message):
    """A refusal in JetStream's own form, so that any client's `publish` to a stream raises it."""

    code: int
    """400: wrong, 403: not allowed, 404: no such thing, 429: too much, 503: not now."""
    err_code: int = 0
    """JetStream's number of its own errors; none of them."""
    description: str
    """The refusal: its code and what was wrong."""


class EntryRefused(Message):
    """The answer to what was not admitted, for clients of streams and for ours."""

    error: StreamError
    """The refusal as JetStream says it."""
    refusal: ErrorBody
    """The refusal as every econsim service says it."""


class AgentReport(Message):
    """What an agent says of itself; all but `data` may be left out, and what is given must be true."""

    event_id: Identifier | None = None
    """The agent's own id of it: the same id again is the same report."""
    timestamp: float | None = None
    """When, by the agent's clock, seconds since 1970."""
    correlation_id: Name | None = None
    """The run; must be the one the agent's account is for."""
    causation_id: Identifier | None = None
    """What made the agent act."""
    trace_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None
    """W3C trace id, 32 hex digits."""
    agent_id: Name | None = None
    """The agent; must be the one the account is for."""
    schema_version: Version = SCHEMA_VERSION
    """Version of this message's schema."""
    data: Json = Field(default_factory=dict)
    """Anything the agent wants remembered."""


class AgentFacts(Message):
    """What econsim knows of an agent, added by the service that admitted its message."""

    policy: str
    """The agent's policy in the scenario."""
    host: str | None
    """The host that runs it; none for an external agent."""
    balance_ref: str
    """Where its balance stands in bucket `agent_state`: a pointer, never a copy."""


class Reported(Message):
    """An agent's report as the log keeps it."""

    agent: AgentFacts
    """Who said it."""
    said_id: str | None = None
    """The agent's own id of it; the event's id is econsim's."""
    said_at: float | None = None
    """When by the agent's own clock, seconds since 1970."""
    data: Json
    """What it said."""


class Reserved(Message):
    """A request to a service that is still to come: whatever it holds is answered the same."""

    agent_id: Name | None = None
    """The agent, as in every request; the rest is that service's to say."""


class Boundary(Word):
    """Whose boundary was tried."""

    AGENT = "agent"
    """An agent, from its own account."""
    SERVICE = "service"
    """A service of ours: a fault of the program, or stolen credentials."""


class AdmissionRejected(Message):
    """A sender tried what it may not."""

    side: Boundary
    """Whether an agent or a service."""
    sender: str
    """The agent, or the service's role."""
    process: str
    """The service process that noticed."""
    subject: str
    """Where the message was sent, as econsim sees it."""
    code: str
    """The refusal as a sentence in snake case."""
    message: str
    """What was wrong."""
    times: int
    """How often the same was tried since it was last told."""


class AgentSuspended(Message):
    """An agent sent so much more than its share that its account is taken away."""

    agent: str
    """Who."""
    received: int
    """Messages that arrived from it in one second."""
    allowed: int
    """Messages a second it may send."""


AdmissionRejectedEvent = Event[AdmissionRejected]
AgentSuspendedEvent = Event[AgentSuspended]
ReportedEvent = Event[Reported]
