"""Receiving what is not meant for an agent, while others trade: everything, others' outcomes, the server's events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Final

from econsim import subjects
from econsim.checks.attacks.attack import Attack, AttackFunction
from econsim.checks.attacks.environment import (
    PROBE_EVENT,
    RESOURCE,
    Attacker,
    Environment,
    public_patterns,
    refusal_check,
)
from econsim.checks.attacks.verdict import AttackVerdict, Check, raw_subject, verdict_of
from econsim.checks.raw_client import RawClient
from econsim.identity.agent_account import short_pattern

LISTEN_S: Final = 1.0
"""Seconds of listening: victims trade dozens of times in them."""

QUEUE: Final = "admission"
"""Queue group of the admission service."""

GUESSED: Final = "workers"
"""Queue group with a name that is easy to guess."""


@dataclass(frozen=True, slots=True)
class ListeningAttack:
    """Attack that listens to one pattern."""

    name: str
    """Name of the attack."""
    tries: str
    """Goal of the attack."""
    pattern: Callable[[Environment, Attacker], str]
    """Function that returns the pattern."""
    queue: str = ""
    """Queue group that is joined; empty for none."""

    async def run(self, env: Environment, attacker: Attacker) -> AttackVerdict:
        """Listen as the attacker, and as a user without permission lists."""
        pattern = self.pattern(env, attacker)
        traded = env.outcome_counts()
        async with (
            env.connect(attacker.user) as own,
            env.connect(await env.powers.unrestricted_user(attacker.name)) as bare,
        ):
            for raw in (own, bare):
                await raw.subscribe(pattern, 7, self.queue)
                await raw.flush()
            await asyncio.sleep(LISTEN_S)
            served = await env.wait_for_growth(env.outcome_counts, traded)
            answered = await env.wait_until_processed(bare, attacker)
            foreign = [*_foreign(own, env, attacker), *_foreign(bare, env, attacker)]
        return verdict_of(
            refusal_check(own, "subscription", pattern),
            Check("the attacker received what is meant for it", answered),
            Check("victims received their outcomes meanwhile", served),
            Check(f"it received {foreign[:2] or 'nothing'} that is not its own", not foreign),
        )


def _foreign(raw: RawClient, env: Environment, attacker: Attacker) -> list[str]:
    """Return the subjects of messages that were not meant for the attacker."""
    names = {each.replace("*", market) for each in public_patterns(attacker) for market in (RESOURCE, "gpu")}
    own = (raw.inbox, env.report_subject(attacker, PROBE_EVENT))
    return [
        message.subject
        for message in raw.messages
        if message.subject not in names and not message.subject.startswith(own)
    ]


ROWS: Final = (
    ListeningAttack("hear_everything", "to hear everything", lambda _, __: ">"),
    ListeningAttack(
        "hear_system", "to hear the clock and the operators", lambda _, __: raw_subject("system", ">")
    ),
    ListeningAttack("hear_admin", "to hear what operators command", lambda _, __: raw_subject("admin", ">")),
    ListeningAttack(
        "hear_agents", "to hear what other agents report", lambda _, __: raw_subject("agent", ">")
    ),
    ListeningAttack(
        "hear_deliveries",
        "to hear what becomes of a victim's orders",
        lambda env, _: raw_subject("market", "*", "*", env.run, env.victims[0].name),
    ),
    ListeningAttack(
        "hear_commands",
        "to hear everybody's orders",
        lambda _, __: raw_subject("market", "*", "place_bid", ">"),
    ),
    ListeningAttack(
        "hear_advisories", "to hear the server's advisories", lambda _, __: raw_subject("$JS", "EVENT", ">")
    ),
    ListeningAttack(
        "hear_api", "to hear requests to JetStream", lambda _, __: raw_subject("$JS", "API", ">")
    ),
    ListeningAttack(
        "hear_services",
        "to discover services and answer in their stead",
        lambda _, __: raw_subject("$SRV", ">"),
    ),
    ListeningAttack("hear_server", "to hear the server's own events", lambda _, __: raw_subject("$SYS", ">")),
    ListeningAttack(
        "hear_responses", "to hear answers on their way to others", lambda _, __: raw_subject("_R_", ">")
    ),
    ListeningAttack(
        "hear_buckets", "to hear every write of the ledger", lambda _, __: raw_subject("$KV", ">")
    ),
    ListeningAttack(
        "steal_queue_group",
        "to join a service's queue group and take its share of messages",
        lambda _, __: subjects.REPORT.pattern(),
        QUEUE,
    ),
)
"""Attacks, one for each pattern."""

_REASON: Final = "an account receives only what it imports and what its own users publish; the user's permission list makes the refusal visible"


async def inboxes(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Listen to all inboxes, which a user may: they are those of its own account."""
    before = env.answer_counts()
    async with env.connect(attacker.user) as raw:
        await raw.subscribe(raw_subject("_INBOX", ">"), 7)
        await raw.flush()
        await asyncio.sleep(LISTEN_S)
        served = await env.wait_for_growth(env.answer_counts, before)
        received = len(raw.messages)
        own = await raw.request(env.report_subject(attacker, "noted"), b"{}")
    return verdict_of(
        Check("the subscription was taken", not raw.errors),
        Check("victims were answered meanwhile", served),
        Check(f"it received {received or 'none'} of the answers", not received),
        Check("it receives its own answers", own is not None),
    )


def _join_queue_groups(patterns_of: Callable[[Attacker], list[str]]) -> AttackFunction:
    """Return the attack that joins queue groups, which others may use, on these patterns."""

    async def run(env: Environment, attacker: Attacker) -> AttackVerdict:
        before, groups = env.outcome_counts(), (GUESSED, QUEUE, env.victims[0].name)
        patterns = patterns_of(attacker)
        async with (
            env.connect(attacker.user) as own,
            env.connect(await env.powers.unrestricted_user(attacker.name)) as bare,
        ):
            for raw in (own, bare):
                for number, (pattern, group) in enumerate(product(patterns, groups), 1):
                    await raw.subscribe(pattern, number, group)
                await raw.flush()
            await asyncio.sleep(LISTEN_S)
            served = await env.wait_for_growth(env.outcome_counts, before)
            received = len(own.messages) + len(bare.messages)
            refusals = [len([e for e in raw.errors if "using queue" in e]) for raw in (own, bare)]
            await bare.subscribe(short_pattern(subjects.TICKED, attacker.name), 99)
            ticked = await bare.wait_until(lambda: bool(bare.messages))
        tried = len(patterns) * len(groups)
        return verdict_of(
            Check(
                f"{refusals} of {tried} were refused, with its lists and without", refusals == [tried, tried]
            ),
            Check(f"it received {received or 'none'} of them", not received),
            Check("without a group it receives what everybody receives", ticked),
            Check("victims received theirs", served),
        )

    return run


_NO_QUEUE_GROUPS: Final = (
    "an agent may join no queue group on what it is sent: its account denies it, and so does its user's list"
)

ATTACKS: Final = (
    *(Attack(row.name, row.tries, _REASON, row.run) for row in ROWS),
    Attack(
        "hear_inboxes",
        "to hear every answer on every inbox",
        "inboxes are those of its own account, which it shares with nobody",
        inboxes,
    ),
    Attack(
        "steal_deliveries",
        "to take victims' deliveries off a queue group",
        _NO_QUEUE_GROUPS,
        _join_queue_groups(
            lambda attacker: [short_pattern(row, attacker.name) for row in subjects.ORDER_OUTCOME]
        ),
    ),
    Attack(
        "steal_broadcasts",
        "to take ticks and prices from victims whose bots use a queue group with a guessable name",
        _NO_QUEUE_GROUPS,
        _join_queue_groups(public_patterns),
    ),
)
"""Attacks that listen."""
