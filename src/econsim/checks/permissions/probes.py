"""The probes: every subject of the table, every stream and every call of JetStream's API, with names no party uses.

A probe is one row of the matrix. Its subject is concrete, so that it can be published; a listener could receive it by
every pattern that matches it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from econsim.identity.agent_account import GRANTS
from econsim.identity.roles import INBOX, ROLES
from econsim.schemas.subject import DOMAINS, PLACE, SubjectKind
from econsim.streams import STREAMS
from econsim.streams.benchmarks import STREAM_PREFIX
from econsim.subjects import TABLE

RUN: Final = "tried"
"""Run of all probes."""

EXTERNAL: Final = "external"
"""Party that is an agent in an account of its own; also the agent's name."""

OTHER: Final = "other"
"""Name of another run, agent and operator, for subjects that no party may use."""

SELF: Final = "{self}"
"""Place of the party's name in a subject."""

PARTIES: Final = (*ROLES, "sys", EXTERNAL)
"""All parties; `sys` is the user of the system account."""

QUEUE_GROUPS: Final = (SELF, "another.group")
"""Queue groups of the probes: the party's own name, and one of two tokens, which some patterns do not match."""

VALUES: Final = {
    "run": RUN,
    "agent": EXTERNAL,
    "resource": "cpu",
    "event": "arrived",
    "operation": "read",
    "server": "search",
    "service": SELF,
    "entity": "cpu",
    "worker": "worker",
    "digest": "0a",
    "size": "1",
    "operator": SELF,
}
"""Place in a subject → its value in the probes."""

_STREAM_VERBS: Final = (
    *("INFO", "CREATE", "UPDATE", "DELETE", "PURGE", "SNAPSHOT", "RESTORE", "MSG.GET", "MSG.DELETE"),
    *("LEADER.STEPDOWN", "PEER.REMOVE", "PEER.EVACUATE", "CANCEL_MOVE"),
)
_CONSUMER_VERBS: Final = (
    *("INFO", "DELETE", "MSG.NEXT", "PAUSE", "RESET", "UNPIN"),
    *("LEADER.STEPDOWN", "PEER.REMOVE", "PEER.EVACUATE"),
)

CALLS: Final = (
    *(f"$JS.API.STREAM.{verb}.{{stream}}" for verb in _STREAM_VERBS),
    "$JS.API.DIRECT.GET.{stream}",
    "$JS.API.DIRECT.GET.{stream}.{subject}",
    "$JS.API.CONSUMER.CREATE.{stream}",
    "$JS.API.CONSUMER.CREATE.{stream}.{consumer}",
    "$JS.API.CONSUMER.CREATE.{stream}.{consumer}.{subject}",
    "$JS.API.CONSUMER.DURABLE.CREATE.{stream}.{consumer}",
    "$JS.API.CONSUMER.LIST.{stream}",
    "$JS.API.CONSUMER.NAMES.{stream}",
    *(f"$JS.API.CONSUMER.{verb}.{{stream}}.{{consumer}}" for verb in _CONSUMER_VERBS),
    "$JS.ACK.{stream}.{consumer}.1.1.1.1.0",
    "$JS.ACK.hub.account.{stream}.{consumer}.1.1.1.1.0",
    "$JS.FC.{stream}.{consumer}.token",
    "$JS.FC.hub.account.{stream}.{consumer}.token",
    "$JS.SNAPSHOT.ACK.{stream}.token",
    "$JS.SNAPSHOT.RESTORE.{stream}.token",
)
"""Calls of JetStream's API about one stream, its consumers and its messages."""

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
    "$SYS.REQ.SERVER.PING.VARZ",
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
"""Subjects of requests to the server and of its events; accounts and servers of these names do not exist."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One row of the matrix."""

    group: str
    """Table of the row."""
    name: str
    """Name of the row in the table and in `expected.toml`."""
    template: str
    """Subject of the probe; only `{self}` is still to be replaced."""
    pattern: str = ""
    """Pattern for all subjects of its kind; empty if there is only one."""
    queue: str = ""
    """Queue group of the subscription; empty to probe without one. With one, nothing is published."""

    def subject(self, party: str) -> str:
        """Return the subject on which this party publishes."""
        return self.template.replace(SELF, party)

    def patterns(self, party: str) -> Iterator[str]:
        """Yield the patterns by which this party could receive the probe: its subject, and everything wider."""
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
    """Yield the rows of the table of subjects, then subjects outside of it."""
    for row in TABLE:
        domain = row.template.partition(".")[0]
        yield Probe(domain, row.template, concrete_subject(row.template), row.pattern())
        if row.kind is SubjectKind.OPERATOR:
            other = row.template.replace("{operator}", OTHER)
            yield Probe(domain, other, other, row.pattern())
        if row.kind is SubjectKind.SPAN:
            other = row.template.replace("{service}", OTHER)
            yield Probe(domain, other, concrete_subject(other), row.pattern())
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
    """Yield a probe in each queue group for subjects, inboxes, and names in an agent's account."""
    patterns = {row.template: row.pattern() for row in TABLE}
    patterns |= {f"{INBOX}.>": f"{INBOX}.>"} | {f"{INBOX}.{role}.>": f"{INBOX}.{role}.>" for role in ROLES}
    patterns |= {grant.short: grant.local_pattern(EXTERNAL) for grant in GRANTS}
    for name, pattern in patterns.items():
        for queue in QUEUE_GROUPS:
            title = name if queue == SELF else f"{name} in another"
            yield Probe("queue groups", title, concrete_subject(name), pattern, queue)


def _api_probes() -> Iterator[Probe]:
    # The stream of the benchmark run that a party's credentials name, and of another run.
    of_runs = (STREAM_PREFIX + SELF, STREAM_PREFIX + OTHER)
    for stream in (*(each.name for each in STREAMS), *of_runs):
        for call in CALLS:
            name = call.replace("{stream}", stream)
            subject = name.replace("{consumer}", "consumer").replace("{subject}", f"$KV.{RUN}.{EXTERNAL}")
            pattern = call.replace("{stream}", "*" if stream in of_runs else stream)
            yield Probe(stream, name, subject, PLACE.sub("*", pattern))


def concrete_subject(template: str) -> str:
    """Return the subject of a template with a value in every place."""
    return PLACE.sub(lambda place: VALUES[place[1]], template)


def _any(pattern: str) -> str:
    """Return a concrete subject of a pattern that no party uses."""
    return ".".join("unheard_of" if part in ("*", ">") else part for part in pattern.split("."))
