"""What is tried: every subject of the table, every stream and every call of JetStream's API, with names that are nobody's.

A probe is one row of the matrix. Its subject is concrete, so that it can be published; what could bring it to a
listener is every pattern it is within.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from econsim.identity.agent_account import GRANTS
from econsim.identity.roles import INBOX
from econsim.schemas.subject import DOMAINS, SubjectKind
from econsim.streams import STREAMS
from econsim.subjects import TABLE

RUN: Final = "tried"
"""The run all probes are about."""

EXTERNAL: Final = "external"
"""The party that is an agent in an account of its own; also the agent's name."""

OTHER: Final = "other"
"""Another run, another agent, another operator: whose subjects nobody may use."""

SELF: Final = "{self}"
"""Where the name of whoever tries stands in a subject."""

ROLES: Final = (
    "market",
    "ledger",
    "clock",
    "agent",
    "admission",
    "admin",
    "operator",
    "setup",
    "observer",
    "auditor",
)
"""The users of accounts `SIM` and, the last two, `READERS`."""

PARTIES: Final = (*ROLES, "sys", EXTERNAL)
"""Everybody there is, `sys` being the user of the system account."""

QUEUE_GROUPS: Final = (SELF, "another.group")
"""Queue groups that are tried: of the party's own name, and one of two tokens, which some patterns do not cover."""

VALUES: Final = {
    "run": RUN,
    "agent": EXTERNAL,
    "resource": "cpu",
    "event": "arrived",
    "operation": "read",
    "server": "search",
    "operator": SELF,
}
"""What stands in the places of subjects."""

CALLS: Final = (
    *(
        f"$JS.API.STREAM.{verb}.{{stream}}"
        for verb in ("INFO", "CREATE", "UPDATE", "DELETE", "PURGE", "SNAPSHOT", "RESTORE")
    ),
    *(f"$JS.API.STREAM.{verb}.{{stream}}" for verb in ("MSG.GET", "MSG.DELETE")),
    *(
        f"$JS.API.STREAM.{verb}.{{stream}}"
        for verb in ("LEADER.STEPDOWN", "PEER.REMOVE", "PEER.EVACUATE", "CANCEL_MOVE")
    ),
    "$JS.API.DIRECT.GET.{stream}",
    "$JS.API.DIRECT.GET.{stream}.{subject}",
    "$JS.API.CONSUMER.CREATE.{stream}",
    "$JS.API.CONSUMER.CREATE.{stream}.{consumer}",
    "$JS.API.CONSUMER.CREATE.{stream}.{consumer}.{subject}",
    "$JS.API.CONSUMER.DURABLE.CREATE.{stream}.{consumer}",
    "$JS.API.CONSUMER.LIST.{stream}",
    "$JS.API.CONSUMER.NAMES.{stream}",
    *(
        f"$JS.API.CONSUMER.{verb}.{{stream}}.{{consumer}}"
        for verb in ("INFO", "DELETE", "MSG.NEXT", "PAUSE", "RESET", "UNPIN")
    ),
    *(
        f"$JS.API.CONSUMER.{verb}.{{stream}}.{{consumer}}"
        for verb in ("LEADER.STEPDOWN", "PEER.REMOVE", "PEER.EVACUATE")
    ),
    "$JS.ACK.{stream}.{consumer}.1.1.1.1.0",
    "$JS.ACK.hub.account.{stream}.{consumer}.1.1.1.1.0",
    "$JS.FC.{stream}.{consumer}.token",
    "$JS.FC.hub.account.{stream}.{consumer}.token",
    "$JS.SNAPSHOT.ACK.{stream}.token",
    "$JS.SNAPSHOT.RESTORE.{stream}.token",
)
"""What can be asked of one stream, its consumers and its messages."""

SERVER: Final = (
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.CREATE.unheard_of",
    "$JS.API.ACCOUNT.PURGE.ACCOUNT",
    "$JS.API.ACCOUNT.STREAM.MOVE.ACCOUNT.STREAM",
    "$JS.API.ACCOUNT.STREAM.CANCEL_MOVE.ACCOUNT.STREAM",
    "$JS.API.META.LEADER.STEPDOWN",
    "$JS.API.META.RESCUE",
    "$JS.API.SERVER.REMOVE",
    "$JS.API.SERVER.EVACUATE",
    "$JS.EVENT.ADVISORY.API",
    "$JS.EVENT.ADVISORY.STREAM.DELETED.audit_log",
    "$JS.EVENT.ADVISORY.CONSUMER.CREATED.audit_log.consumer",
    "$JS.EVENT.METRIC.CONSUMER.ACK.market_orders.consumer",
    "$SYS.REQ.CLAIMS.UPDATE",
    "$SYS.REQ.CLAIMS.DELETE",
    "$SYS.REQ.CLAIMS.LIST",
    "$SYS.REQ.CLAIMS.PACK",
    "$SYS.REQ.ACCOUNT.ACCOUNT.CLAIMS.LOOKUP",
    "$SYS.REQ.ACCOUNT.ACCOUNT.CLAIMS.UPDATE",
    "$SYS.REQ.ACCOUNT.ACCOUNT.CONNZ",
    "$SYS.REQ.ACCOUNT.PING.STATZ",
    "$SYS.REQ.SERVER.PING",
    "$SYS.REQ.SERVER.PING.CONNZ",
    "$SYS.REQ.SERVER.PING.JSZ",
    "$SYS.REQ.SERVER.SERVER.VARZ",
    "$SYS.REQ.SERVER.SERVER.RELOAD",
    "$SYS.REQ.SERVER.SERVER.KICK",
    "$SYS.REQ.SERVER.SERVER.LDM",
    "$SYS.REQ.USER.INFO",
    "$SYS.ACCOUNT.ACCOUNT.CONNECT",
    "$SYS.ACCOUNT.ACCOUNT.DISCONNECT",
    "$SYS.SERVER.SERVER.CLIENT.AUTH.ERR",
    "$SYS.SERVER.SERVER.STATSZ",
)
"""What can be asked of the server and heard from it; accounts and servers of these names do not exist."""

_PLACE: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Probe:
    """One row of the matrix."""

    group: str
    """The table it stands in."""
    name: str
    """What it is called there, and in `expected.toml`."""
    template: str
    """Its subject; only `{self}` is still to be put in."""
    pattern: str = ""
    """The pattern for all subjects of its kind, if there are more."""
    queue: str = ""
    """The queue group in which it is listened to, if that is what is tried; nothing is said then."""

    def subject(self, party: str) -> str:
        """Return what this party tries to publish."""
        return self.template.replace(SELF, party)

    def patterns(self, party: str) -> Iterator[str]:
        """Yield what this party could subscribe to in order to hear it: itself, and everything wider."""
        for wide in {self.subject(party), self.pattern or self.subject(party)}:
            tokens = wide.split(".")
            yield wide
            yield from (".".join([*tokens[:size], ">"]) for size in range(len(tokens)))
            yield from (
                ".".join([*tokens[:place], "*", *tokens[place + 1 :]]) for place in range(len(tokens))
            )
            yield ".".join("*" * len(tokens))


def probes() -> tuple[Probe, ...]:
    """Return every row of the matrix."""
    return (
        *_subject_probes(),
        *_inbox_probes(),
        *_bucket_probes(),
        *_queue_group_probes(),
        *_api_probes(),
        *(Probe("server", each, each) for each in SERVER),
    )


def _subject_probes() -> Iterator[Probe]:
    """Yield the table of subjects, then what is outside of it."""
    for row in TABLE:
        domain = row.template.partition(".")[0]
        yield Probe(domain, row.template, concrete_subject(row.template), row.pattern())
        if row.kind is SubjectKind.OPERATOR:
            other = row.template.replace("{operator}", OTHER)
            yield Probe(domain, other, other, row.pattern())
    known = {row.pattern() for row in TABLE}
    captured = [each for stream in STREAMS for each in stream.subjects if not each.startswith("$KV.")]
    for pattern in captured:
        if pattern not in known:
            yield Probe("outside", f"other {pattern}", _any(pattern), pattern)
    for pattern in (*(f"{domain}.*.*.*.*" for domain in DOMAINS), "*.*", "*"):
        yield Probe("outside", f"other {pattern}", _any(pattern), pattern)


def _inbox_probes() -> Iterator[Probe]:
    yield from (Probe("inboxes", f"_INBOX.{role}.>", f"_INBOX.{role}.token.token") for role in ROLES)
    yield Probe("inboxes", "_INBOX.*", "_INBOX.token")
    yield Probe("inboxes", "_R_.>", "_R_.token.token")


def _bucket_probes() -> Iterator[Probe]:
    for stream in STREAMS:
        if stream.name.startswith("KV_"):
            bucket = stream.name.removeprefix("KV_")
            yield Probe("buckets", f"$KV.{bucket}.>", f"$KV.{bucket}.{RUN}.{EXTERNAL}", f"$KV.{bucket}.*.*")


def _queue_group_probes() -> Iterator[Probe]:
    """Yield everything that could be listened to in a queue group: subjects, inboxes, names in an agent's account."""
    heard = {row.template: row.pattern() for row in TABLE}
    heard |= {f"{INBOX}.>": f"{INBOX}.>"} | {f"{INBOX}.{role}.>": f"{INBOX}.{role}.>" for role in ROLES}
    heard |= {grant.short: grant.heard_as(EXTERNAL) for grant in GRANTS}
    for name, pattern in heard.items():
        for queue in QUEUE_GROUPS:
            title = name if queue == SELF else f"{name} in another"
            yield Probe("queue groups", title, concrete_subject(name), pattern, queue)


def _api_probes() -> Iterator[Probe]:
    for stream in STREAMS:
        for call in CALLS:
            name = call.replace("{stream}", stream.name)
            subject = name.replace("{consumer}", "consumer").replace("{subject}", f"$KV.{RUN}.{EXTERNAL}")
            yield Probe(stream.name, name, subject, _PLACE.sub("*", name))


def concrete_subject(template: str) -> str:
    """Return a template with a value in every place."""
    return _PLACE.sub(lambda place: VALUES[place[1]], template)


def _any(pattern: str) -> str:
    """Return a concrete subject within a pattern that is in nobody's use."""
    return ".".join("unheard_of" if part in ("*", ">") else part for part in pattern.split("."))
