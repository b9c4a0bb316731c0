"""A siege: the whole system with a live run, external agents who trade throughout, and every attack while they do.

Starts a server and services of its own, for it needs what only a server's owner can: a witness in every account, and
the trust root.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from econsim import subjects
from econsim.adapters.clock import random_name, unix_seconds
from econsim.adapters.jetstream import provision
from econsim.adapters.nats.account_push import Provisioner, provisioning
from econsim.adapters.nats.connection import connect
from econsim.adapters.nats.rpc import ask
from econsim.app import Server
from econsim.checks.attacks.attack import Attack
from econsim.checks.attacks.environment import RESOURCE, Attacker, Environment, Powers
from econsim.checks.attacks.invariants import (
    LoggedOutcomes,
    UnforeseenLogs,
    VictimPhases,
    check_invariants,
    read_outcomes,
)
from econsim.checks.attacks.load import TradingVictim
from econsim.checks.attacks.sniffer import ATTACKER_PREFIX, sniffing
from econsim.checks.attacks.verdict import AttackOutcome, AttackVerdict, Check
from econsim.checks.raw_client import UserCredentials
from econsim.config import Settings
from econsim.errors import SetupError
from econsim.identity.agent_credentials import AgentCreds, walls
from econsim.identity.nats_jwt import Key, Role, account_jwt, creds, user_jwt
from econsim.identity.private_files import write
from econsim.identity.trust_root import SYSTEM_USER, Trust
from econsim.runs.launch.agent_accounts import ensure_accounts, revoke
from econsim.runs.launch.key_audit import operator_name
from econsim.runs.launch.services import LaunchOptions, launch
from econsim.runs.remote import close_run, open_run
from econsim.schemas.admin import SetQuota
from econsim.schemas.quota import Quotas, QuotaUpdate
from econsim.schemas.scenario import Scenario

PEACE_S: Final = 5.0
"""How long external agents trade before the first attack, to know how they are served in peace."""

PARALLEL_MAX: Final = 6
"""Attacks at once, each by an agent of its own; loud ones alone."""

ATTACK_S: Final = 45.0
"""Longest one attack may take before it counts as broken: nobody can say what it did."""

SETTLE_S: Final = 30.0
"""Longest until everything that was begun is done, when all attacks are over."""

STOP_S: Final = 15.0
"""Longest until the external agents have finished their last round: longer than they are patient."""

VICTIMS: Final = ("anna", "bert")
BYSTANDER: Final = "carl"

Announce = Callable[[str], None]
"""Told in a sentence how it goes."""


Pair = tuple[Attack, Attacker]
"""An attack, and who tries it."""


@dataclass(frozen=True, slots=True)
class AttackResult:
    """What came of one attack."""

    attack: Attack
    """Which."""
    finding: AttackVerdict
    """What the judge says."""


@dataclass(slots=True)
class AttackReport:
    """What came of a siege."""

    results: list[AttackResult] = field(default_factory=list)
    """Of each attack."""
    aftermath: list[Check] = field(default_factory=list)
    """What was so when all were over."""

    def of(self, outcome: AttackOutcome) -> list[AttackResult]:
        """Return the attacks of an outcome."""
        return [result for result in self.results if result.finding.outcome is outcome]

    @property
    def held(self) -> bool:
        """Whether every attack was held or skipped, and nobody noticed."""
        return not self.of(AttackOutcome.BROKEN) and all(fact.true for fact in self.aftermath)


def attack_scenario(attackers: int) -> Scenario:
    """Return hosted traders on two markets, two external agents who trade, one who looks on, and so many attackers."""
    roles = {"bid": (3.4, 1.1), "ask": (0.8, 2.9)}
    hosted = [
        {
            "name": name,
            "policy": "zi_c",
            "count": 6,
            "activity_percent": 40,
            "roles": [
                {"resource": m, "side": side, "first": roles[side][0], "last": roles[side][1], "units": 200}
                for m in ("cpu", "gpu")
            ],
        }
        for name, side in (("buyer", "bid"), ("seller", "ask"))
    ]
    stock = [{"resource": RESOURCE, "side": "ask", "values": [["0.01"] * 2_000]}]
    outside = [
        {"name": VICTIMS[0], "policy": "external", "credits": 1_000},
        {"name": VICTIMS[1], "policy": "external", "credits": 100, "roles": stock},
        {"name": BYSTANDER, "policy": "external", "credits": 1},
        {"name": ATTACKER_PREFIX, "policy": "external", "count": max(attackers, 2), "credits": 100},
    ]
    return Scenario.model_validate(
        {
            "name": "siege",
            "clock": {"mode": "real_time", "ticks_per_period": 1_000_000, "tick_ms": 200},
            "markets": [{"resource": "cpu"}, {"resource": "gpu"}],
            "agents": [*hosted, *outside],
        }
    )


async def run_attacks(config: Settings, attacks: Sequence[Attack], tell: Announce) -> AttackReport:
    """Run attacks against a system of their own, and judge what is left; raises SetupError without a server."""
    async with launch(LaunchOptions(ephemeral=True), config, tell) as server:
        return await run_attacks_on(server, attacks, tell)


async def run_attacks_on(server: Server, attacks: Sequence[Attack], tell: Announce) -> AttackReport:
    """Run attacks against a system whose services run in this process; raises SetupError without its trust root.

    The server's url names one node, which attackers connect to by hand.
    """
    noise = UnforeseenLogs()
    logging.getLogger().addHandler(noise)
    try:
        async with open_environment(server, len(attacks)) as (stage, attackers):
            operator = operator_name(server.creds("operator"))
            return await _attack_and_judge(
                stage, list(zip(attacks, attackers, strict=False)), noise, operator, tell
            )
    finally:
        logging.getLogger().removeHandler(noise)


async def _attack_and_judge(
    stage: Environment, pairs: Sequence[Pair], noise: UnforeseenLogs, operator: str, tell: Announce
) -> AttackReport:
    """Trade in peace, attack, settle, judge."""
    names = [attack.name for attack, _ in pairs]
    trading = [asyncio.create_task(external.trade()) for external in stage.victims]
    try:
        await asyncio.sleep(PEACE_S)
        peace = [external.next_phase() for external in stage.victims]
        tell(f"{len(pairs)} attacks on a run of {len(stage.victims)} external agents and 12 hosted traders")
        report = AttackReport(await try_attacks(stage, [pair for pair in pairs if not pair[0].loud]))
        siege = [external.next_phase() for external in stage.victims]
        report.results += await try_attacks(stage, [pair for pair in pairs if pair[0].loud], at_once=1)
        floods = [external.next_phase() for external in stage.victims]
    finally:
        for external in stage.victims:
            external.stop()
        await asyncio.wait(trading, timeout=STOP_S)
    log = await _wait_until_settled(stage)
    await close_run(stage.sim, stage.run, operator)
    served = [VictimPhases(*each) for each in zip(stage.victims, peace, siege, floods, strict=True)]
    report.aftermath = await check_invariants(stage.sim, stage.run, served, noise, log)
    report.results.sort(key=lambda result: names.index(result.attack.name))
    return report


async def _wait_until_settled(stage: Environment) -> LoggedOutcomes:
    """Wait until all that was begun is done; return the log, and in it what of it is left in the queue."""
    oldest, begun = await provision.ends(stage.sim, subjects.ORDERS)
    end = asyncio.get_running_loop().time() + SETTLE_S
    # The clock and the hosts go on, so there are always newer ones.
    while oldest <= begun and asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.1)
        oldest, _ = await provision.ends(stage.sim, subjects.ORDERS)
    log = await read_outcomes(stage.sim, stage.run, VICTIMS)
    while any(log.told[g.name] != g.told for g in stage.victims) and asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.3)
        log = await read_outcomes(stage.sim, stage.run, VICTIMS)
    log.left = max(begun + 1 - oldest, 0)
    return log


async def try_attacks(
    stage: Environment, pairs: Sequence[Pair], at_once: int = PARALLEL_MAX
) -> list[AttackResult]:
    """Try attacks, several at a time; return what came of each."""
    room = asyncio.Semaphore(at_once)

    async def attempt(attack: Attack, me: Attacker) -> AttackResult:
        async with room:
            return AttackResult(attack, await try_attack(stage, attack, me))

    return list(await asyncio.gather(*(attempt(attack, me) for attack, me in pairs)))


async def try_attack(stage: Environment, attack: Attack, me: Attacker) -> AttackVerdict:
    """Try one attack; one that fails by itself counts as broken, for nobody can say what it did."""
    try:
        async with asyncio.timeout(ATTACK_S):
            return await attack.run(stage, me)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is no proof
        return AttackVerdict(
            AttackOutcome.BROKEN, f"NOT: it could be judged: {type(error).__name__}: {error}"
        )


@asynccontextmanager
async def open_environment(
    server: Server, attackers: int
) -> AsyncIterator[tuple[Environment, list[Attacker]]]:
    """Open a run with everybody in it for the time of the context."""
    trust = server.trust
    if trust is None:
        message = "a siege needs the trust root of its server; it starts one of its own without --nats"
        raise SetupError(message)
    run, wanted = random_name("siege"), attack_scenario(attackers)
    async with AsyncExitStack() as stack:
        sim = await connect(server.url, _owner_creds(trust), "siege-owner")
        stack.push_async_callback(sim.close)
        # From before the run: a witness that came late would not know what was there.
        witness, _ = await stack.enter_async_context(
            sniffing(server.url, UserCredentials.of(_owner_creds(trust).read_text()), ">")
        )
        above, _ = await stack.enter_async_context(
            sniffing(server.url, UserCredentials.of(trust.creds(SYSTEM_USER).read_text()), "$SYS.REQ.>")
        )
        provisioner = await stack.enter_async_context(provisioning(server.url, trust))
        accounts = {each.agent: each for each in await ensure_accounts(server, run, wanted)}
        operator = operator_name(server.creds("operator"))
        await open_run(sim, run, wanted, operator)
        externals = []
        for number, name in enumerate(VICTIMS):
            client = await connect(server.url, accounts[name].creds, f"siege-{name}")
            stack.push_async_callback(client.close)
            externals.append(TradingVictim(client, run, name, RESOURCE, sells=bool(number)))
            await externals[-1].listen()
        for external in externals:
            await external.seated(SETTLE_S)
        powers = await _owner_powers(server, provisioner, run, accounts, operator)
        attacking = [
            Attacker(a.agent, UserCredentials.of(a.creds.read_text()), a.account)
            for a in accounts.values()
            if a.agent.startswith(ATTACKER_PREFIX)
        ]
        bystander = UserCredentials.of(accounts[BYSTANDER].creds.read_text())
        stage = Environment(
            server.url,
            run,
            f"{run}-b",
            sim,
            witness,
            above,
            tuple(externals),
            bystander,
            "seller_001",
            powers,
        )
        yield stage, attacking


async def _owner_powers(
    server: Server, provisioner: Provisioner, run: str, accounts: dict[str, AgentCreds], operator: str
) -> Powers:
    trust = server.trust
    assert trust is not None
    files = {name: account.creds for name, account in accounts.items()}

    async def made(name: str, life_s: int) -> UserCredentials:
        account, user, expires = Key(Role.ACCOUNT), Key(Role.USER), unix_seconds() + 86_400
        claims = walls(trust, run, name)
        await provisioner.push(
            [account_jwt(trust.operator, account.public, name, claims, issued=trust.now(), expires=expires)]
        )
        now = unix_seconds()
        return UserCredentials(
            user_jwt(account, user.public, name, issued=now, expires=now + life_s), user.seed
        )

    async def gone(name: str) -> None:
        await revoke(trust, provisioner, run, name)

    async def limit(agent: str, name: str, value: int) -> None:
        request = SetQuota(run=run, agent=agent, update=QuotaUpdate(**{name: value}))
        client = await connect(server.url, server.creds("operator"), "siege-operator")
        try:
            await ask(client, subjects.SET_QUOTA(operator=operator), request, Quotas)
        finally:
            await client.close()

    ended = await made(BYSTANDER, -60)
    market = UserCredentials.of(server.creds("market").read_text())
    return Powers(
        revoke=gone,
        wall_only=lambda name: made(name, 86_400),
        ended=lambda _: ended,
        stolen=lambda: UserCredentials(market.jwt, Key(Role.USER).seed),
        limit=limit,
        gone=lambda name: not files[name].exists(),
    )


def _owner_creds(trust: Trust) -> Path:
    """Return the creds file of a user of `SIM` with every right; nothing but a siege makes one."""
    path = trust.directory / "creds" / "siege.creds"
    if not path.exists():
        user = Key(Role.USER)
        write(path, creds(user_jwt(trust.sim, user.public, "siege", issued=trust.now()), user.seed))
    return path
