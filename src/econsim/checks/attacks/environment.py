"""The environment of the attacks: a run under load, its victims, and the powers of the server's owner.

`runner` opens it, the attacks use it. Each attacker is an agent with an account of its own, made as
`econsim agent create` makes them, so that no attack uses up the quota another attack needs.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import nats.js.errors
from nats.aio.client import Client
from nats.js.api import RawStreamMsg

from econsim import subjects
from econsim.adapters.jetstream import provision
from econsim.checks.attacks.load import TradingVictim
from econsim.checks.attacks.sniffer import Sniffer
from econsim.checks.attacks.verdict import Check
from econsim.checks.raw_client import RawClient, RawMessage, UserCredentials, dial
from econsim.errors import SetupError
from econsim.identity.agent_account import short_name, short_pattern
from econsim.schemas.subject import SubjectKind

PROBE_EVENT: Final = "settled"
"""Event of the report with which an attacker learns that everything it sent before was processed."""

PROBES_MAX: Final = 12
"""Times an attacker sends that report while it is over a quota: the window of a quota is a second."""

PROBE_INTERVAL_S: Final = 0.25
"""Pause between two of these reports."""

RESOURCE: Final = "cpu"
"""Market that is attacked."""


@dataclass(frozen=True, slots=True)
class Attacker:
    """Agent that attacks the others."""

    name: str
    """Name of the attacker in the run; no other name contains it."""
    user: UserCredentials
    """Credentials that the attacker was given."""
    account: str
    """Public key of the attacker's account."""


@dataclass(frozen=True, slots=True)
class Powers:
    """Actions of the server's owner that an attack needs; nobody else can do them."""

    revoke: Callable[[str], Coroutine[None, None, None]]
    """Revoke an agent's account."""
    unrestricted_user: Callable[[str], Awaitable[UserCredentials]]
    """Make an account like an agent's, with a user who has no permission lists: only the account's imports limit it."""
    expired_user: UserCredentials
    """Credentials of an agent that have expired."""
    stolen_jwt: UserCredentials
    """JWT of a service with another key: a thief of a JWT has not stolen its key."""
    set_quota: Callable[[str, str, int], Awaitable[None]]
    """Set a quota (agent, limit, value) as an operator does."""
    is_revoked: Callable[[str], bool]
    """Return whether an agent's account was revoked."""


@dataclass(slots=True)
class Environment:
    """Run under load that the attacks share."""

    url: str
    """Address of the server."""
    run: str
    """Run that is attacked."""
    other_run: str
    """Run on the same server in which no attacker is."""
    sim: Client
    """Client with every right in account `SIM`."""
    sniffer: Sniffer
    """Messages of account `SIM` that mention an attacker."""
    system_sniffer: Sniffer
    """Messages of the system account that mention an attacker."""
    victims: tuple[TradingVictim, ...]
    """External agents that trade throughout."""
    bystander: UserCredentials
    """Credentials of an agent that only connects, to see whether others can."""
    hosted_agent: str
    """Name of an agent on a host."""
    powers: Powers
    """Actions of the server's owner."""

    @asynccontextmanager
    async def connect(self, user: UserCredentials) -> AsyncIterator[RawClient]:
        """Connect a raw client for the time of the context; raises SetupError if the server refuses."""
        async with dial(self.url) as client:
            if not await client.connect(user):
                message = f"the server refuses the attacker: {client.errors}"
                raise SetupError(message)
            yield client

    def outcome_counts(self) -> dict[str, int]:
        """Return victim → outcomes of its orders that it has received."""
        return {victim.name: len(victim.outcomes) for victim in self.victims}

    def answer_counts(self) -> dict[str, int]:
        """Return victim → answers to its requests in this phase."""
        return {victim.name: len(victim.phase.latencies) for victim in self.victims}

    async def wait_for_growth(
        self, count: Callable[[], Mapping[str, int]], before: Mapping[str, int], by: int = 1
    ) -> bool:
        """Wait until the count of every victim has grown by a number; return false after the limit."""
        return await self.sniffer.wait_until(
            lambda: all(n >= before[name] + by for name, n in count().items())
        )

    def report_subject(self, attacker: Attacker, event: str) -> str:
        """Return the subject of an attacker's report in its account."""
        return short_name(subjects.REPORT, attacker.name, event=event)

    def queued_bid(self, attacker: Attacker) -> str:
        """Return the subject of an attacker's bids in the queue of orders."""
        return subjects.PLACE_BID(resource=RESOURCE, run=self.run, agent=attacker.name)

    async def wait_until_processed(self, raw: RawClient, attacker: Attacker) -> bool:
        """Wait until everything an attacker sent on a connection was processed; return false without an answer."""
        for _ in range(PROBES_MAX):
            answer = await raw.request(self.report_subject(attacker, PROBE_EVENT), b"{}")
            if answer is not None and b"stream" in answer.payload and b'"error"' not in answer.payload:
                return True
            await asyncio.sleep(PROBE_INTERVAL_S)
        return False

    async def newest_message(self, stream: str, subject: str) -> RawStreamMsg | None:
        """Return the newest message of a subject in a stream; none if there is none."""
        try:
            return await self.sim.jetstream().get_msg(stream, subject=subject, direct=False)
        except nats.js.errors.NotFoundError:
            return None

    async def newest_report(self, attacker: Attacker, event: str) -> RawStreamMsg | None:
        """Return the newest report of an attacker about an event, as the log stores it."""
        subject = subjects.REPORTED(agent=attacker.name, event=event, run=self.run)
        return await self.newest_message(subjects.AUDIT, subject)

    async def stream_states(self) -> dict[str, tuple[str, int]]:
        """Return stream → its settings and its first sequence, which a deletion or purge moves."""
        found = {}
        names = (await provision.request(self.sim, "STREAM.NAMES"))["streams"]
        assert isinstance(names, list)
        for name in names:
            info = await provision.request(self.sim, f"STREAM.INFO.{name}")
            state = info["state"]
            assert isinstance(state, dict)
            found[str(name)] = (json.dumps(info["config"], sort_keys=True), int(state["first_seq"]))
        return found

    async def balance(self, agent: str) -> dict[str, object]:
        """Return the ledger's balance of an agent's money."""
        return stored_json(
            await self.newest_message("KV_agent_state", f"$KV.agent_state.{self.run}.{agent}.balance")
        )

    def unseen_check(self, attacker: Attacker, *patterns: str) -> Check:
        """Return the check that no message on these subjects of `SIM` mentions an attacker."""
        seen = self.sniffer.messages_about(attacker.name, *patterns)
        return Check(f"{len(seen) or 'nothing'} of it was seen in SIM on {', '.join(patterns)}", not seen)


def stored_json(stored: RawStreamMsg | None) -> dict[str, Any]:
    """Return the JSON of a stored message; empty without a message."""
    found: dict[str, Any] = json.loads((stored.data if stored else None) or b"{}")
    return found


def public_patterns(attacker: Attacker) -> list[str]:
    """Return the patterns of every event and broadcast that an attacker may receive in its account."""
    public = (SubjectKind.EVENT, SubjectKind.BROADCAST)
    return [short_pattern(row, attacker.name) for row in subjects.TABLE if row.short and row.kind in public]


def refusal_check(raw: RawClient, operation: str, subject: str) -> Check:
    """Return the check that the server refused an operation, `publish` or `subscription`, on a subject."""
    expected = f'permissions violation for {operation} to "{subject}"'.lower()
    refused = any(expected in error.lower() for error in raw.errors)
    return Check(f"the server refused the {operation}", refused)


def refusal_code(answer: RawMessage | None) -> str:
    """Return the code of the refusal in an answer or its first result: `admitted` if none, `silence` without answer."""
    if answer is None:
        return "silence"
    if b"503" in answer.headers[:40] and not answer.payload:
        return "nobody_there"
    try:
        body = json.loads(answer.payload or b"{}")
    except ValueError:
        return "unreadable"
    refusal = body.get("refusal") or body.get("error") or (body.get("results") or [{}])[0].get("error")
    return str(refusal.get("code")) if isinstance(refusal, dict) else "admitted"
