"""What an agent may say and hear: the contents of the account it lives in alone (architecture B2).

The account imports subjects of `SIM` with the run and the agent's id written in by us, under the short names
of `subjects.TABLE`; what is not imported does not exist in there, so another's subjects cannot even be
expressed. `SIM` exports exactly these patterns. Pure: the JWTs are `adapters.jwt`'s, keys `adapters.trust`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from econsim.identity.roles import INBOX, NO_GROUPS
from econsim.schemas.subject import Subject, SubjectKind, matches, token
from econsim.streams import bucket
from econsim.subjects import AUDIT, CYCLE_COMPLETED, RUN_CLOSED, TABLE, TICKED

CONNECTIONS_MAX: Final = 4
"""Connections of one agent: its process, a restarted one before the server has noticed, and two to look on."""

SUBSCRIPTIONS_MAX: Final = 64
"""Subscriptions of one connection: twice what hearing everything on a subject each takes."""

PAYLOAD_BYTES_MAX: Final = 65_536
"""Bytes in one message of an agent: four times the largest that is ever taken."""

IMPORTS_MAX: Final = 64
"""Imports of one account: what the table gives, and room for the services to come."""

STATE_KEYS: Final = ("balance", "holdings", "status", "config")
"""The agent's own keys in bucket `agent_state`, each read by a request to `state.<key>`."""

OWN_BALANCE: Final = "state.balance"
"""The first of these requests: an agent's money as it is stored, which stays when its run has closed."""

PRICE_KEY: Final = "state.price.{resource}"
"""The request that reads a market's price from bucket `market_prices`."""

NEWEST_TICK: Final = "state.tick"
"""The request that reads the newest `clock.ticked`, for who joins between two."""

ANSWERED: Final = "state.answered"
"""The request that reads the agent's own newest `cycle_completed`."""

CLOSED: Final = "state.closed"
"""The request that reads `run.closed`, if the run has ended."""

_PLACE: Final = re.compile(r"\{(\w+)\}")
_ASKED: Final = (SubjectKind.ENTRY, SubjectKind.REQUEST)
_HEARD: Final = (SubjectKind.EVENT, SubjectKind.DELIVERY, SubjectKind.BROADCAST)


@dataclass(frozen=True, slots=True)
class Grant:
    """One thing an agent may do."""

    pattern: str
    """The subject in `SIM`, `{run}` and `{agent}` among its places."""
    short: str
    """Its name inside the account."""
    is_request: bool
    """Whether the agent sends it; otherwise it hears it."""

    def export_pattern(self) -> str:
        """Return the pattern `SIM` offers to all agents' accounts."""
        return _PLACE.sub("*", self.pattern)

    def import_names(self, run: str, agent: str) -> tuple[str, str]:
        """Return subject and local name of the import that is this agent's alone.

        Places that are neither run nor agent are wildcards, which the local name takes over as `$1`, `$2`, ….
        """
        fixed = {"run": run, "agent": agent}
        free = [name for name in _PLACE.findall(self.pattern) if name not in fixed]
        subject = _PLACE.sub(lambda place: fixed.get(place[1], "*"), self.pattern)
        numbered = fixed | {name: f"${number}" for number, name in enumerate(free, 1)}
        return subject, _PLACE.sub(lambda place: numbered[place[1]], self.short)

    def name(self, agent: str, **places: str) -> str:
        """Return the concrete name inside an agent's account."""
        return self.short.format(agent=agent, **places)

    def local_pattern(self, agent: str) -> str:
        """Return the pattern of its name inside an agent's account."""
        return _PLACE.sub(lambda place: agent if place[1] == "agent" else "*", self.short)


def _grant(row: Subject) -> Grant:
    return Grant(row.template, row.short, row.kind in _ASKED)


def _key_grant(stream: str, key: str, short: str) -> Grant:
    """Return the reading of one key: a direct get by subject, the one part of JetStream's API agents reach."""
    return Grant(f"$JS.API.DIRECT.GET.{bucket(stream)}.$KV.{stream}.{key}", short, is_request=True)


def _newest(row: Subject, short: str) -> Grant:
    """Return the reading of the newest event of one subject of the log."""
    return Grant(f"$JS.API.DIRECT.GET.{AUDIT}.{row.template}", short, is_request=True)


GRANTS: Final = (
    *(_grant(row) for row in TABLE if row.short and row.kind in (*_ASKED, *_HEARD)),
    *(_key_grant("agent_state", f"{{run}}.{{agent}}.{key}", f"state.{key}") for key in STATE_KEYS),
    _key_grant("market_prices", "{resource}.{run}", PRICE_KEY),
    _newest(TICKED, NEWEST_TICK),
    _newest(CYCLE_COMPLETED, ANSWERED),
    _newest(RUN_CLOSED, CLOSED),
)
"""Everything an agent may do."""

_BY_ROW: Final = {row: _grant(row) for row in TABLE if row.short}


def short_name(row: Subject, agent: str, **places: str) -> str:
    """Return what a row of the table is called inside an agent's account; raises InvalidSubject for a wrong token."""
    for name, value in places.items():
        token(value, name)
    return _BY_ROW[row].name(agent, **places)


def short_pattern(row: Subject, agent: str) -> str:
    """Return the pattern of a row's names inside an agent's account."""
    return _BY_ROW[row].local_pattern(agent)


DEFAULT_PERMISSIONS: Final = {"pub": {}, "sub": {"deny": [*NO_GROUPS]}}
"""What a user of an agent's account without lists of its own may do: all there is in the account, in no queue group.

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
    """Return what `SIM` offers, as its JWT holds it."""
    kinds = {grant.export_pattern(): "service" if grant.is_request else "stream" for grant in GRANTS}
    # The server wants no export within another.
    return [
        {"name": pattern, "subject": pattern, "type": kind}
        for pattern, kind in sorted(kinds.items())
        if not any(other != pattern and matches(other.split("."), pattern.split(".")) for other in kinds)
    ]


def permissions(agent: str) -> dict[str, dict[str, list[str]]]:
    """Return the publish and subscribe lists of the agent's user: a mistake is then told at once, not lost."""
    token(agent, "agent")
    return {
        "pub": {"allow": _unique(grant.local_pattern(agent) for grant in GRANTS if grant.is_request)},
        "sub": {
            "allow": _unique([f"{INBOX}.>", *(g.local_pattern(agent) for g in GRANTS if not g.is_request)]),
            "deny": [*NO_GROUPS],
        },
    }


def _unique(patterns: Iterable[str]) -> list[str]:
    return sorted({*patterns})
