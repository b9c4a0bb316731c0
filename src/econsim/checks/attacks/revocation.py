"""Access after a revocation: open connections, old credentials, and a connection made at the same moment."""

from __future__ import annotations

import asyncio
from typing import Final

from econsim import subjects
from econsim.checks.attacks.attack import Attack
from econsim.checks.attacks.environment import Attacker, Environment
from econsim.checks.attacks.orders import entry, order
from econsim.checks.attacks.verdict import AttackVerdict, Check, verdict_of
from econsim.checks.raw_client import dial, publish_frame
from econsim.identity.agent_account import short_pattern


async def keep_connection(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Stay connected after the revocation, and go on publishing."""
    async with env.connect(attacker.user) as raw, env.connect(attacker.user) as other:
        await raw.subscribe(short_pattern(subjects.PRICE_UPDATED, attacker.name))
        await raw.flush()
        await env.powers.revoke(attacker.name)
        ended = [await each.wait_until_closed() for each in (raw, other)]
        env.sniffer.forget(attacker.name)
        received = len(raw.messages)
        await raw.send(publish_frame(env.report_subject(attacker, "late"), b"{}") * 10)
        await raw.send(publish_frame(entry(subjects.PLACE_BID), order("late")))
        await asyncio.sleep(1.0)
    return verdict_of(
        Check(f"{sum(ended)} of 2 connections ended", all(ended)),
        env.unseen_check(attacker, subjects.REPORT.pattern(), env.queued_bid(attacker)),
        Check(f"it received {len(raw.messages) - received} prices more", len(raw.messages) == received),
    )


async def reconnect(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Connect with the revoked credentials, at once and later."""
    async with dial(env.url) as client:
        before = await client.connect(attacker.user)
    await env.powers.revoke(attacker.name)
    tries = []
    for pause_s in (0.0, 0.2, 1.0):
        await asyncio.sleep(pause_s)
        async with dial(env.url) as client:
            tries.append(await client.connect(attacker.user))
    return verdict_of(
        Check("before, it was accepted", before),
        Check(f"after, {sum(tries) or 'none'} of {len(tries)} tries were accepted", not any(tries)),
    )


async def use_old_credentials(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Get new credentials after the revocation, and use the old ones beside them."""
    await env.powers.revoke(attacker.name)
    new = await env.powers.unrestricted_user(attacker.name)
    async with dial(env.url) as client:
        fresh = await client.connect(new)
    async with dial(env.url) as client:
        old = await client.connect(attacker.user)
    return verdict_of(
        Check("the new credentials are accepted", fresh), Check("the old ones are refused", not old)
    )


async def connect_while_revoked(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Connect while the account is revoked, on a connection that waits for its CONNECT."""
    async with dial(env.url) as early:
        revoking = asyncio.create_task(env.powers.revoke(attacker.name))
        accepted = await early.connect(attacker.user)
        await revoking
        ended = await early.wait_until_closed()
    async with dial(env.url) as late:
        again = await late.connect(attacker.user)
    return verdict_of(
        Check(f"the connection of that moment ended (accepted: {accepted})", ended),
        Check("a later connection was refused", not again),
    )


_REASON: Final = "the account is deleted: the server ends its connections and refuses new ones; the key that signed its user is deleted"

ATTACKS: Final = (
    Attack(
        "revoked_connection",
        "to go on with open connections after the revocation",
        _REASON,
        keep_connection,
    ),
    Attack("revoked_credentials", "to connect again with the same credentials", _REASON, reconnect),
    Attack(
        "revoked_and_readmitted",
        "to use its old credentials after it was admitted again",
        "a readmitted agent gets another account, with other keys",
        use_old_credentials,
    ),
    Attack(
        "revoked_in_the_moment",
        "to connect while its account is being revoked",
        _REASON,
        connect_while_revoked,
    ),
)
"""Attacks after a revocation."""
