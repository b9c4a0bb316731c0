"""Hearing what is not an agent's to hear, while others trade: everything, others' deliveries, the server's events."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from econsim import subjects
from econsim.checks.attacks.attack import Attack
from econsim.checks.attacks.environment import PROBE_EVENT, RESOURCE, Attacker, Environment, refusal_check
from econsim.checks.attacks.verdict import AttackVerdict, Check, raw_subject, verdict_of
from econsim.checks.raw_client import RawClient
from econsim.identity.agent_account import short_pattern
from econsim.schemas.subject import Subject, SubjectKind

LISTEN_S: Final = 1.0
"""How long to listen: victims trade dozens of times in it."""

QUEUE: Final = "admission"
"""The queue group of the service that admits agents."""

GUESSED: Final = "workers"
"""A queue group as somebody might call it."""


@dataclass(frozen=True, slots=True)
class ListeningAttack:
    """One pattern that is listened to."""

    name: str
    tries: str
    where: Callable[[Environment, Attacker], str]
    queue: str = ""
    """The queue group that is joined, if any."""

    async def run(self, env: Environment, attacker: Attacker) -> AttackVerdict:
        """Listen with and without a list of what may be heard."""
        pattern = self.where(env, attacker)
        traded = env.outcome_counts()
        async with (
            env.connect(attacker.user) as own,
            env.connect(await env.powers.unrestricted_user(attacker.name)) as bare,
        ):
            for raw in (own, bare):
                await raw.subscribe(pattern, 7, self.queue)
                await raw.flush()
            await asyncio.sleep(LISTEN_S)
            went_on = await env.wait_for_growth(env.outcome_counts, traded)
            answered = await env.wait_until_processed(bare, attacker)
            foreign = [*_foreign(own, env, attacker), *_foreign(bare, env, attacker)]
        return verdict_of(
            refusal_check(own, "subscription", pattern),
            Check("what is the attacker's own to hear, it heard", answered),
            Check("victims were told of their orders meanwhile", went_on),
            Check(f"it heard {foreign[:2] or 'nothing'} that is not its own", not foreign),
        )


def _foreign(raw: RawClient, env: Environment, attacker: Attacker) -> list[str]:
    """Return the subjects it heard something on that speaks of another, or that nobody sent to it."""
    public = [
        short_pattern(row, attacker.name)
        for row in subjects.TABLE
        if row.kind.value in ("event", "broadcast") and row.short
    ]
    names = {pattern.replace("*", RESOURCE) for pattern in public} | {p.replace("*", "gpu") for p in public}
    own = raw.inbox
    return [
        said.subject
        for said in raw.messages
        if said.subject not in names
        and not said.subject.startswith((own, env.report_subject(attacker, PROBE_EVENT)))
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
"""What is listened to."""

_REASON: Final = "an account hears what it imports and its own users say, nothing else; the user's list makes the refusal audible"


async def inboxes(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Listen to all inboxes, which a user may: they are its own account's."""
    before = env.answer_counts()
    async with env.connect(attacker.user) as raw:
        await raw.subscribe(raw_subject("_INBOX", ">"), 7)
        await raw.flush()
        await asyncio.sleep(LISTEN_S)
        went_on = await env.wait_for_growth(env.answer_counts, before)
        heard = len(raw.messages)
        own = await raw.request(env.report_subject(attacker, "noted"), b"{}")
    return verdict_of(
        Check("the subscription was taken", not raw.errors),
        Check("victims were answered meanwhile", went_on),
        Check(f"it heard {heard or 'none'} of the answers", not heard),
        Check("it does hear its own", own is not None),
    )


def _shared(rows: Sequence[Subject]) -> Callable[[Environment, Attacker], Awaitable[AttackVerdict]]:
    """Return the try of joining queue groups that others may be in, on the names of these subjects."""

    async def run(env: Environment, attacker: Attacker) -> AttackVerdict:
        before, groups = env.outcome_counts(), (GUESSED, QUEUE, env.victims[0].name)
        patterns = [short_pattern(row, attacker.name) for row in rows]
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
            heard = len(own.messages) + len(bare.messages)
            told = [len([e for e in raw.errors if "using queue" in e]) for raw in (own, bare)]
            await bare.subscribe(short_pattern(subjects.TICKED, attacker.name), 99)
            ticked = await bare.wait_until(lambda: bool(bare.messages))
        tried = len(patterns) * len(groups)
        return verdict_of(
            Check(f"{told} of {tried} were refused, with its lists and without", told == [tried, tried]),
            Check(f"it heard {heard or 'none'} of them", not heard),
            Check("outside of a group it hears what everybody does", ticked),
            Check("victims were told theirs", served),
        )

    return run


_BROADCASTS: Final = tuple(
    row for row in subjects.TABLE if row.short and row.kind in (SubjectKind.EVENT, SubjectKind.BROADCAST)
)
_SHARED: Final = "an agent may join no queue group: its account denies it, and so does its user's list"

ATTACKS: Final = (
    *(Attack(row.name, row.tries, _REASON, row.run) for row in ROWS),
    Attack(
        "hear_inboxes",
        "to hear every answer on every inbox",
        "inboxes are those of the account it lives in, and it lives there alone",
        inboxes,
    ),
    Attack(
        "steal_deliveries",
        "to take victims' deliveries off a queue group",
        _SHARED,
        _shared(subjects.ORDER_OUTCOME),
    ),
    Attack(
        "steal_broadcasts",
        "to take its share of ticks and prices from victims whose bots use a queue group of a name one can guess",
        _SHARED,
        _shared(_BROADCASTS),
    ),
)
"""All of them."""
