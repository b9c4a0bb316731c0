"""The grammar of subjects (architecture B1): what one is made of, how to build, parse and match it.

`<domain>.<entity>.<action>.<run>[.<agent>]`. Events have four tokens, commands, requests and deliveries
five; the last token of a command or request is its sender. Imports the standard library and `errors`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from econsim.errors import InvalidSubject

DOMAINS: Final = ("agent", "market", "system", "mcp", "trace", "admin")
"""First tokens there are."""

TOKEN_LENGTH_MAX: Final = 64
"""Characters in a token: keeps subjects and bucket keys short enough to index."""

_TOKEN: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_PLACE: Final = re.compile(r"\{(\w+)\}")


class Kind(StrEnum):
    """What a message on a subject is."""

    EVENT = "event"
    """Past tense, four tokens, captured by `audit_log`."""
    COMMAND = "command"
    """Imperative, five tokens, captured by a work queue; the reply is the stream's PubAck."""
    REQUEST = "request"
    """Five tokens, captured by nothing, answered by a service."""
    DELIVERY = "delivery"
    """Five tokens, core NATS, from a service to the one agent in the last token."""
    OPERATOR = "operator"
    """`admin.<entity>.<action>.<operator>`: a request by a person, answered by a service."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One row of the taxonomy."""

    template: str
    """Tokens, with `{name}` where a value goes."""
    kind: Kind
    """What travels on it."""
    owner: str
    """The service that publishes it (events, deliveries) or answers it (the rest)."""
    message: str
    """Class name of the payload's schema, in `econsim.schemas`."""
    reply: str = ""
    """Class name of the reply's schema, for requests."""
    stream: str = ""
    """The stream that captures it, if any."""
    description: str = ""
    """One sentence for the catalog."""

    def __call__(self, **values: str) -> str:
        """Build the concrete subject; raises InvalidSubject for a value that is not a token."""
        for name, value in values.items():
            token(value, name)
        return self.template.format(**values)

    def pattern(self, **values: str) -> str:
        """Build a NATS pattern: `*` for every place no value is given for."""
        for name, value in values.items():
            token(value, name)
        return _PLACE.sub(lambda place: values.get(place[1], "*"), self.template)

    @property
    def places(self) -> tuple[str, ...]:
        """Names of the template's variable tokens, in order."""
        return tuple(_PLACE.findall(self.template))

    @property
    def type(self) -> str:
        """The event type: first and third token, `market.trade_executed`."""
        parts = self.template.split(".")
        return f"{parts[0]}.{parts[2]}"


def token(value: str, name: str = "token") -> str:
    """Return the value if it may stand in a subject; raise InvalidSubject otherwise."""
    if not _TOKEN.fullmatch(value):
        message = f"{name} {value[:80]!r} is not a subject token; use 1 to 64 of a-z 0-9 _ -, a letter or digit first"
        raise InvalidSubject(message, field=name)
    return value


@dataclass(frozen=True, slots=True)
class Parsed:
    """A concrete subject taken apart."""

    domain: str
    """First token."""
    entity: str
    """Second token."""
    action: str
    """Third token."""
    run: str
    """Fourth token: run, correlation id; the operator for `admin`."""
    agent: str = ""
    """Fifth token: sender of a command or request, receiver of a delivery; empty for events."""


def parse(subject: str) -> Parsed:
    """Take a concrete subject apart; raises InvalidSubject if it is outside the grammar."""
    tokens = subject.split(".")
    if not 4 <= len(tokens) <= 5:
        message = f"subject {subject[:200]!r} has {len(tokens)} tokens; events have four, commands and requests five"
        raise InvalidSubject(message)
    if tokens[0] not in DOMAINS:
        message = f"subject {subject[:200]!r} starts with {tokens[0]!r}; the domains are {', '.join(DOMAINS)}"
        raise InvalidSubject(message)
    for part in tokens:
        token(part)
    return Parsed(*tokens)


def fields(subject: str) -> Parsed:
    """Take a subject the server delivered on one of our own patterns apart, without checks."""
    return Parsed(*subject.split("."))
