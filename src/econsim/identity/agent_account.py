"""Permissions of an agent: the imports of its account, in which it is the only user.

The account imports subjects of `SIM` under the short names of `subjects.TABLE`, with the run and the agent's id fixed
by econsim. A subject that is not imported does not exist there, so an agent cannot even name another's subjects. `SIM`
exports exactly these patterns. Pure: `nats_jwt` makes the JWTs, `trust_root` keeps the keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from econsim.identity.roles import EVERY_GROUP, INBOX, NO_GROUPS
from econsim.schemas.subject import PLACE, PUBLISHED, Subject, SubjectKind, matches, token
from econsim.streams.buckets import bucket
from econsim.subjects import AUDIT, CYCLE_COMPLETED, RUN_CLOSED, TABLE, TICKED

CONNECTIONS_MAX: Final = 4
"""Connections of one agent: its process, a restarted one before the server has noticed, and two observers."""

SUBSCRIPTIONS_MAX: Final = 64
"""Subscriptions of one connection: five times the number of subjects an agent receives."""

PAYLOAD_BYTES_MAX: Final = 135_168
"""Bytes in one message of an agent, 132 KiB: a chunk of a file, and headers. Any other message is refused far below."""

IMPORTS_MAX: Final = 64
"""Imports of one account: those of the table, and room for services to come."""

STATE_KEYS: Final = ("balance", "holdings", "status", "config")
"""The agent's own keys in bucket `agent_state`, each read by a request to `state.<key>`."""

OWN_BALANCE: Final = "state.balance"
"""Request for the stored balance of an agent, which stays when its run has closed."""

PRICE_KEY: Final = "state.price.{resource}"
"""Request for the price of a market, from bucket `market_prices`."""

OWN_CHUNK: Final = "state.chunk.{digest}.{size}"
"""Request for a chunk of the agent's own files, from bucket `workspace_chunks`: `workspace.stat` tells their digests."""

NEWEST_TICK: Final = "state.tick"
"""Request for the newest `clock.ticked`, for an agent that joins between two ticks."""

ANSWERED: Final = "state.answered"
"""Request for the agent's own newest `cycle_completed`."""

CLOSED: Final = "state.closed"
"""Request for `run.closed`, if the run has ended."""

_SENT: Final = (SubjectKind.ENTRY, SubjectKind.REQUEST)


@dataclass(frozen=True, slots=True)
class Grant:
    """One permission of an agent."""

    pattern: str
    """Subject in `SIM`, with `{run}` and `{agent}` among its places."""
    short: str
    """Name of the subject inside the account."""
    is_request: bool
    """Direction: true if the agent sends it, false if it receives it."""

    def export_pattern(self) -> str:
        """Return the pattern that `SIM` exports to all agents' accounts."""
        return PLACE.sub("*", self.pattern)

    def import_names(self, run: str, agent: str) -> tuple[str, str]:
        """Return subject and local name of the import that is this agent's alone.

        Places that are neither run nor agent are wildcards, which the local name takes over as `$1`, `$2`, ….
        """
        fixed = {"run": run, "agent": agent}
        free = [name for name in PLACE.findall(self.pattern) if name not in fixed]
        subject = PLACE.sub(lambda place: fixed.get(place[1], "*"), self.pattern)
        numbered = fixed | {name: f"${number}" for number, name in enumerate(free, 1)}
        return subject, PLACE.sub(lambda place: numbered[place[1]], self.short)

    def name(self, agent: str, **places: str) -> str:
        """Return the concrete name inside an agent's account."""
        return self.short.format(agent=agent, **places)

    def local_pattern(self, agent: str) -> str:
        """Return the pattern of its name inside an agent's account."""
        return PLACE.sub(lambda place: agent if place[1] == "agent" else "*", self.short)


def _grant(row: Subject) -> Grant:
    return Grant(row.template, row.short, row.kind in _SENT)


def _key_grant(stream: str, key: str, short: str) -> Grant:
    """Return the permission to read one key: a direct get by subject, the one part of JetStream's API agents reach."""
    return Grant(f"$JS.API.DIRECT.GET.{bucket(stream)}.$KV.{stream}.{key}", short, is_request=True)


def _newest(row: Subject, short: str) -> Grant:
    """Return the permission to read the newest event of one subject of the log."""
    return Grant(f"$JS.API.DIRECT.GET.{AUDIT}.{row.template}", short, is_request=True)


GRANTS: Final = (
    *(_grant(row) for row in TABLE if row.short and row.kind in (*_SENT, *PUBLISHED)),
    *(_key_grant("agent_state", f"{{run}}.{{agent}}.{key}", f"state.{key}") for key in STATE_KEYS),
    _key_grant("market_prices", "{resource}.{run}", PRICE_KEY),
    _key_grant("workspace_chunks", "{run}.{agent}.{digest}.{size}", OWN_CHUNK),
    _newest(TICKED, NEWEST_TICK),
    _newest(CYCLE_COMPLETED, ANSWERED),
    _newest(RUN_CLOSED, CLOSED),
)
"""Every permission of an agent."""

_BY_ROW: Final = {row: _grant(row) for row in TABLE if row.short}


def short_name(row: Subject, agent: str, **places: str) -> str:
    """Return the name of a row of the table inside an agent's account. Raises InvalidSubject for a wrong token."""
    for name, value in places.items():
        token(value, name)
    return _BY_ROW[row].name(agent, **places)


def short_pattern(row: Subject, agent: str) -> str:
    """Return the pattern of a row's names inside an agent's account."""
    return _BY_ROW[row].local_pattern(agent)


OWN_RECEIVED: Final = (
    "agents.>",
    *(f"$SRV.{verb}{of}" for verb in ("PING", "INFO", "STATS") for of in ("", ".agents", ".agents.*")),
)
"""Subjects that only programs of the agent itself send and receive, in its account: those of the Synadia Agent Protocol, whose
micro service is named `agents`. Nothing of them is imported or exported, so nobody else hears them."""

OWN_SENT: Final = (*OWN_RECEIVED, f"{INBOX}.agents.>")
"""Subjects on which a program of the agent talks to its other programs: as above, and the inboxes of the protocol's SDKs."""

DEFAULT_PERMISSIONS: Final = {"pub": {}, "sub": {"deny": [*NO_GROUPS]}}
"""Permissions of a user of an agent's account without lists of its own: everything in the account, in no queue group.

Agents of a run import the same broadcasts; a group of one name in several accounts would share them out.
"""


def imports(run: str, agent: str, sim: str) -> list[dict[str, object]]:
    """Return the imports of an agent's account from `SIM` (a public key), as a JWT holds them.

    Raises InvalidSubject for a run or agent that is no subject token: they become parts of permissions.
    """
    token(run, "run")
    token(agent, "agent")
    found: list[dict[str, object]] = []
    for grant in GRANTS:
        subject, local = grant.import_names(run, agent)
        kind = "service" if grant.is_request else "stream"
        found.append(
            {"name": grant.short, "subject": subject, "account": sim, "type": kind, "local_subject": local}
        )
    return found


def exports() -> list[dict[str, object]]:
    """Return the exports of `SIM`, as its JWT holds them."""
    kinds = {grant.export_pattern(): "service" if grant.is_request else "stream" for grant in GRANTS}
    # The server wants no export within another.
    return [
        {"name": pattern, "subject": pattern, "type": kind}
        for pattern, kind in sorted(kinds.items())
        if not any(other != pattern and matches(other.split("."), pattern.split(".")) for other in kinds)
    ]


def permissions(agent: str) -> dict[str, dict[str, list[str]]]:
    """Return the publish and subscribe lists of the agent's user: the server then reports a mistake at once."""
    token(agent, "agent")
    received = [f"{INBOX}.>", *(grant.local_pattern(agent) for grant in GRANTS if not grant.is_request)]
    sent = (grant.local_pattern(agent) for grant in GRANTS if grant.is_request)
    return {
        "pub": {"allow": _unique([*sent, *OWN_SENT])},
        "sub": {
            "allow": _unique([*received, *OWN_RECEIVED]),
            # In a queue group its programs may share out what they alone send, and nothing that econsim sends.
            "deny": _unique(f"{pattern} {EVERY_GROUP}" for pattern in received),
        },
    }


def _unique(patterns: Iterable[str]) -> list[str]:
    return sorted({*patterns})
