"""Where attacks take place: a run under load, its victims, and what only the owner of the server can do.

The stage is set up by `launch.siege`; attacks see this. An attacker is one agent with an account of its own, as
`econsim agent create` makes them, so no attack uses up what another needs.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

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
from econsim.identity.agent_account import short_name

PROBE_EVENT: Final = "settled"
"""The report an attacker makes when it wants to know that all it sent before was dealt with."""

PROBE_TRIES: Final = 12
"""Times to make it while over a quota: windows are a second."""

RESOURCE: Final = "cpu"
"""The market that is attacked."""


@dataclass(frozen=True, slots=True)
class Attacker:
    """An agent that turned against the rest."""

    name: str
    """Its name in the run, which nobody else's contains."""
    identity: UserCredentials
    """The JWT and key it was given."""
    account: str
    """Public key of its account."""


@dataclass(frozen=True, slots=True)
class Powers:
    """What the owner of the server does for the sake of an attack; nobody else can."""

    revoke: Callable[[str], Coroutine[None, None, None]]
    """Take an agent's account away."""
    wall_only: Callable[[str], Awaitable[UserCredentials]]
    """Make an account like an agent's whose user has no lists of what it may say: only the account's wall is left."""
    ended: Callable[[str], UserCredentials]
    """Make credentials of an agent that have ended."""
    stolen: Callable[[], UserCredentials]
    """Return a service's credentials with another key: who steals a JWT has not stolen the key."""
    limit: Callable[[str, str, int], Awaitable[None]]
    """Set a quota (agent, limit, value) as an operator does."""
    gone: Callable[[str], bool]
    """Tell whether an agent's account was taken away."""


@dataclass(slots=True)
class Environment:
    """A run under load, seen by everybody."""

    url: str
    """Where the server is."""
    run: str
    """The run that is attacked."""
    elsewhere: str
    """Another run on the same server, in which no attacker is."""
    sim: Client
    """One who may do everything in `SIM`."""
    witness: Sniffer
    """What was heard in `SIM`."""
    above: Sniffer
    """What was heard in the system account."""
    victims: tuple[TradingVictim, ...]
    """External agents who trade throughout."""
    bystander: UserCredentials
    """An agent that does nothing but connect, to see whether one can."""
    hosted: str
    """An agent of a host."""
    powers: Powers
    """What only the owner can do."""

    @asynccontextmanager
    async def raw(self, identity: UserCredentials) -> AsyncIterator[RawClient]:
        """Connect by hand for the time of the context; raises SetupError if the server refuses."""
        async with dial(self.url) as client:
            if not await client.connect(identity):
                message = f"the server does not let the attacker in: {client.errors}"
                raise SetupError(message)
            yield client

    def told(self) -> dict[str, int]:
        """Return victim → outcomes of its orders it was told so far."""
        return {external.name: len(external.told) for external in self.victims}

    def served(self) -> dict[str, int]:
        """Return victim → requests of it that were answered so far."""
        return {external.name: len(external.phase.latencies) for external in self.victims}

    async def grown(
        self, count: Callable[[], Mapping[str, int]], before: Mapping[str, int], by: int = 1
    ) -> bool:
        """Wait until every victim's count has grown by so many; false if one's has not in time."""
        return await self.witness.until(lambda: all(n >= before[name] + by for name, n in count().items()))

    def report(self, me: Attacker, event: str) -> str:
        """Return what an attacker's report is called in its account."""
        return short_name(subjects.REPORT, me.name, event=event)

    async def settled(self, raw: RawClient, me: Attacker) -> bool:
        """Wait until all that an attacker sent on a connection was dealt with; false if nobody answers."""
        for _ in range(PROBE_TRIES):
            answer = await raw.ask(self.report(me, PROBE_EVENT), b"{}")
            if answer is not None and b"stream" in answer.payload and b'"error"' not in answer.payload:
                return True
            await asyncio.sleep(0.25)
        return False

    async def stored(self, stream: str, subject: str) -> RawStreamMsg | None:
        """Return the newest message of a subject in a stream, none without any."""
        try:
            return await self.sim.jetstream().get_msg(stream, subject=subject, direct=False)
        except nats.js.errors.NotFoundError:
            return None

    async def event(self, me: Attacker, event: str) -> RawStreamMsg | None:
        """Return the newest report of an attacker under a name, as the log holds it."""
        return await self.stored(subjects.AUDIT, subjects.REPORTED(agent=me.name, event=event, run=self.run))

    async def streams(self) -> dict[str, tuple[str, int]]:
        """Return stream → its settings, and the count of messages it lost to anything but age and limits."""
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
        """Return what the ledger holds of an agent's money."""
        stored = await self.stored("KV_agent_state", f"$KV.agent_state.{self.run}.{agent}.balance")
        found: dict[str, object] = json.loads((stored.data if stored else None) or b"{}")
        return found

    def untouched(self, me: Attacker, *patterns: str) -> Check:
        """Return whether nothing that speaks of an attacker was heard on these subjects of `SIM`."""
        heard = self.witness.of(me.name, *patterns)
        return Check(f"{len(heard) or 'nothing'} of it was heard in SIM on {', '.join(patterns)}", not heard)


def refusal_check(raw: RawClient, what: str, subject: str) -> Check:
    """Return whether the server said that a publish or subscription is not permitted."""
    told = any(f'permissions violation for {what} to "{subject}"'.lower() in e.lower() for e in raw.errors)
    return Check(f"the server refused the {what}", told)


def refusal_code(answer: RawMessage | None) -> str:
    """Return the refusal in an answer, `admitted` for none, `silence` without an answer."""
    if answer is None:
        return "silence"
    if b"503" in answer.headers[:40] and not answer.payload:
        return "nobody_there"
    try:
        body = json.loads(answer.payload or b"{}")
    except ValueError:
        return "unreadable"
    told = body.get("refusal") or body.get("error")
    return str(told.get("code")) if isinstance(told, dict) else "admitted"
