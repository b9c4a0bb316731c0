"""Calls of models that nobody would pay for: at others' cost, twice at one position, or beyond the caller's money."""

from __future__ import annotations

import asyncio
import json
from typing import Final

from econsim import subjects
from econsim.checks.attacks.attack import Attack
from econsim.checks.attacks.environment import Attacker, Environment, refusal_code
from econsim.checks.attacks.verdict import AttackVerdict, Check, verdict_of
from econsim.checks.raw_client import RawClient, RawMessage

CALLS: Final = 1_000
"""Calls at once, each of which may cost all that the caller has."""

CALLS_PER_CONNECTION: Final = 250
"""Calls of one connection: four are allowed."""

ORDINALS: Final = 64
"""Positions in one cycle."""

_REFUSED: Final = frozenset(
    {
        "message_is_invalid",
        "agent_id_does_not_match_subject",
        "publish_rate_is_exceeded",
        "sender_is_not_allowed",
    }
)


def thought(text: str = "Think.", max_tokens: int = 16, **more: object) -> bytes:
    """Return the body of a call; `more` adds or replaces fields."""
    messages = [{"role": "user", "content": text}]
    return json.dumps({"messages": messages, "max_tokens": max_tokens} | more).encode()


async def think_at_anothers_cost(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Ask under a victim's name, receipt and position, and as its host."""
    victim = env.victims[0].name
    forged = (
        {"agent_id": victim},
        {"agent": victim, "cycle": 1, "ordinal": 1},
        {"receipt": f"llm.{victim}.1.1"},
        {"position": [victim, 1, 1]},
        {"price": 0},
        {"cycle": f"1.{victim}"},
    )
    async with env.connect(attacker.user) as raw:
        answers = [await raw.request(subjects.INVOKE_LLM.short, thought(**fields)) for fields in forged]
        hosted = await raw.request(subjects.INVOKE_LLMS(run=env.run, agent="host_1"), thought())
    codes = {refusal_code(answer) for answer in answers}
    own = f'"llm.{attacker.name}.'.encode()
    return verdict_of(
        Check(f"{len(answers)} were refused, as {', '.join(sorted(codes))}", codes <= _REFUSED),
        Check(
            "nobody answers a host's batch from an agent", refusal_code(hosted) in {"silence", "nobody_there"}
        ),
        Check("no receipt in an answer is another's", all(own in a.payload for a in _answers_among(answers))),
    )


async def think_twice_at_one_position(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Ask two prompts at one position at the same moment."""
    async with env.connect(attacker.user) as one, env.connect(attacker.user) as other:
        answers = await asyncio.gather(
            *(
                raw.request(subjects.INVOKE_LLM.short, thought(text, cycle=0, ordinal=ORDINALS))
                for raw, text in ((one, "first"), (other, "second"))
            )
        )
        repeated = await one.request(subjects.INVOKE_LLM.short, thought("third", cycle=0, ordinal=ORDINALS))
    codes = sorted(refusal_code(answer) for answer in (*answers, repeated))
    return verdict_of(
        Check(f"one prompt was answered: {', '.join(codes)}", len(_answers_among(answers)) == 1),
        Check("no other prompt was answered at its position later", not _answers_among([repeated])),
    )


async def think_beyond_the_balance(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Ask a thousand times at once for the dearest answer there is."""
    before = await env.balance(attacker.name)
    body = thought(max_tokens=60_000)

    async def ask(number: int) -> int:
        async with env.connect(attacker.user) as raw:
            await raw.send(b"".join(_frame(raw, n, body) for n in range(CALLS_PER_CONNECTION)))
            await raw.flush()
            answers = [await raw.request(subjects.INVOKE_LLM.short, body) for _ in range(2)]
        return number if answers else 0

    await asyncio.gather(*(ask(number) for number in range(CALLS // CALLS_PER_CONNECTION)))
    after = await env.balance(attacker.name)
    owned, left = _credits(before), _credits(after)
    return verdict_of(
        Check(f"of {owned} micro-credits {left} are left, and none is owed", 0 <= left <= owned),
        Check("the attacker has no debt", not after.get("debt")),
        Check("the victims are answered", await env.wait_for_growth(env.answer_counts, env.answer_counts())),
    )


def _frame(raw: RawClient, number: int, body: bytes) -> bytes:
    reply = f"{raw.inbox}.flood{number}"
    return f"PUB {subjects.INVOKE_LLM.short} {reply} {len(body)}\r\n".encode() + body + b"\r\n"


def _credits(balance: dict[str, object]) -> int:
    found = balance.get("posted", 0)
    return found if isinstance(found, int) else 0


def _answers_among(answers: list[RawMessage | None]) -> list[RawMessage]:
    return [
        answer
        for answer in answers
        if answer is not None and b'"receipt":"llm.' in answer.payload and b'"content"' in answer.payload
    ]


ATTACKS: Final = (
    Attack(
        "think_at_anothers_cost",
        "to have a victim pay for a call of a model",
        "the payer is the subject's last token, which the server writes, and receipts are derived from it",
        think_at_anothers_cost,
    ),
    Attack(
        "think_twice_at_one_position",
        "to get two answers for the price of one, by two prompts at one position",
        "a position has one prompt, and its digest is compared at every repeat",
        think_twice_at_one_position,
    ),
    Attack(
        "think_beyond_the_balance",
        "to think more than it can pay, by a thousand calls at once",
        "the ledger reserves the worst case of each call before a model is asked",
        think_beyond_the_balance,
        loud=True,
    ),
)
"""Attacks on the cognition service."""
