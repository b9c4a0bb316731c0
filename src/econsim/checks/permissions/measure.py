"""Measure the permissions of every party, on a server of its own that is thrown away.

The right to publish shows in the messages that arrive: two listeners receive everything in `SIM` and in the system
account. The right to subscribe shows in the deliveries: each party subscribes to the widest patterns the server
allows, and a user with every right publishes one message on each subject. So a permission that reaches further than
it seems shows as well.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from econsim.adapters.jetstream import provision
from econsim.adapters.nats.account_push import account_provisioner
from econsim.adapters.nats.connection import connect
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.checks.permissions.expected import PUBLISH, SUBSCRIBE, Cell, PermissionMatrix
from econsim.checks.permissions.prober import Probed, Prober, probe_text, probing
from econsim.checks.permissions.probes import EXTERNAL, OTHER, PARTIES, RUN, SELF, Probe, concrete_subject
from econsim.identity.agent_account import GRANTS
from econsim.identity.agent_credentials import mint
from econsim.identity.nats_jwt import Key, NkeyKind, creds, user_jwt
from econsim.identity.private_files import write
from econsim.identity.trust_root import Trust
from econsim.schemas.subject import PUBLISHED
from econsim.subjects import TABLE

PATTERNS_AT_ONCE: Final = 40
"""Subscriptions of one party at a time: an agent's account has no more than 64."""

_SYSTEM: Final = "$SYS."


@dataclass(frozen=True, slots=True)
class Listeners:
    """Connections with every right that receive everything."""

    sim: Prober
    """Connection to account `SIM`."""
    system: Prober
    """Connection to the system account."""

    async def take_arrived(self) -> set[Probed]:
        """Return what arrived since the last call; of the system account only its own subjects count."""
        system = await self.system.take_deliveries()
        return await self.sim.take_deliveries() | {each for each in system if each[0].startswith(_SYSTEM)}


async def measure(rows: Sequence[Probe]) -> PermissionMatrix:
    """Return the permissions that a server grants every party."""
    async with EmbeddedServer(Path(), ephemeral=True) as server:
        files = await _users(server)
        return await probe_server(server.url, server.trust, files, rows)


async def probe_server(
    url: str, trust: Trust, files: Mapping[str, Path], rows: Sequence[Probe]
) -> PermissionMatrix:
    """Send every probe with these credentials to a server that has the streams; it is of no use afterwards."""
    cells: dict[Cell, str] = {}
    async with _connect_listeners(url, trust) as listeners:
        for party, file in files.items():
            async with probing(url, file) as prober:
                cells |= await _cells(listeners, prober, rows, party)
        async with probing(url, files[EXTERNAL]) as prober:
            return PermissionMatrix(
                cells, await _published_names(listeners, prober), await _received_names(listeners, prober)
            )


async def _cells(listeners: Listeners, prober: Prober, rows: Sequence[Probe], party: str) -> dict[Cell, str]:
    """Return the rights of one party, row by row."""
    shared = [row for row in rows if row.queue]
    cells: dict[Cell, str] = dict.fromkeys(await _joins(prober, shared, party), SUBSCRIBE)
    return cells | await _rights(listeners, prober, [row for row in rows if not row.queue], party)


async def _joins(prober: Prober, rows: Sequence[Probe], party: str) -> list[Cell]:
    """Return the rows to which this party may subscribe in a queue group, by any pattern."""
    tried = {
        row: [f"{each} {row.queue.replace(SELF, party)}" for each in row.patterns(party)] for row in rows
    }
    taken = {*await prober.filter_allowed(sorted({each for patterns in tried.values() for each in patterns}))}
    return [(row.group, row.name, party) for row, patterns in tried.items() if taken & {*patterns}]


async def _rights(listeners: Listeners, prober: Prober, rows: Sequence[Probe], party: str) -> dict[Cell, str]:
    """Return the rights of one party to publish, and to subscribe without a queue group."""
    subjects = [row.subject(party) for row in rows]
    arrived = await _publish_and_collect(listeners, prober, subjects)
    delivered = await _collect_deliveries(listeners, prober, subjects, await _wide(prober, rows, party))
    found: dict[Cell, str] = {}
    for number, row in enumerate(rows):
        message = subjects[number], probe_text(number)
        if rights := PUBLISH * (message in arrived) + SUBSCRIBE * (message in delivered):
            found[row.group, row.name, party] = rights
    return found


async def _users(server: EmbeddedServer) -> dict[str, Path]:
    """Make the streams and an agent's account; return the creds file of every party."""
    client = await connect(server.url, server.creds("setup"), "econsim-measure")
    await provision.apply(client)
    await client.close()
    external = mint(server.trust, RUN, EXTERNAL)
    async with account_provisioner(server.url, server.trust) as provisioner:
        await provisioner.push([external.jwt()])
    return {party: external.creds if party == EXTERNAL else server.creds(party) for party in PARTIES}


@asynccontextmanager
async def _connect_listeners(url: str, trust: Trust) -> AsyncIterator[Listeners]:
    """Connect the listeners, as users with every right that are made for them alone."""
    made: list[Prober] = []
    async with AsyncExitStack() as stack:
        for name, account in (("sim", trust.sim), ("sys", trust.system)):
            user, file = Key(NkeyKind.USER), trust.directory / f"listener-of-{name}.creds"
            write(file, creds(user_jwt(account, user.public, "listeners", issued=trust.now()), user.seed))
            made.append(await stack.enter_async_context(probing(url, file)))
            await made[-1].subscribe_only([">"])
        yield Listeners(*made)


async def _publish_and_collect(listeners: Listeners, prober: Prober, subjects: Sequence[str]) -> set[Probed]:
    """Publish as a party; return the messages that arrived."""
    await listeners.take_arrived()
    await prober.publish(subjects)
    return await listeners.take_arrived()


async def _collect_deliveries(
    listeners: Listeners, prober: Prober, subjects: Sequence[str], patterns: Sequence[str]
) -> set[Probed]:
    """Publish on every subject while a party listens; return its deliveries."""
    found: set[Probed] = set()
    for start in range(0, len(patterns), PATTERNS_AT_ONCE):
        await prober.subscribe_only(patterns[start : start + PATTERNS_AT_ONCE])
        for listener, own in ((listeners.sim, False), (listeners.system, True)):
            await listener.publish([each if each.startswith(_SYSTEM) == own else SELF for each in subjects])
        found |= await prober.take_deliveries()
    return found


async def _wide(prober: Prober, rows: Sequence[Probe], party: str) -> list[str]:
    """Return the allowed patterns that could deliver a row's subject to this party."""
    return await prober.filter_allowed(sorted({pattern for row in rows for pattern in row.patterns(party)}))


async def _published_names(listeners: Listeners, prober: Prober) -> dict[str, str]:
    """Return short name → subject under which it arrives in `SIM`, of the agent's names and of another's."""
    names = sorted({concrete_subject(grant.short) for grant in GRANTS})
    names += [name.replace(f".{EXTERNAL}.", f".{OTHER}.") for name in names if f".{EXTERNAL}." in name]
    arrived = dict(await _publish_and_collect(listeners, prober, names))
    numbers = {number: subject for subject, number in arrived.items()}
    return {name: numbers[probe_text(n)] for n, name in enumerate(names) if probe_text(n) in numbers}


async def _received_names(listeners: Listeners, prober: Prober) -> dict[str, str]:
    """Return short name → subject of `SIM` that an external agent receives, of its own subjects and of others'."""
    own = [concrete_subject(row.template) for row in TABLE if row.kind in PUBLISHED]
    other = [each.replace(f".{RUN}", f".{OTHER}", 1) for each in own]
    other += [f"{each.removesuffix(EXTERNAL)}{OTHER}" for each in own if each.endswith(f".{EXTERNAL}")]
    names = [Probe("", "", concrete_subject(grant.short), grant.local_pattern(EXTERNAL)) for grant in GRANTS]
    delivered = await _collect_deliveries(
        listeners, prober, [*own, *other], await _wide(prober, names, EXTERNAL)
    )
    numbers = {probe_text(n): subject for n, subject in enumerate([*own, *other])}
    return {name: numbers[number] for name, number in delivered}
