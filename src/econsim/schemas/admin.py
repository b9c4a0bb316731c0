"""What operators ask for, what they are answered, and what the log tells of it."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import Field

from econsim.schemas.base import Event, Message
from econsim.schemas.quota import Quotas, QuotaUpdate
from econsim.schemas.types import AMOUNT_MAX, NAME_LENGTH_MAX, NAME_PATTERN, Identifier, Name

NO_RUN: Final = "none"
"""Stands for the run in events about no run."""

REASON_LENGTH_MAX: Final = 200
"""Characters of a reason that are told."""

Change = Literal["agent_let_in", "agent_thrown_out", "role_granted", "keys_replaced"]
"""What is done with the keys of the trust root."""

Sequence = Annotated[int, Field(ge=1, le=AMOUNT_MAX)]
"""Place of a message in its stream."""


def run_or_none(name: str) -> str:
    """Return a name if it can be a run's, else what stands for none: subjects come from whoever wrote them."""
    fits = len(name) <= NAME_LENGTH_MAX and re.fullmatch(NAME_PATTERN, name)
    return name if fits else NO_RUN


class SetQuota(Message):
    """Change what an agent may take, or every agent of a run."""

    run: Name
    """The run."""
    agent: Name | None = None
    """The agent; none for every agent of the run that has no limit of its own."""
    update: QuotaUpdate
    """The limits to change."""


class QuotaChanged(Message):
    """Limits were changed."""

    agent: str | None
    """Whose; none for every agent of the run."""
    update: QuotaUpdate
    """What was asked for."""
    quotas: Quotas
    """What holds from now on."""


class TellTrust(Message):
    """Have the log tell what was done with the keys, by who holds them and already did it."""

    run: Name = NO_RUN
    """The run the agent is let into, which may be opened later; `none` for what is about no run."""
    who: Identifier | None = None
    """The agent, or the person a role was granted to; none for every role."""
    change: Change
    """What was done."""
    reason: Annotated[str, Field(max_length=REASON_LENGTH_MAX)] = ""
    """Why or as what, for people; empty if somebody wanted it so."""


class TrustChanged(Message):
    """Somebody is trusted who was not, or no longer: who holds the keys used them."""

    who: str | None
    """The agent, or the person a role was granted to; none for every role."""
    change: Change
    """What was done."""
    reason: str
    """Why or as what, for people; empty if somebody wanted it so."""


class RecordConnection(Message):
    """Have the log tell whether an external agent is connected, by who sees the server's own count."""

    run: Name
    """The run the agent's account is for, which may be opened later."""
    agent: Name
    """The agent."""
    connected: bool
    """Whether the server has a connection of its account."""


class ConnectionChanged(Message):
    """An external agent connected, or lost its last connection: the server says so, not the agent."""

    agent: str
    """The agent."""
    connected: bool
    """Whether the server has a connection of its account from now on."""


class RetryLetter(Message):
    """Put a dead letter back into the queue it came from."""

    sequence: Sequence
    """The letter's place in stream `dead_letter`."""


class DropLetter(Message):
    """Give a dead letter up for good."""

    sequence: Sequence
    """The letter's place in stream `dead_letter`."""


class LetterDone(Message):
    """A dead letter was dealt with."""

    sequence: int
    """The letter's place in stream `dead_letter`, where it is no more."""
    subject: str
    """Where the message was sent first."""
    stream: str | None = None
    """The queue it is in again, if it was put back."""
    stored: int | None = None
    """Its place there."""


class LetterBuried(Message):
    """A message became a dead letter."""

    sequence: int
    """Its place in stream `dead_letter`."""
    subject: str
    """Where it was sent; begins with `unknown` if it was gone before it could be read."""
    code: str
    """Why, as a sentence in snake case."""
    reason: str
    """Why, for people."""
    handler: str
    """Who gave it up: a service, or the server."""
    origin: str
    """The stream it came from and its place there, `stream:sequence`."""


class LetterRetried(Message):
    """A dead letter went back to its queue."""

    sequence: int
    """The place it had in stream `dead_letter`."""
    subject: str
    """Where it was sent again."""
    stream: str
    """The queue it is in again."""
    stored: int
    """Its place there."""


class LetterDropped(Message):
    """A dead letter was given up."""

    sequence: int
    """The place it had in stream `dead_letter`."""
    subject: str
    """Where it had been sent."""


class Commanded(Message):
    """An operator's command was carried out or refused."""

    operator: str
    """Who: the name in the credentials, put into the subject by the server's permissions."""
    command: str
    """`<entity>.<action>`, for instance `quota.set`."""
    code: str
    """`done`, or the refusal as a sentence in snake case."""
    summary: str
    """What was asked, shortened, for people."""


TrustChangedEvent = Event[TrustChanged]
ConnectionChangedEvent = Event[ConnectionChanged]
QuotaChangedEvent = Event[QuotaChanged]
LetterBuriedEvent = Event[LetterBuried]
LetterRetriedEvent = Event[LetterRetried]
LetterDroppedEvent = Event[LetterDropped]
CommandedEvent = Event[Commanded]
