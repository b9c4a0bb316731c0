"""Commands of operators, the answers to them, and the events of the log about both."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import Field

from econsim.schemas.base import Event, Message
from econsim.schemas.names import NO_RUN
from econsim.schemas.quota import Quotas, QuotaUpdate
from econsim.schemas.types import AMOUNT_MAX, NAME_LENGTH_MAX, NAME_PATTERN, Identifier, Name

REASON_LENGTH_MAX: Final = 200
"""Longest reason in characters."""

Change = Literal["agent_let_in", "agent_thrown_out", "role_granted", "keys_replaced"]
"""Uses of the keys of the trust root."""

Sequence = Annotated[int, Field(ge=1, le=AMOUNT_MAX)]
"""Sequence number of a message in its stream."""


def run_or_none(name: str) -> str:
    """Return a name if it can be a run's, else `none`: the subject of a dead letter may have any author."""
    fits = len(name) <= NAME_LENGTH_MAX and re.fullmatch(NAME_PATTERN, name)
    return name if fits else NO_RUN


class SetQuota(Message):
    """Change limits of an agent, or of every agent of a run."""

    run: Name
    """Run of the agents."""
    agent: Name | None = None
    """Name of the agent; none for every agent of the run that has no limit of its own."""
    update: QuotaUpdate
    """Limits to change."""


class QuotaChanged(Message):
    """Limits of an agent or of a run were changed."""

    agent: str | None
    """Name of the agent; none for every agent of the run."""
    update: QuotaUpdate
    """Limits that the operator changed."""
    quotas: Quotas
    """Limits in force from now on."""


class TellTrust(Message):
    """Record a use of the keys in the log; the sender holds the keys and has used them already."""

    run: Name = NO_RUN
    """Run of the agent, which may be opened later; `none` for a use of the keys about no run."""
    who: Identifier | None = None
    """Name of the agent, or of the person with a granted role; none for every role."""
    change: Change
    """Use of the keys."""
    reason: Annotated[str, Field(max_length=REASON_LENGTH_MAX)] = ""
    """Reason or role, for people; empty if an operator decided so."""


class TrustChanged(Message):
    """The keys of the trust root were used: somebody is trusted from now on, or no longer."""

    who: str | None
    """Name of the agent, or of the person with a granted role; none for every role."""
    change: Change
    """Use of the keys."""
    reason: str
    """Reason or role, for people; empty if an operator decided so."""


class RecordConnection(Message):
    """Record in the log that an external agent is connected or not; the sender reads the server's own count."""

    run: Name
    """Run of the agent's account, which may be opened later."""
    agent: Name
    """Name of the agent."""
    connected: bool
    """True if the server has a connection of the agent's account."""


class ConnectionChanged(Message):
    """An external agent connected, or lost its last connection, as the server reports it."""

    agent: str
    """Name of the agent."""
    connected: bool
    """True if the server has a connection of the agent's account from now on."""


class RetryLetter(Message):
    """Put a dead letter back into the queue it came from."""

    sequence: Sequence
    """Sequence number of the letter in stream `dead_letter`."""


class DropLetter(Message):
    """Delete a dead letter for good."""

    sequence: Sequence
    """Sequence number of the letter in stream `dead_letter`."""


class LetterDone(Message):
    """Answer: a dead letter was retried or dropped."""

    sequence: int
    """Sequence number that the letter had in stream `dead_letter`."""
    subject: str
    """Subject of the message."""
    stream: str | None = None
    """Queue of the message, if it was put back."""
    stored: int | None = None
    """Sequence number of the message in its queue."""


class LetterBuried(Message):
    """A message became a dead letter."""

    sequence: int
    """Sequence number of the letter in stream `dead_letter`."""
    subject: str
    """Subject of the message; begins with `unknown` if the message was gone before it could be read."""
    code: str
    """Code of the reason."""
    reason: str
    """Reason, for people."""
    handler: str
    """Handler that gave the message up: a service, or the server."""
    origin: str
    """Stream and sequence number of the message, `stream:sequence`."""


class LetterRetried(Message):
    """A dead letter went back to its queue."""

    sequence: int
    """Sequence number that the letter had in stream `dead_letter`."""
    subject: str
    """Subject of the message."""
    stream: str
    """Queue of the message."""
    stored: int
    """Sequence number of the message in its queue."""


class LetterDropped(Message):
    """A dead letter was deleted for good."""

    sequence: int
    """Sequence number that the letter had in stream `dead_letter`."""
    subject: str
    """Subject of the message."""


class Commanded(Message):
    """An operator's command was carried out or refused."""

    operator: str
    """Name of the operator, from the credentials: the server's permissions put it into the subject."""
    command: str
    """Command as `<entity>.<action>`, for instance `quota.set`."""
    code: str
    """Outcome: `done`, or the code of the refusal."""
    summary: str
    """Beginning of the command's payload, for people."""


TrustChangedEvent = Event[TrustChanged]
ConnectionChangedEvent = Event[ConnectionChanged]
