"""Learning how much others do, also in other runs, from numbers in an agent's messages.

A stream numbers the messages of all runs: two sequence numbers tell how many messages lie between them.
"""

from __future__ import annotations

import json
import re
from typing import Final

from econsim import subjects
from econsim.adapters.jetstream import provision
from econsim.checks.attacks.attack import Attack
from econsim.checks.attacks.environment import RESOURCE, Attacker, Environment
from econsim.checks.attacks.orders import bid_action, entry, execution, order
from econsim.checks.attacks.verdict import AttackVerdict, Check, verdict_of
from econsim.checks.raw_client import RawMessage
from econsim.identity.agent_account import short_name

COUNTED: Final = (subjects.AUDIT, subjects.ORDERS)
"""Streams with sequence numbers to be hidden: all runs write into them, and agents' messages end in them."""

CLEARED: Final = 5
"""Ends of batches that the attack waits for."""

_NUMBER: Final = re.compile(rb"(?<![\w.-])\d+(?![\w.-])")
_EXPECTED: Final = b"nats-expected"


async def _sequences(env: Environment) -> tuple[int, ...]:
    """Return the newest sequence number of each stream."""
    return tuple([(await provision.ends(env.sim, stream))[1] for stream in COUNTED])


def _leaked_sequences(
    message: RawMessage | None, before: tuple[int, ...], after: tuple[int, ...]
) -> list[int]:
    """Return the numbers in a message that are sequence numbers a stream gave in the meantime."""
    numbers = {int(each) for each in _NUMBER.findall(message.headers + message.payload)} if message else set()
    return [n for n in numbers if any(low < n <= high for low, high in zip(before, after, strict=True))]


async def receipts(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Place an order alone and as an action, and report; look for sequence numbers in the answers."""
    execute = short_name(subjects.EXECUTE, attacker.name)
    asked = {
        entry(subjects.PLACE_BID): order("counting"),
        execute: execution(bid_action("counted")),
        env.report_subject(attacker, "counting"): b"{}",
    }
    before = await _sequences(env)
    async with env.connect(attacker.user) as raw:
        answers = {subject: await raw.request(subject, body) for subject, body in asked.items()}
        again = await raw.request(entry(subjects.PLACE_BID), order("counting"))
        after = await _sequences(env)
    first = answers[entry(subjects.PLACE_BID)]
    leaked = {
        subject: found
        for subject, message in answers.items()
        if (found := _leaked_sequences(message, before, after))
    }
    served = all(message is not None and b'"error"' not in message.payload for message in answers.values())
    return verdict_of(
        Check("each was answered", served),
        Check(
            "others wrote into the streams meanwhile", all(a > b for a, b in zip(after, before, strict=True))
        ),
        Check(f"{leaked or 'no answer'} held a sequence number of a stream", not leaked),
        Check("the same order has the same number", _seq(first) is not None and _seq(first) == _seq(again)),
    )


def _seq(message: RawMessage | None) -> object:
    return json.loads(message.payload).get("seq") if message and message.payload else None


async def summaries(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Receive the end of five batches; look for sequence numbers in headers and bodies."""
    name = short_name(subjects.PUBLIC_SUMMARY, attacker.name, resource=RESOURCE)
    before = await _sequences(env)
    async with env.connect(await env.powers.unrestricted_user(attacker.name)) as raw:
        await raw.subscribe(name, 7)
        enough = await raw.wait_until(lambda: len(raw.messages) >= CLEARED)
        received = list(raw.messages)
    data = [json.loads(message.payload)["data"] for message in received]
    fenced = [message for message in received if _EXPECTED in message.headers.lower()]
    return verdict_of(
        Check(f"it received {len(received)} ends of a batch", enough),
        Check(
            "others traded meanwhile", any(a > b for a, b in zip(await _sequences(env), before, strict=True))
        ),
        Check(f"{len(fenced) or 'none'} held the sequence expected of the log", not fenced),
        Check("none held a sequence of the queue", not any(each.get("last_sequence") for each in data)),
    )


ATTACKS: Final = (
    Attack(
        "count_receipts",
        "to count other runs' orders by the numbers of its own receipts",
        "the number of a receipt is derived from the message's id, not from its position",
        receipts,
    ),
    Attack(
        "count_summaries",
        "to count other runs' orders by the events that end a batch",
        "agents receive a copy without sequence numbers and without the headers of the event",
        summaries,
    ),
)
"""Attacks that count messages of others."""
