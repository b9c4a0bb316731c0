"""Run attacks against a whole system with a live run, while external agents trade throughout.

The runner starts a server and services of its own: it needs the trust root, and a sniffer in every account, which
only the owner of a server can have. Order of events: trade in peace, quiet attacks side by side, floods one by
one, then wait until everything begun is processed, and check the invariants.
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
from econsim.adapters.nats.account_push import AccountProvisioner, account_provisioner
from econsim.adapters.nats.connection import connect
from econsim.adapters.nats.rpc import ask
from econsim.adapters.poll import Poll
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
from econsim.identity.agent_credentials import AgentCreds, agent_claims
from econsim.identity.nats_jwt import Key, NkeyKind, account_jwt, creds, user_jwt
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
"""Seconds the victims trade before the first attack, to measure how they are served in peace."""

PARALLEL_MAX: Final = 6
"""Attacks at once, each by an agent of its own; loud ones alone."""

ATTACK_S: Final = 45.0
"""Limit of one attack; after it, the attack counts as broken, because its effect is unknown."""

SETTLE_S: Final = 30.0
"""Limit of the wait, after all attacks, until everything that was begun is processed."""

COMPARE_S: Final = 30.0
"""Limit of the wait until the victims have received all the log holds, from when the queue is processed."""

STOP_S: Final = 15.0
"""Limit until the victims have finished their last round: longer than they retry."""

POLL_INTERVAL_S: Final = 0.1
"""Pause between two looks at the queue of orders."""

REREAD_INTERVAL_S: Final = 0.3
"""Pause between two readings of the log."""

CREDENTIALS_S: Final = 86_400
"""Life of the credentials that are made for an attack: longer than any run of attacks."""

VICTIMS: Final = ("anna", "bert")
"""Names of the external agents that trade: a buyer and a seller."""

BYSTANDER: Final = "carl"
"""Name of the external agent that only connects."""

HOSTED_AGENT: Final = "seller_001"
"""Name of an agent on a host."""

Announce = Callable[[str], None]
"""Function that shows the progress in a sentence."""

Assignment = tuple[Attack, Attacker]
"""Attack, and the attacker that tries it."""


@dataclass(frozen=True, slots=True)
class AttackResult:
    """Attack with its verdict."""

    attack: Attack
    """Attack that was tried."""
    verdict: AttackVerdict
    """Verdict on the attack."""


@dataclass(slots=True)
class AttackReport:
    """Results of a run of attacks."""

    results: list[AttackResult] = field(default_factory=list)
    """Results in the order of the attacks."""
    invariants: list[Check] = field(default_factory=list)
    """Checks of the system and the victims after all attacks."""

    def with_outcome(self, outcome: AttackOutcome) -> list[AttackResult]:
        """Return the results of one outcome."""
        return [result for result in self.results if result.verdict.outcome is outcome]

    @property
    def held(self) -> bool:
        """Tell whether every attack was held or skipped, and every invariant holds."""
        broken = self.with_outcome(AttackOutcome.BROKEN)
        return not broken and all(check.holds for check in self.invariants)


def attack_scenario(attackers: int) -> Scenario:
    """Return hosted traders on two markets, two external agents that trade, one that only connects, and attackers."""
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
    external = [
        {"name": VICTIMS[0], "policy": "external", "credits": 1_000},
        {"name": VICTIMS[1], "policy": "external", "credits": 100, "roles": stock},
        {"name": BYSTANDER, "policy": "external", "credits": 1},
        {"name": ATTACKER_PREFIX, "policy": "external", "count": max(attackers, 2), "credits": 100},
    ]
    return Scenario.model_validate(
        {
            "name": "attacks",
            "clock": {"mode": "real_time", "ticks_per_period": 1_000_000, "tick_ms": 200},
            "markets": [{"resource": "cpu"}, {"resource": "gpu"}],
            "agents": [*hosted, *external],
        }
    )


async def run_attacks(config: Settings, attacks: Sequence[Attack], announce: Announce) -> AttackReport:
    """Run attacks against a system of their own and return the report; raises SetupError without a server."""
    async with launch(LaunchOptions(ephemeral=True), config, announce) as server:
        return await run_attacks_on(server, attacks, announce)


async def run_attacks_on(server: Server, attacks: Sequence[Attack], announce: Announce) -> AttackReport:
    """Run attacks against a system with services in this process; raises SetupError without its trust root.

    The server's url names one node, to which the attackers connect.
    """
    logs = UnforeseenLogs()
    logging.getLogger().addHandler(logs)
    try:
        async with open_environment(server, len(attacks)) as (env, attackers):
            operator = operator_name(server.creds("operator"))
            assignments = list(zip(attacks, attackers, strict=False))
            return await _attack_and_check(env, assignments, logs, operator, announce)
    finally:
        logging.getLogger().removeHandler(logs)


async def _attack_and_check(
    env: Environment,
    assignments: Sequence[Assignment],
    logs: UnforeseenLogs,
    operator: str,
    announce: Announce,
) -> AttackReport:
    """Trade in peace, attack, wait until all is processed, check the invariants."""
    names = [attack.name for attack, _ in assignments]
    trading = [asyncio.create_task(victim.trade()) for victim in env.victims]
    try:
        await asyncio.sleep(PEACE_S)
        peace = [victim.next_phase() for victim in env.victims]
        announce(f"{len(names)} attacks on a run of {len(env.victims)} external agents and 12 hosted traders")
        report = AttackReport(await try_attacks(env, [each for each in assignments if not each[0].loud]))
        quiet = [victim.next_phase() for victim in env.victims]
        report.results += await try_attacks(env, [each for each in assignments if each[0].loud], at_once=1)
        floods = [victim.next_phase() for victim in env.victims]
    finally:
        for victim in env.victims:
            victim.stop()
        await asyncio.wait(trading, timeout=STOP_S)
    log = await _wait_for_outcomes(env)
    await close_run(env.sim, env.run, operator)
    phases = [VictimPhases(*each) for each in zip(env.victims, peace, quiet, floods, strict=True)]
    report.invariants = await check_invariants(env.sim, env.run, phases, logs, log)
    report.results.sort(key=lambda result: names.index(result.attack.name))
    return report


async def _wait_for_outcomes(env: Environment) -> LoggedOutcomes:
    """Wait until the orders begun are processed and the victims have their outcomes; return what the log holds."""
    # The clock and the hosts go on, so newer orders keep coming.
    _, newest = await provision.ends(env.sim, subjects.ORDERS)
    async for _ in Poll(POLL_INTERVAL_S, SETTLE_S):
        oldest, _ = await provision.ends(env.sim, subjects.ORDERS)
        if oldest > newest:
            break
    async for _ in Poll(REREAD_INTERVAL_S, COMPARE_S):
        log = await read_outcomes(env.sim, env.run, env.victims)
        if log.complete:
            break
    log.unprocessed = max(newest + 1 - oldest, 0)
    return log


async def try_attacks(
    env: Environment, assignments: Sequence[Assignment], at_once: int = PARALLEL_MAX
) -> list[AttackResult]:
    """Try attacks, several at a time; return their results."""
    slots = asyncio.Semaphore(at_once)

    async def attempt(attack: Attack, attacker: Attacker) -> AttackResult:
        async with slots:
            return AttackResult(attack, await try_attack(env, attack, attacker))

    return list(await asyncio.gather(*(attempt(attack, attacker) for attack, attacker in assignments)))


async def try_attack(env: Environment, attack: Attack, attacker: Attacker) -> AttackVerdict:
    """Try one attack; one that raises or does not end counts as broken, because its effect is unknown."""
    try:
        async with asyncio.timeout(ATTACK_S):
            return await attack.run(env, attacker)
    except Exception as error:  # noqa: BLE001 - no error proves that the attack was held
        evidence = f"NOT: it could be judged: {type(error).__name__}: {error}"
        return AttackVerdict(AttackOutcome.BROKEN, evidence)


@asynccontextmanager
async def open_environment(
    server: Server, attackers: int
) -> AsyncIterator[tuple[Environment, list[Attacker]]]:
    """Open a run with victims and attackers for the time of the context."""
    trust = server.trust
    if trust is None:
        message = (
            "attacks need the trust root of their server; without --nats they start a server of their own"
        )
        raise SetupError(message)
    run, scenario = random_name("attacks"), attack_scenario(attackers)
    async with AsyncExitStack() as stack:
        sim = await connect(server.url, _owner_creds(trust), "attacks-owner")
        stack.push_async_callback(sim.close)
        # Before the run opens: a later sniffer would miss its first messages.
        owner = UserCredentials.from_file(_owner_creds(trust))
        system = UserCredentials.from_file(trust.creds(SYSTEM_USER))
        sniffer = await stack.enter_async_context(sniffing(server.url, owner, ">"))
        system_sniffer = await stack.enter_async_context(sniffing(server.url, system, "$SYS.REQ.>"))
        provisioner = await stack.enter_async_context(account_provisioner(server.url, trust))
        accounts = {each.agent: each for each in await ensure_accounts(server, run, scenario)}
        operator = operator_name(server.creds("operator"))
        await open_run(sim, run, scenario, operator)
        victims = []
        for number, name in enumerate(VICTIMS):
            client = await connect(server.url, accounts[name].creds, f"attacks-{name}")
            stack.push_async_callback(client.close)
            victims.append(TradingVictim(client, run, name, RESOURCE, sells=bool(number)))
            await victims[-1].listen()
        for victim in victims:
            await victim.wait_until_served(SETTLE_S)
        env = Environment(
            url=server.url,
            run=run,
            other_run=f"{run}-b",
            sim=sim,
            sniffer=sniffer,
            system_sniffer=system_sniffer,
            victims=tuple(victims),
            bystander=UserCredentials.from_file(accounts[BYSTANDER].creds),
            hosted_agent=HOSTED_AGENT,
            powers=await _owner_powers(server, provisioner, run, accounts, operator),
        )
        attacking = [each for each in accounts.values() if each.agent.startswith(ATTACKER_PREFIX)]
        yield (
            env,
            [Attacker(each.agent, UserCredentials.from_file(each.creds), each.account) for each in attacking],
        )


async def _owner_powers(
    server: Server, provisioner: AccountProvisioner, run: str, accounts: dict[str, AgentCreds], operator: str
) -> Powers:
    trust = server.trust
    assert trust is not None
    files = {name: account.creds for name, account in accounts.items()}

    async def make_user(name: str, life_s: int) -> UserCredentials:
        account, user, now = Key(NkeyKind.ACCOUNT), Key(NkeyKind.USER), unix_seconds()
        claims = agent_claims(trust, run, name)
        jwt = account_jwt(
            trust.operator, account.public, name, claims, issued=trust.now(), expires=now + CREDENTIALS_S
        )
        await provisioner.push([jwt])
        return UserCredentials(
            user_jwt(account, user.public, name, issued=now, expires=now + life_s), user.seed
        )

    async def revoke_agent(name: str) -> None:
        await revoke(trust, provisioner, run, name)

    async def set_quota(agent: str, name: str, value: int) -> None:
        request = SetQuota(run=run, agent=agent, update=QuotaUpdate(**{name: value}))
        client = await connect(server.url, server.creds("operator"), "attacks-operator")
        try:
            await ask(client, subjects.SET_QUOTA(operator=operator), request, Quotas)
        finally:
            await client.close()

    market = UserCredentials.from_file(server.creds("market"))
    return Powers(
        revoke=revoke_agent,
        unrestricted_user=lambda name: make_user(name, CREDENTIALS_S),
        expired_user=await make_user(BYSTANDER, -60),
        stolen_jwt=UserCredentials(market.jwt, Key(NkeyKind.USER).seed),
        set_quota=set_quota,
        is_revoked=lambda name: not files[name].exists(),
    )


def _owner_creds(trust: Trust) -> Path:
    """Return the creds file of a user of `SIM` with every right; nothing but a run of attacks makes one."""
    path = trust.directory / "creds" / "attacks-owner.creds"
    if not path.exists():
        user = Key(NkeyKind.USER)
        write(path, creds(user_jwt(trust.sim, user.public, "attacks", issued=trust.now()), user.seed))
    return path
