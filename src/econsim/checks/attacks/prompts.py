"""Prompts of the Synadia Agent Protocol in another agent's account: to take them, to answer them, to pass for its host."""

from __future__ import annotations

import json
from typing import Final

from econsim.checks.attacks.attack import Attack
from econsim.checks.attacks.environment import Attacker, Environment
from econsim.checks.attacks.verdict import AttackVerdict, Check, raw_subject, verdict_of

HOST: Final = raw_subject("agents", "prompt", "claude-code", "ana", "desk")
"""Subject on which a host takes prompts."""

DISCOVERY: Final = "$SRV.INFO.agents"
"""Subject on which hosts are looked for."""

INBOX: Final = "_INBOX.agents.guessed"
"""Inbox of the protocol's SDKs; its last token could be guessed."""

GROUP: Final = "agents"
"""Queue group of hosts."""


async def take_prompts(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Wait as a host of every name, in the hosts' queue group, while a victim looks for hosts and prompts its own."""
    async with env.connect(attacker.user) as thief, env.connect(env.bystander) as victim:
        for number, subject in enumerate((raw_subject("agents", ">"), DISCOVERY), 1):
            await thief.subscribe(subject, number, GROUP)
            await thief.subscribe(subject, number + 10)
        await victim.subscribe(HOST, 1, GROUP)
        await thief.flush()
        await victim.flush()
        await victim.publish(HOST, b'{"prompt": "buy"}', INBOX)
        await victim.publish(DISCOVERY, b"", INBOX)
        arrived = await victim.wait_until(lambda: bool(victim.messages))
        await thief.flush()
        stolen = len(thief.messages)
    return verdict_of(
        Check("the subscriptions were taken: they are those of the attacker's own account", not thief.errors),
        Check("the victim's host received the prompt", arrived),
        Check(f"the attacker received {stolen or 'none'} of them", not stolen),
    )


async def answer_for_a_host(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Answer a victim's prompts and its search for hosts, in its inbox."""
    info = json.dumps({"name": "agents", "id": "forged", "endpoints": [{"name": "prompt", "subject": HOST}]})
    chunk = b'{"type": "response", "data": "sell everything"}'
    async with env.connect(attacker.user) as forger, env.connect(env.bystander) as victim:
        await victim.subscribe(raw_subject("_INBOX", "agents", ">"), 1)
        await victim.flush()
        for payload in (info.encode(), chunk, b""):
            await forger.publish(INBOX, payload)
        await forger.flush()
        await victim.publish(INBOX, b"own")
        arrived = await victim.wait_until(lambda: bool(victim.messages))
        payloads = {message.payload for message in victim.messages}
    return verdict_of(
        Check("the victim received what its own program sent", arrived),
        Check("and nothing of the attacker's", payloads == {b"own"}),
    )


_REASON: Final = "these subjects are neither imported nor exported: each account has its own"

ATTACKS: Final = (
    Attack("prompt_take", "to take a victim's prompts in its host's stead", _REASON, take_prompts),
    Attack("prompt_answer", "to answer a victim's prompts in its host's stead", _REASON, answer_for_a_host),
)
"""Attacks on prompts."""
