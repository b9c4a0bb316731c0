"""Who may say and hear what in accounts `SIM` and `READERS`: explicit lists per role, derived from the subject table.

A role owns what `subjects.TABLE` says it publishes or answers; ROLES adds what it calls, what it hears, which
streams and buckets it uses, and how. No role has a bare `>`, none hears another's inbox. The trust root
writes these lists into the roles' scoped signing keys; the server enforces them. Who only reads lives in
`READERS`, which imports one question a stream and nothing else (ADR 0016). What agents may do in their own
accounts is `identity/agent_account.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from econsim import subjects
from econsim.errors import NotFound
from econsim.schemas.subject import ANSWERED, Subject, SubjectKind
from econsim.streams import STREAMS
from econsim.subjects import AUDIT, ORDERS, TABLE

INBOX: Final = "_INBOX"
"""First token of every inbox; the second is the role, so that nobody hears what is meant for another."""

OPERATOR: Final = "operator"
"""The role of people: their name stands in the last token of what they command."""

OBSERVER: Final = "observer"
"""The role that reads everything."""

SIM: Final = "SIM"
"""The account of services and operators."""

READERS: Final = "READERS"
"""The account of who reads: what is answered there cannot be steered into `SIM`."""

_PUBLISHED: Final = (SubjectKind.EVENT, SubjectKind.DELIVERY, SubjectKind.BROADCAST)
EVERY_GROUP: Final = ">"
"""After a pattern in a list: whatever the queue group is called. `*` would be one token, and names may have dots."""

NO_GROUPS: Final = (f"> {EVERY_GROUP}",)
"""Denies every subscription in a queue group and no other: who joins one takes messages from others who do, also
from those in other accounts that import the same subject."""

NAME: Final = "{{name()}}"
"""The server puts the name of the user's credentials here."""

_SINGLE_ORDERS: Final = (
    subjects.PLACE_BID,
    subjects.PLACE_ASK,
    subjects.CANCEL_ORDER,
    subjects.REPLACE_ORDER,
)
_TOLD: Final = (subjects.ADMISSION_REJECTED,)
"""What every service says of those who try what they may not, itself included."""
_HARD: Final = (*_TOLD, subjects.AGENT_SUSPENDED)
"""The same of services that agents reach: they also have a flood ended."""
_BY_SERVER: Final = (subjects.TRANSFER_POSTED, subjects.TRANSFER_REFUSED)
"""Events their owner writes into a bucket: the server copies them into the log."""
_RUNS: Final = (subjects.RUN_OPENED, subjects.RUN_CLOSED, subjects.RUN_STOPPED, subjects.RUN_RESUMED)
"""How services learn of work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a role needs beyond the subjects it owns."""

    account: str = SIM
    """The account its users live in."""
    calls: tuple[Subject, ...] = ()
    """Commands and requests it sends, and events of others it publishes on their behalf."""
    hears: tuple[Subject, ...] = ()
    """Events and deliveries it subscribes to directly, not through a consumer."""
    reads: tuple[str, ...] = ()
    """Streams it reads from end to end, through consumers of its own that acknowledge nothing."""
    replays: tuple[str, ...] = ()
    """The same through the client library's consumers, which have no names and are asked how much is left."""
    peeks: tuple[str, ...] = ()
    """Streams it asks for single messages and counts."""
    newest: tuple[str, ...] = ()
    """Streams it asks for the newest message of a subject, past their leader."""
    pages: tuple[str, ...] = ()
    """Streams it reads many messages of at once, without a consumer."""
    consumes: tuple[str, ...] = ()
    """Work queues it takes messages off."""
    removes: tuple[str, ...] = ()
    """Streams it deletes single messages from."""
    writes: tuple[str, ...] = ()
    """Buckets it writes."""
    counts: bool = False
    """Whether it counts what agents take, against their quotas."""
    buries: bool = False
    """Whether it sets messages aside as dead letters."""
    declares: tuple[str, ...] = ()
    """Streams it creates and changes."""
    surveys: bool = False
    """Whether it asks if JetStream is up at all."""


_SERVING: Final = ("leases",)
"""The bucket of every service whose workers share posts."""

SYSTEM: Final = {
    "pub": {
        "allow": [
            "$SYS.REQ.ACCOUNT.PING.STATZ",
            "$SYS.REQ.CLAIMS.DELETE",
            "$SYS.REQ.CLAIMS.UPDATE",
            "$SYS.REQ.SERVER.PING.JSZ",
        ]
    },
    "sub": {
        "allow": [f"{INBOX}.>", "$SYS.ACCOUNT.*.CONNECT", "$SYS.ACCOUNT.*.DISCONNECT"],
        "deny": [*NO_GROUPS],
    },
}
"""What the user of the system account may do: tell the server of accounts, and hear who comes and goes."""

ROLES: Final[Mapping[str, Access]] = {
    "market": Access(
        calls=(subjects.SUBMIT, subjects.GET_BALANCE, subjects.GET_BOOK, *_SINGLE_ORDERS, *_HARD),
        hears=_RUNS,
        reads=(AUDIT,),
        peeks=(ORDERS, "KV_leases", "KV_quotas"),
        newest=(AUDIT, "KV_market_prices"),
        consumes=(ORDERS,),
        writes=("market_prices", *_SERVING),
        counts=True,
        buries=True,
    ),
    "ledger": Access(
        calls=_HARD,
        hears=_RUNS,
        replays=("KV_agent_state",),
        peeks=(AUDIT, "KV_leases", "KV_quotas"),
        newest=(AUDIT,),
        writes=("agent_state", *_SERVING),
        counts=True,
    ),
    "clock": Access(
        calls=(subjects.SUBMIT, subjects.CLOSE_TICK, subjects.COMMANDED, *_TOLD),
        hears=_RUNS,
        reads=(AUDIT,),
        peeks=("KV_leases",),
        newest=(AUDIT,),
        writes=_SERVING,
    ),
    "agent": Access(
        calls=(subjects.PLACE_ORDERS, *_TOLD),
        hears=_RUNS,
        reads=(AUDIT,),
        peeks=("KV_leases",),
        newest=(AUDIT,),
        writes=_SERVING,
    ),
    "admission": Access(
        calls=(*_SINGLE_ORDERS, subjects.CYCLE_COMPLETED),
        hears=(*_RUNS, subjects.TICKED),
        peeks=(AUDIT, ORDERS, "KV_quotas"),
        newest=(AUDIT,),
        counts=True,
    ),
    "admin": Access(
        calls=(*_SINGLE_ORDERS, subjects.PLACE_ORDERS, subjects.CLOSE_TICK, *_TOLD),
        hears=_RUNS,
        peeks=(AUDIT, ORDERS, "mcp_requests", "tasks", "dead_letter", "advisories", "KV_leases", "KV_quotas"),
        newest=(AUDIT,),
        pages=("dead_letter", "advisories"),
        removes=("dead_letter", "advisories", ORDERS, "mcp_requests", "tasks"),
        writes=("quotas", *_SERVING),
        buries=True,
        declares=tuple(stream.name for stream in STREAMS if stream.storage == "memory"),
    ),
    OPERATOR: Access(
        calls=(*(row for row in TABLE if row.kind is SubjectKind.OPERATOR), subjects.PING),
        hears=(subjects.AGENT_SUSPENDED,),
    ),
    "setup": Access(
        declares=tuple(stream.name for stream in STREAMS),
        # What it copied last, when it is to copy otherwise.
        peeks=tuple(stream.name for stream in STREAMS if stream.sources),
        surveys=True,
    ),
    OBSERVER: Access(
        account=READERS,
        pages=(AUDIT, "dead_letter", "KV_agent_state", "KV_market_prices", "KV_quotas"),
    ),
    "auditor": Access(account=READERS, pages=(AUDIT,)),
}
"""Every role: services first, then people. `setup` declares streams, `observer` reads everything and changes
nothing, `auditor` reads the log alone."""

SERVICES: Final = tuple(role for role in ROLES if any(row.owner == role for row in TABLE))
"""Roles that are services."""


def permissions(role: str) -> dict[str, dict[str, list[str]]]:
    """Return the publish and subscribe lists of a role, as a user JWT holds them.

    Raises NotFound for a role that does not exist.
    """
    if role not in ROLES:
        message = f"there is no role {role!r}; the roles are {', '.join(ROLES)}"
        raise NotFound(message)
    access = ROLES[role]
    owned = [row for row in TABLE if row.owner == role]
    said = [row for row in owned if row.kind in _PUBLISHED and row not in _BY_SERVER]
    publish = [_said(row) for row in (*said, *access.calls)]
    answered = [row.pattern() for row in owned if row.kind in ANSWERED]
    # Workers share requests in the queue group of their role; what is told, each of them hears.
    shared = [f"{pattern} {role}" for pattern in answered]
    heard = [*(row.pattern() for row in access.hears), f"{INBOX}.{role}.>"]
    if answered:
        # Whoever asked hears the answer on an inbox nobody can guess; agents' come through their accounts.
        # Responses by permission instead (`resp`) would make the server search a growing table.
        publish += [f"{INBOX}.>", "_R_.>"]
    return {
        "pub": {"allow": sorted({*publish, *_stored(access)})},
        "sub": {
            "allow": sorted({*answered, *shared, *heard}),
            "deny": sorted(f"{pattern} {EVERY_GROUP}" for pattern in heard),
        },
    }


def reader_requests() -> tuple[str, ...]:
    """Return what account `READERS` imports from `SIM`: to be answered with stored messages, several to a question."""
    readers = (access for access in ROLES.values() if access.account == READERS)
    return tuple(sorted({subject for access in readers for subject in _stored(access)}))


def _said(row: Subject) -> str:
    """Return what is published on a row; operators speak in their own name only."""
    return row.template.replace("{operator}", NAME) if row.kind is SubjectKind.OPERATOR else row.pattern()


def _stored(access: Access) -> Iterable[str]:
    """Yield what streams and buckets take: publishing into them, and requests to JetStream's API."""
    if access.buries:
        yield "dead_letter.>"
    if access.counts:
        yield "quota.*.*.*.*"
    for bucket in access.writes:
        yield f"$KV.{bucket}.>"
    for stream in access.removes:
        yield f"$JS.API.STREAM.MSG.DELETE.{stream}"
    for stream in access.declares:
        yield from (f"$JS.API.STREAM.{verb}.{stream}" for verb in ("INFO", "CREATE", "UPDATE"))
    if access.surveys:
        yield "$JS.API.INFO"
    for stream in (*access.peeks, *access.reads, *access.replays):
        yield from (f"$JS.API.STREAM.{verb}.{stream}" for verb in ("INFO", "MSG.GET"))
    yield from (f"$JS.API.DIRECT.GET.{stream}.>" for stream in access.newest)
    yield from (f"$JS.API.DIRECT.GET.{stream}" for stream in access.pages)
    yield from _reading(access)


def _reading(access: Access) -> Iterable[str]:
    """Yield what consumers of one's own take; their names are random, so nobody finds another's."""
    for stream in access.reads:
        yield from (f"$JS.API.CONSUMER.{verb}.{stream}.*" for verb in ("CREATE", "DELETE"))
    for stream in access.replays:
        yield f"$JS.API.CONSUMER.CREATE.{stream}"
        yield f"$JS.API.CONSUMER.INFO.{stream}.*"
    for stream in (*access.reads, *access.replays):
        # Whether a reader keeps up, as servers ask today, and with domain and account as they will: who may not
        # answer is sent nothing more.
        yield from (f"$JS.FC.{stream}.>", f"$JS.FC.*.*.{stream}.>")
    for stream in access.consumes:
        yield f"$JS.API.CONSUMER.CREATE.{stream}.*.>"
        yield f"$JS.API.CONSUMER.DELETE.{stream}.*"
        yield from (f"$JS.ACK.{stream}.>", f"$JS.ACK.*.*.{stream}.>")
