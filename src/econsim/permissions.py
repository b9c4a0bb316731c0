"""Who may say and hear what in account `SIM`: explicit lists per role, derived from the subject table.

A role owns what `subjects.TABLE` says it publishes or answers; ROLES adds what it calls, which
streams it reads and which buckets it writes. No role has a bare `>`. The trust root writes these
lists into the roles' user JWTs; the server enforces them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from econsim import subjects
from econsim.errors import NotFound
from econsim.grammar import DOMAINS, Kind, Subject
from econsim.subjects import TABLE

_PUBLISHED: Final = (Kind.EVENT, Kind.DELIVERY)
_ANSWERED: Final = (Kind.REQUEST, Kind.OPERATOR)

_ORDERS: Final = (
    subjects.PLACE_BID,
    subjects.PLACE_ASK,
    subjects.CANCEL_ORDER,
    subjects.REPLACE_ORDER,
    subjects.PLACE_ORDERS,
)
_QUESTIONS: Final = (subjects.GET_BALANCE, subjects.GET_PRICES, subjects.GET_BOOK, subjects.EXECUTE)


@dataclass(frozen=True, slots=True)
class Access:
    """What a role needs beyond the subjects it owns."""

    calls: tuple[Subject, ...] = ()
    """Commands and requests it sends."""
    hears: tuple[Subject, ...] = ()
    """Events and deliveries it subscribes to directly, not through a consumer."""
    streams: tuple[str, ...] = ()
    """Streams it reads: consumers, direct gets, acknowledgements."""
    buckets: tuple[str, ...] = ()
    """Buckets it writes and reads."""
    administers: bool = False
    """Whether it may change streams and speak on every econsim subject."""


_RUNS: Final = (subjects.RUN_OPENED, subjects.RUN_CLOSED)
"""How services learn of work."""

ROLES: Final[Mapping[str, Access]] = {
    "market": Access(
        calls=(subjects.SUBMIT, *_QUESTIONS, *_ORDERS),
        hears=_RUNS,
        streams=(subjects.AUDIT, subjects.ORDERS),
        buckets=("market_prices", "leases"),
    ),
    "ledger": Access(hears=_RUNS, streams=(subjects.AUDIT,), buckets=("agent_state", "leases")),
    "clock": Access(
        calls=(subjects.SUBMIT, subjects.CLOSE_TICK),
        hears=_RUNS,
        streams=(subjects.AUDIT,),
        buckets=("leases",),
    ),
    "agent": Access(
        calls=(*_ORDERS, *_QUESTIONS),
        hears=tuple(row for row in TABLE if row.kind in _PUBLISHED),
        streams=(subjects.AUDIT, "KV_agent_state", "KV_market_prices"),
        buckets=("leases",),
    ),
    "operator": Access(administers=True),
    "observer": Access(
        calls=_QUESTIONS,
        hears=tuple(row for row in TABLE if row.kind in _PUBLISHED),
        streams=(subjects.AUDIT, subjects.ORDERS, "KV_agent_state", "KV_market_prices", "KV_leases"),
    ),
}
"""Every role of account `SIM`. `operator` is the person at the CLI, `observer` its read-only commands."""


def permissions(role: str) -> dict[str, dict[str, list[str]]]:
    """Return the publish and subscribe lists of a role, as a user JWT holds them.

    Raises NotFound for a role that does not exist.
    """
    if role not in ROLES:
        message = f"there is no role {role!r}; the roles are {', '.join(ROLES)}"
        raise NotFound(message)
    access = ROLES[role]
    if access.administers:
        everything = [f"{domain}.>" for domain in DOMAINS]
        return _lists([*everything, "$JS.>", "$KV.>"], [*everything, "$JS.EVENT.>", "$KV.>"])
    owned = [row for row in TABLE if row.owner == role]
    publish = [
        row.pattern() for row in (*owned, *access.calls) if row.kind in _PUBLISHED or row in access.calls
    ]
    subscribe = [
        row.pattern() for row in (*owned, *access.hears) if row.kind in _ANSWERED or row in access.hears
    ]
    if owned:
        publish.append("dead_letter.>")
    for bucket in access.buckets:
        publish += [f"$KV.{bucket}.>", *_reading(f"KV_{bucket}")]
    for stream in access.streams:
        publish += _reading(stream)
    return _lists(publish, subscribe)


def _lists(publish: list[str], subscribe: list[str]) -> dict[str, dict[str, list[str]]]:
    # Answers and consumers' deliveries travel on inboxes. Responses by permission instead
    # (`resp`) would make the server search a growing table on every request.
    return {
        "pub": {"allow": sorted({*publish, "_INBOX.>"})},
        "sub": {"allow": sorted({*subscribe, "_INBOX.>"})},
    }


def _reading(stream: str) -> list[str]:
    """Return what reading a stream takes: information, consumers, single messages, acknowledgements."""
    consumer = ("CREATE", "DURABLE.CREATE", "INFO", "DELETE", "MSG.NEXT")
    return [
        "$JS.API.INFO",
        f"$JS.API.STREAM.INFO.{stream}",
        f"$JS.API.STREAM.MSG.GET.{stream}",
        f"$JS.API.DIRECT.GET.{stream}",
        f"$JS.API.DIRECT.GET.{stream}.>",
        f"$JS.API.CONSUMER.CREATE.{stream}",
        f"$JS.API.CONSUMER.LIST.{stream}",
        f"$JS.API.CONSUMER.NAMES.{stream}",
        *(f"$JS.API.CONSUMER.{verb}.{stream}.>" for verb in consumer),
        f"$JS.ACK.{stream}.>",
        f"$JS.ACK.*.*.{stream}.>",
        f"$JS.FC.{stream}.>",
    ]
