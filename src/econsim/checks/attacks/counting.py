"""Learning how much others do, in other runs too, from numbers in what an agent is told.

A stream counts the messages of all runs; whoever sees its places twice knows how many lie between.
"""

from __future__ import annotations

import json
import re
from typing import Final

from econsim import subjects
from econsim.adapters.jetstream import provision
from econsim.checks.attacks.attack import Attack
from econsim.checks.attacks.environment import RESOURCE, Attacker, Environment
from econsim.checks.attacks.orders import entry, order
from econsim.checks.attacks.verdict import AttackVerdict, Check, verdict_of
from econsim.checks.raw_client import RawMessage
from econsim.identity.agent_account import short_name

COUNTED: Final = (subjects.AUDIT, subjects.ORDERS)
"""Streams whose places are looked for: all runs write into them, and agents' messages end in them."""

CLEARED: Final = 5
"""Batches that are listened to."""

_NUMBER: Final = re.compile(rb"(?<![\w.-])\d+(?![\w.-])")
_EXPECTED: Final = b"nats-expected"


async def _places(env: Environment) -> tuple[int, ...]:
    """Return how far each stream is."""
    return tuple([(await provision.ends(env.sim, stream))[1] for stream in COUNTED])


def _told(said: RawMessage | None, before: tuple[int, ...], after: tuple[int, ...]) -> list[int]:
    """Return numbers in a message that are places which a stream gave away in the meantime."""
    numbers = {int(each) for each in _NUMBER.findall(said.headers + said.payload)} if said else set()
    return [n for n in numbers if any(low < n <= high for low, high in zip(before, after, strict=True))]


async def receipts(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Place an order, alone and in a request of several, and report; look for places in the answers."""
    execute = short_name(subjects.EXECUTE, attacker.name)
    action = {"do": "place_bid", "resource": RESOURCE, "order_id": "counted", "price": 10_000, "quantity": 1}
    asked = {
        entry(subjects.PLACE_BID): order("counting"),
        execute: json.dumps({"actions": [action]}).encode(),
        env.report_subject(attacker, "counting"): b"{}",
    }
    before = await _places(env)
    async with env.connect(attacker.user) as raw:
        answers = {subject: await raw.request(subject, body) for subject, body in asked.items()}
        again = await raw.request(entry(subjects.PLACE_BID), order("counting"))
        after = await _places(env)
    first = answers[entry(subjects.PLACE_BID)]
    told = {subject: found for subject, said in answers.items() if (found := _told(said, before, after))}
    served = all(said is not None and b'"error"' not in said.payload for said in answers.values())
    return verdict_of(
        Check("each was answered", served),
        Check(
            "others wrote into the streams meanwhile", all(a > b for a, b in zip(after, before, strict=True))
        ),
        Check(f"{told or 'no answer'} told a place in a stream", not told),
        Check("the same order has the same number", _seq(first) is not None and _seq(first) == _seq(again)),
    )


def _seq(said: RawMessage | None) -> object:
    return json.loads(said.payload).get("seq") if said and said.payload else None


async def summaries(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Hear the end of every batch, and look for places in headers and content."""
    name = short_name(subjects.PUBLIC_SUMMARY, attacker.name, resource=RESOURCE)
    before = await _places(env)
    async with env.connect(await env.powers.unrestricted_user(attacker.name)) as raw:
        await raw.subscribe(name, 7)
        enough = await raw.wait_until(lambda: len(raw.messages) >= CLEARED)
        heard = list(raw.messages)
    data = [json.loads(said.payload)["data"] for said in heard]
    fenced = [said for said in heard if _EXPECTED in said.headers.lower()]
    return verdict_of(
        Check(f"it heard {len(heard)} ends of a batch", enough),
        Check("others traded meanwhile", any(a > b for a, b in zip(await _places(env), before, strict=True))),
        Check(f"{len(fenced) or 'none'} bore the place the log was to be at", not fenced),
        Check("none told a place in the queue", not any(each.get("last_sequence") for each in data)),
    )


ATTACKS: Final = (
    Attack(
        "count_receipts",
        "to count other runs' orders by the numbers of its own receipts",
        "the number of a receipt is made of the message's id, not of its place",
        receipts,
    ),
    Attack(
        "count_summaries",
        "to count other runs' orders by what it hears of the end of a batch",
        "agents are told a copy without places, and without the headers of the event",
        summaries,
    ),
)
"""All of them."""
