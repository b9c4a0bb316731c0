"""The grammar of subjects: their tokens, and how to build, parse and match them.

`<domain>.<entity>.<action>.<run>[.<agent>]`. Events have four tokens, everything else about a run five; the last
token of an entry, command or request is its sender. A declaration that breaks the grammar fails at import.
Imports the standard library and `errors`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Final

from econsim.errors import InvalidSubject

DOMAINS: Final = ("agent", "market", "system", "mcp", "trace", "admin")
"""First tokens of subjects."""

ENTITIES_KEPT: Final = 4_096
"""Subjects of which the entity is kept: those of services, and of the reports of some thousand agents."""

OWNERS: Final = (
    "market",
    "ledger",
    "cognition",
    "clock",
    "agent",
    "executor",
    "admission",
    "admin",
    "mcp",
    "workspace",
    "social",
    "trace",
    "metrics",
)
"""Services that may own a subject: the owner publishes it, or answers it."""

TOKEN_LENGTH_MAX: Final = 64
"""Number of characters in a token: keeps subjects and bucket keys short enough to index."""

PLACE: Final = re.compile(r"\{(\w+)\}")
"""Pattern of a variable token of a template; its group is the token's name."""

_WORD: Final = rf"[a-z0-9][a-z0-9_-]{{0,{TOKEN_LENGTH_MAX - 1}}}"
_TOKEN: Final = re.compile(_WORD)
_PART: Final = re.compile(rf"{_WORD}|\{{[a-z]+\}}")
_PAST: Final = ("ed", "written", "}")
"""Endings of the past tense; a place stands for a word that its sender chooses."""

SUBJECTS_MAX: Final = 8_192
"""Concrete subjects that are kept: those of the open runs' events and of some thousand agents."""

_NO_BRACES: Final = str.maketrans("", "", "{}")


class SubjectKind(StrEnum):
    """Kinds of messages, by their subject."""

    EVENT = "event"
    """Event: past tense, four tokens, captured by `audit_log`."""
    COMMAND = "command"
    """Command: imperative, five tokens, captured by a work queue; the reply is the stream's PubAck."""
    ENTRY = "entry"
    """Entry: five tokens in domain `agent`, a message from an agent's own account that is not yet admitted."""
    REQUEST = "request"
    """Request: five tokens, captured by no stream, answered by a service."""
    DELIVERY = "delivery"
    """Delivery: five tokens, core NATS, from a service to the one agent in the last token."""
    BROADCAST = "broadcast"
    """Broadcast: five tokens, core NATS, from a service to every agent of a run; the last token is `all`."""
    OPERATOR = "operator"
    """Operator's request: `admin.<entity>.<action>.<operator>`, by a person, answered by a service."""
    SPAN = "span"
    """Begin or end of a span: `trace.<service>.<entity>.<action>`, core NATS, of no run; each service sends its own."""
    TELEMETRY = "telemetry"
    """Telemetry: four tokens in domain `trace`, core NATS, from each worker of any service to the owner; it may get lost."""


PUBLISHED: Final = (SubjectKind.EVENT, SubjectKind.DELIVERY, SubjectKind.BROADCAST)
"""Kinds that the owner publishes, all in the envelope of events; the owner answers the other kinds, or works them off."""

ANSWERED: Final = (SubjectKind.ENTRY, SubjectKind.REQUEST, SubjectKind.OPERATOR)
"""Kinds that a service answers: one of its workers receives each message."""

SHARED: Final = (*ANSWERED, SubjectKind.SPAN)
"""Kinds that the workers of the owner share in a queue group."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One row of the taxonomy."""

    template: str
    """Template of the subject: tokens, with `{name}` in place of a value."""
    kind: SubjectKind
    """Kind of the messages."""
    owner: str
    """Service that publishes the message (events, deliveries) or answers it (the other kinds)."""
    message: str
    """Name of the payload's class in `econsim.schemas`."""
    reply: str = ""
    """Name of the reply's class in `econsim.schemas`, for requests."""
    stream: str = ""
    """Name of the stream that captures the message, if any."""
    short: str = ""
    """Name of the subject inside an agent's own account, without run and identity; empty if agents have no access."""
    description: str = ""
    """Description for the catalog, one sentence."""
    type: str = field(init=False)
    """Type of the event: first and third token, `market.trade_executed`; all three if the third is a place."""

    def __post_init__(self) -> None:
        """Check the declaration and derive the type; raises InvalidSubject, so that a mistake fails at import."""
        if wrong := _declaration_mistake(self):
            message = f"subject {self.template!r} {wrong}"
            raise InvalidSubject(message)
        parts = [*self.template.split(".")[:2], self.action]
        kind = ".".join(parts if "{" in self.action else parts[::2]).translate(_NO_BRACES)
        object.__setattr__(self, "type", kind)

    def __call__(self, **values: str) -> str:
        """Build the concrete subject; raises InvalidSubject for a value that is not a token."""
        return _concrete(self.template, *values.items())

    def pattern(self, **values: str) -> str:
        """Build a NATS pattern: `*` for every place without a value."""
        for name, value in values.items():
            token(value, name)
        return PLACE.sub(lambda place: values.get(place[1], "*"), self.template)

    @property
    def places(self) -> tuple[str, ...]:
        """Names of the template's variable tokens, in order, each once."""
        return tuple(dict.fromkeys(PLACE.findall(self.template)))

    @property
    def action(self) -> str:
        """Token of the template that says what is done: the third, of a span the fourth."""
        return self.template.split(".")[3 if self.kind is SubjectKind.SPAN else 2]


@lru_cache(SUBJECTS_MAX)
def _concrete(template: str, *values: tuple[str, str]) -> str:
    for name, value in values:
        token(value, name)
    return template.format(**dict(values))


def token(value: str, name: str = "token") -> str:
    """Return the value if it is a valid token; raise InvalidSubject otherwise."""
    if not _TOKEN.fullmatch(value):
        message = f"{name} {value[:80]!r} is not a subject token; use 1 to 64 of a-z 0-9 _ -, a letter or digit first"
        raise InvalidSubject(message, field=name)
    return value


_TAILS: Final = {
    SubjectKind.EVENT: ("{run}",),
    SubjectKind.OPERATOR: ("{operator}",),
    SubjectKind.BROADCAST: ("{run}", "all"),
    SubjectKind.TELEMETRY: ("{worker}",),
}
_TAIL: Final = ("{run}", "{agent}")


def _declaration_mistake(row: Subject) -> str:
    """Return the mistake in a row of the taxonomy, or an empty text."""
    if row.owner not in OWNERS:
        return f"is owned by {row.owner!r}; the services are {', '.join(OWNERS)}"
    if bool(row.stream) != (row.kind in (SubjectKind.EVENT, SubjectKind.COMMAND)):
        return "has a stream exactly if it is an event or a command"
    if row.kind is SubjectKind.SPAN:
        is_right = row.template.startswith("trace.") and row.template.count(".") == 3
        return "" if is_right else "is no span: that is trace.<service>.<entity>.<action>"
    return _template_mistake(row)


def _template_mistake(row: Subject) -> str:
    """Return the mistake in a row's tokens, or an empty text."""
    domain, *rest = row.template.split(".")
    tail = _TAILS.get(row.kind, _TAIL)
    if domain not in DOMAINS or len(rest) != 2 + len(tail) or tuple(rest[2:]) != tail:
        return f"is no {row.kind.value}: that is <domain>.<entity>.<action>.{'.'.join(tail)}, of {', '.join(DOMAINS)}"
    if (row.kind is SubjectKind.OPERATOR) != (domain == "admin") or (
        row.kind is SubjectKind.ENTRY and domain != "agent"
    ):
        return "has the wrong domain: operators' requests are in domain admin, entries in domain agent"
    if row.kind is SubjectKind.TELEMETRY and domain != "trace":
        return "has the wrong domain: telemetry is in domain trace"
    if bad := [part for part in (*rest, *row.short.split(".")) if part and not _PART.fullmatch(part)]:
        return f"has {bad[0]!r} in it, which is neither a token nor a place in braces"
    if row.kind in (SubjectKind.EVENT, SubjectKind.TELEMETRY) and not rest[1].endswith(_PAST):
        return f"is an event, so {rest[1]!r} must be in the past tense"
    return ""


def matches(pattern: Sequence[str], tokens: Sequence[str]) -> bool:
    """Return whether a subject's tokens match a NATS pattern's: `*` is one token, a last `>` one or more."""
    if pattern and pattern[-1] == ">":
        return len(tokens) >= len(pattern) and matches(pattern[:-1], tokens[: len(pattern) - 1])
    return len(pattern) == len(tokens) and all(
        part in ("*", token) for part, token in zip(pattern, tokens, strict=True)
    )


def is_token(value: str) -> bool:
    """Return whether the value is a valid token."""
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
    """Fourth token: id of the run, which is the correlation id."""
    agent: str = ""
    """Fifth token: sender of a command or request, receiver of a delivery; empty for events."""

    @property
    def operator(self) -> str:
        """Name of the operator: the fourth token in domain `admin`."""
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


@lru_cache(SUBJECTS_MAX)
def fields(subject: str) -> Parsed:
    """Take a subject the server delivered on one of our own patterns apart, without checks."""
    # Kept, because checks and handlers of one message ask again: a tenth of what a service does for `get_balance`.
    return Parsed(*subject.split("."))


@lru_cache(ENTITIES_KEPT)
def entity_of(subject: str) -> str:
    """Return the second token of a subject: of a market's event, the resource."""
    return subject.split(".", 2)[1]
