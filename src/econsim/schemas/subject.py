"""The grammar of subjects (architecture B1): what one is made of, how to build, parse and match it.

`<domain>.<entity>.<action>.<run>[.<agent>]`. Events have four tokens, everything else about a run five; the last
token of an entry, command or request is its sender. A declaration that breaks the grammar fails at import.
Imports the standard library and `errors`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from econsim.errors import InvalidSubject

DOMAINS: Final = ("agent", "market", "system", "mcp", "trace", "admin")
"""First tokens there are."""

OWNERS: Final = ("market", "ledger", "clock", "agent", "admission", "admin")
"""Services that may own a subject: they publish it, or answer it."""

TOKEN_LENGTH_MAX: Final = 64
"""Characters in a token: keeps subjects and bucket keys short enough to index."""

_TOKEN: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_PART: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}|\{[a-z]+\}")
_PLACE: Final = re.compile(r"\{(\w+)\}")
_NO_BRACES: Final = str.maketrans("", "", "{}")


class SubjectKind(StrEnum):
    """What a message on a subject is."""

    EVENT = "event"
    """Past tense, four tokens, captured by `audit_log`."""
    COMMAND = "command"
    """Imperative, five tokens, captured by a work queue; the reply is the stream's PubAck."""
    ENTRY = "entry"
    """Five tokens in domain `agent`: what an agent says from its own account, not yet admitted by anybody."""
    REQUEST = "request"
    """Five tokens, captured by nothing, answered by a service."""
    DELIVERY = "delivery"
    """Five tokens, core NATS, from a service to the one agent in the last token."""
    BROADCAST = "broadcast"
    """Five tokens, core NATS, from a service to every agent of a run; the last token is `all`."""
    OPERATOR = "operator"
    """`admin.<entity>.<action>.<operator>`: a request by a person, answered by a service."""


ANSWERED: Final = (SubjectKind.ENTRY, SubjectKind.REQUEST, SubjectKind.OPERATOR)
"""What a service answers, any worker of it: the rest is told to everybody who listens."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One row of the taxonomy."""

    template: str
    """Tokens, with `{name}` where a value goes."""
    kind: SubjectKind
    """What travels on it."""
    owner: str
    """The service that publishes it (events, deliveries) or answers it (the rest)."""
    message: str
    """Class name of the payload's schema, in `econsim.schemas`."""
    reply: str = ""
    """Class name of the reply's schema, for requests."""
    stream: str = ""
    """The stream that captures it, if any."""
    short: str = ""
    """What an agent calls it inside its own account, run and identity left out; empty if it has no access."""
    description: str = ""
    """One sentence for the catalog."""

    def __post_init__(self) -> None:
        """Check the declaration; raises InvalidSubject, so a wrong one fails when it is imported."""
        if wrong := _misdeclared(self):
            message = f"subject {self.template!r} {wrong}"
            raise InvalidSubject(message)

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
        """Names of the template's variable tokens, in order, each once."""
        return tuple(dict.fromkeys(_PLACE.findall(self.template)))

    @property
    def type(self) -> str:
        """The event type: first and third token, `market.trade_executed`; all three if the third is a place."""
        parts = self.template.split(".")[:3]
        return ".".join(parts if "{" in parts[2] else parts[::2]).translate(_NO_BRACES)


def token(value: str, name: str = "token") -> str:
    """Return the value if it may stand in a subject; raise InvalidSubject otherwise."""
    if not _TOKEN.fullmatch(value):
        message = f"{name} {value[:80]!r} is not a subject token; use 1 to 64 of a-z 0-9 _ -, a letter or digit first"
        raise InvalidSubject(message, field=name)
    return value


_TAILS: Final = {
    SubjectKind.EVENT: ("{run}",),
    SubjectKind.OPERATOR: ("{operator}",),
    SubjectKind.BROADCAST: ("{run}", "all"),
}
_TAIL: Final = ("{run}", "{agent}")


def _misdeclared(row: Subject) -> str:
    """Return what is wrong with a row of the taxonomy, or nothing."""
    if row.owner not in OWNERS:
        return f"is owned by {row.owner!r}; the services are {', '.join(OWNERS)}"
    if bool(row.stream) != (row.kind in (SubjectKind.EVENT, SubjectKind.COMMAND)):
        return "has a stream exactly if it is an event or a command"
    return _misspelled(row)


def _misspelled(row: Subject) -> str:
    """Return what is wrong with a row's tokens, or nothing."""
    domain, *rest = row.template.split(".")
    tail = _TAILS.get(row.kind, _TAIL)
    if domain not in DOMAINS or len(rest) != 2 + len(tail) or tuple(rest[2:]) != tail:
        return f"is no {row.kind.value}: that is <domain>.<entity>.<action>.{'.'.join(tail)}, of {', '.join(DOMAINS)}"
    if (row.kind is SubjectKind.OPERATOR) != (domain == "admin") or (
        row.kind is SubjectKind.ENTRY and domain != "agent"
    ):
        return "has the wrong domain: operators speak on admin, entries are in domain agent"
    if bad := [part for part in (*rest, *row.short.split(".")) if part and not _PART.fullmatch(part)]:
        return f"has {bad[0]!r} in it, which is neither a token nor a place in braces"
    if row.kind is SubjectKind.EVENT and not rest[1].endswith(("ed", "}")):
        return f"is an event, so {rest[1]!r} must be in the past tense"
    return ""


def matches(pattern: Sequence[str], tokens: Sequence[str]) -> bool:
    """Tell whether a subject's tokens are within a NATS pattern's: `*` is one token, a last `>` one or more."""
    if pattern and pattern[-1] == ">":
        return len(tokens) >= len(pattern) and matches(pattern[:-1], tokens[: len(pattern) - 1])
    return len(pattern) == len(tokens) and all(
        part in ("*", token) for part, token in zip(pattern, tokens, strict=True)
    )


def is_token(value: str) -> bool:
    """Tell whether the value may stand in a subject."""
    return _TOKEN.fullmatch(value) is not None


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
    """Fourth token: run, correlation id."""
    agent: str = ""
    """Fifth token: sender of a command or request, receiver of a delivery; empty for events."""

    @property
    def operator(self) -> str:
        """Return who commands: in domain `admin` the name stands where others have the run."""
        return self.run


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


def entity_of(subject: str) -> str:
    """Return the second token of a subject: of a market's event, the resource (a fifth of the time of `fields`)."""
    return subject.split(".", 2)[1]
