"""Floods: far more messages than a rate limit allows, at once.

The rate gate drops them as they arrive, and the attacker's account is revoked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from econsim import subjects
from econsim.checks.attacks.attack import Attack, AttackFunction
from econsim.checks.attacks.environment import Attacker, Environment
from econsim.checks.attacks.orders import entry
from econsim.checks.attacks.verdict import AttackVerdict, Check, verdict_of
from econsim.checks.raw_client import publish_frame

FLOOD: Final = 20_000
"""Messages of a flood: ten times the number a service reads in a second."""

BURSTS: Final = 20
"""Bursts in which a flood is sent."""

SERVED_MIN: Final = 6
"""Requests of each victim that must be answered while a flood goes on or is processed."""


async def _flood(env: Environment, attacker: Attacker, subject: str, reply: str = "") -> tuple[bool, bool]:
    """Send a flood; return whether the account was revoked, and whether the connection ended."""
    async with env.connect(attacker.user) as raw:
        burst = publish_frame(subject, b"{}", reply) * (FLOOD // BURSTS)
        for _ in range(BURSTS):
            await raw.send(burst)
            await asyncio.sleep(0)
        revoked = await env.sniffer.wait_until(lambda: env.powers.is_revoked(attacker.name))
        await raw.wait_until(lambda: raw.closed)
        return revoked, raw.closed


def _flood_attack(subject: Callable[[Environment, Attacker], str], reply: str) -> AttackFunction:
    async def run(env: Environment, attacker: Attacker) -> AttackVerdict:
        before = env.answer_counts()
        refused = sum(external.phase.refused for external in env.victims)
        revoked, closed = await _flood(env, attacker, subject(env, attacker), reply)
        # Messages that arrived before the revocation are still processed, so victims may wait for a moment.
        served = await env.wait_for_growth(env.answer_counts, before, SERVED_MIN)
        return verdict_of(
            Check("its account was revoked", revoked),
            Check("its connection ended", closed),
            Check("victims were served meanwhile", served),
            Check(
                "no victim was refused anything",
                refused == sum(external.phase.refused for external in env.victims),
            ),
        )

    return run


async def reading_flood(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Read the attacker's own balance as fast as the server answers: no service sees it."""
    before = env.answer_counts()
    async with env.connect(attacker.user) as raw:
        await raw.subscribe("_INBOX.all", 5)
        raw.keep = lambda _: False
        await raw.send(publish_frame("state.balance", b"", "_INBOX.all") * FLOOD)
        read = await raw.flush()
    served = await env.wait_for_growth(env.answer_counts, before, SERVED_MIN)
    refused = [external.name for external in env.victims if external.phase.refused]
    return verdict_of(
        Check(f"the server took all {FLOOD} readings in", read),
        Check("victims were served meanwhile", served),
        Check(f"{refused or 'no victim'} was refused anything", not refused),
    )


_GATE: Final = "messages far above the rate limit are dropped as they arrive, and the account is revoked"
_INBOX: Final = "_INBOX.flood"

_FLOODS: Final[tuple[tuple[str, str, AttackFunction], ...]] = (
    (
        "flood_reports",
        "to overload the admission gateway",
        _flood_attack(lambda env, attacker: env.report_subject(attacker, "noise"), ""),
    ),
    (
        "flood_orders",
        "to overload the market",
        _flood_attack(lambda _, __: entry(subjects.PLACE_BID), _INBOX),
    ),
    (
        "flood_requests",
        "to overload the ledger with requests",
        _flood_attack(lambda _, __: subjects.GET_BALANCE.short, _INBOX),
    ),
    (
        "flood_silent",
        "to overload the market with requests that nobody answers",
        _flood_attack(lambda _, __: subjects.EXECUTE.short, ""),
    ),
    (
        "flood_social",
        "to overload the social service with requests for what it reads",
        _flood_attack(lambda _, __: subjects.READ_SOCIAL.short, _INBOX),
    ),
)

ATTACKS: Final = (
    *(Attack(name, tries, _GATE, run, loud=True) for name, tries, run in _FLOODS),
    Attack(
        "flood_readings",
        "to overload the server with readings of its own balance",
        "a reading costs the server microseconds, and reaches no service",
        reading_flood,
        loud=True,
    ),
)
"""Attacks that flood a service or the server."""
