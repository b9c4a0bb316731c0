"""Calls of tools that nobody would pay for, and ways around the gateway: to the queue, the cache, the outcomes, the servers.

With a tool server `lab` that has a tool `echo` the calls reach it; without one they are refused, and the rest holds all the same.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

from econsim import subjects
from econsim.checks.attacks.attack import Attack
from econsim.checks.attacks.environment import RESOURCE, Attacker, Environment, refusal_code
from econsim.checks.attacks.verdict import AttackVerdict, Check, verdict_of
from econsim.checks.raw_client import RawClient, RawMessage
from econsim.domain.mcp.request import RECEIPT

SERVER: Final = "lab"
"""Tool server that is called."""

CALLS: Final = 200
"""Calls at once, each of which costs a part of what the caller has."""

IMPATIENT: Final = 20
"""Calls with a deadline of one millisecond: four times as many failures as open a breaker."""

WAIT_S: Final = 0.5
"""Seconds in which a forged message would arrive."""

_CALL: Final = subjects.ENTER_TOOL_CALL.short.format(server=SERVER)
_REPLIED: Final = subjects.TOOL_REPLIED.short.format(server=SERVER)
_LISTED: Final = subjects.LIST_TOOLS.short
_RESULT: Final = subjects.GET_RESULT.short
_ADMITTED: Final = frozenset({"admitted", "publish_rate_is_exceeded"})
_FORGED: Final = frozenset(
    {
        "agent_id_does_not_match_subject",
        "correlation_id_does_not_match_subject",
        "server_does_not_match_subject",
        "message_is_invalid",
        "publish_rate_is_exceeded",
    }
)


def tool_call(id_: str, text: str = "hello", more: Mapping[str, object] | None = None) -> bytes:
    """Return the body of a call; `more` adds or replaces fields."""
    return json.dumps({"msg_id": id_, "tool": "echo", "params": {"text": text}} | dict(more or {})).encode()


async def call_at_anothers_cost(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Call under a victim's name, run and receipt."""
    victim = env.victims[0].name
    forged: tuple[dict[str, object], ...] = (
        {"agent_id": victim},
        {"correlation_id": env.other_run},
        {"server": "other"},
        {"receipt": f"{RECEIPT}.{victim}.1"},
        {"price": 0},
        {"agent": victim},
    )
    async with env.connect(attacker.user) as raw:
        answers = [await raw.request(_CALL, tool_call("forged", more=fields)) for fields in forged]
        direct = await raw.request(
            subjects.CALL_TOOL(server=SERVER, run=env.run, agent=victim), tool_call("direct")
        )
    codes = {refusal_code(answer) for answer in answers}
    return verdict_of(
        Check(f"{len(answers)} were refused, as {', '.join(sorted(codes))}", codes <= _FORGED),
        Check(
            "nobody takes a call from outside the gateway",
            refusal_code(direct) in {"silence", "nobody_there"},
        ),
    )


async def steer_a_reply(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Name reply subjects at which the gateway may write and the attacker may not."""
    victim = env.victims[0].name
    targets = (
        subjects.TOOL_REPLIED(server=SERVER, run=env.run, agent=victim),
        subjects.PLACE_BID(resource=RESOURCE, run=env.run, agent=victim),
        subjects.SUBMIT(run=env.run, agent="mcp"),
        subjects.TOOL_COMPLETED(server=SERVER, run=env.run),
        "$KV.mcp_outcomes.x",
    )
    env.sniffer.forget(attacker.name)
    async with env.connect(attacker.user) as raw:
        answers = [
            await raw.request(_CALL, tool_call("steered", more={"reply_subject": each})) for each in targets
        ]
    await env.sniffer.wait_until(lambda: bool(env.sniffer.messages_about(attacker.name, *targets)), WAIT_S)
    codes = {refusal_code(answer) for answer in answers}
    return verdict_of(
        Check(
            f"every reply subject was refused, as {', '.join(sorted(codes))}",
            codes <= {"reply_subject_is_foreign", "publish_rate_is_exceeded"},
        ),
        env.unseen_check(attacker, *targets),
    )


async def call_twice_for_one_price(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Make two calls under one id at the same moment."""
    async with env.connect(attacker.user) as one, env.connect(attacker.user) as other:
        await asyncio.gather(
            *(raw.request(_CALL, tool_call("twice", text)) for raw, text in ((one, "one"), (other, "two")))
        )
        first = await _outcome(one, "twice")
        await one.request(_CALL, tool_call("twice", "three"))
        again = await _outcome(one, "twice")
    return verdict_of(
        Check("the id has one outcome, before and after", first == again),
        Check("its receipt is the attacker's", not first or attacker.name in first.get("receipt", "")),
    )


async def call_beyond_the_balance(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Make hundreds of calls at once."""
    before = _credits(await env.balance(attacker.name))
    async with env.connect(attacker.user) as raw:
        for number in range(CALLS):
            await raw.publish(_CALL, tool_call(f"many{number}"), f"{raw.inbox}.many")
        await raw.flush()
        await _outcome(raw, f"many{CALLS - 1}")
    after = await env.balance(attacker.name)
    return verdict_of(
        Check(f"of {before} micro-credits {_credits(after)} are left", 0 <= _credits(after) <= before),
        Check("the attacker has no debt", not after.get("debt")),
        Check("the victims are answered", await env.wait_for_growth(env.answer_counts, env.answer_counts())),
    )


async def read_anothers_outcome(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Ask for outcomes under a victim's ids, receipts and keys."""
    victim = env.victims[0].name
    ids = ("twice", f"{victim}.twice", f"{RECEIPT}.{victim}.twice", "*", ">")
    async with env.connect(attacker.user) as raw:
        answers = [await raw.request(_RESULT, json.dumps({"msg_id": each}).encode()) for each in ids]
        named = await raw.request(_RESULT, json.dumps({"msg_id": "twice", "agent_id": victim}).encode())
        keys = await raw.request(
            "$JS.API.DIRECT.GET.KV_mcp_outcomes", json.dumps({"last_by_subj": "$KV.mcp_outcomes.>"}).encode()
        )
    found = [
        answer
        for answer in answers
        if answer and victim.encode() in answer.payload and b'"price"' in answer.payload
    ]
    return verdict_of(
        Check("no outcome of a victim came", not found),
        Check("a victim's name was refused", refusal_code(named) != "admitted"),
        Check("the bucket is out of reach", refusal_code(keys) in {"silence", "nobody_there"}),
    )


async def forge_outcomes(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Write outcomes, kept results, breakers, events and replies oneself."""
    victim = env.victims[0].name
    targets = (
        f"$KV.mcp_outcomes.{env.run}.{victim}.x",
        "$KV.mcp_cache.x",
        f"$KV.mcp_servers.{SERVER}",
        subjects.TOOL_COMPLETED(server=SERVER, run=env.run),
        subjects.TOOL_REPLIED(server=SERVER, run=env.run, agent=victim),
        _REPLIED,
    )
    env.sniffer.forget(attacker.name)
    async with env.connect(await env.powers.unrestricted_user(attacker.name)) as raw:
        for target in targets:
            await raw.publish(target, json.dumps({"by": attacker.name}).encode())
        settled = await env.wait_until_processed(raw, attacker)
    return verdict_of(
        Check(f"a report after {len(targets)} forgeries was stored", settled),
        env.unseen_check(attacker, *targets[:-1]),
    )


async def take_calls_off_the_queue(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Ask JetStream for the calls of others, for a consumer of one's own, and acknowledge what is another's."""
    requests = (
        ("$JS.API.CONSUMER.MSG.NEXT.mcp_requests.mcp_workers", b'{"batch":100}'),
        ("$JS.API.CONSUMER.CREATE.mcp_requests.thief", b'{"stream_name":"mcp_requests","config":{}}'),
        ("$JS.API.STREAM.MSG.GET.mcp_requests", b'{"seq":1}'),
        ("$JS.ACK.mcp_requests.mcp_workers.1.1.1.1.0", b"+ACK"),
    )
    async with env.connect(await env.powers.unrestricted_user(attacker.name)) as raw:
        answers = [await raw.request(subject, body) for subject, body in requests]
    codes = {refusal_code(answer) for answer in answers}
    # The server itself may answer that the account has no JetStream.
    return verdict_of(
        Check(f"nobody answers: {', '.join(sorted(codes))}", codes <= {"silence", "nobody_there", "503"})
    )


async def break_the_gateway(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Send arguments that no parser likes, and see whether the gateway still answers."""
    deep = b'{"msg_id":"deep","tool":"echo","params":' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}"
    bodies = (
        deep,
        b'{"msg_id":"nan","tool":"echo","params":{"text":NaN}}',
        b'{"msg_id":"big","tool":"echo","params":{"text":' + b"9" * 5_000 + b"}}",
        b'{"msg_id":"nul","tool":"echo\\u0000","params":{}}',
        b'{"msg_id":"half","tool":"echo","params":{"text":"\\ud800"}}',
        b'{"msg_id":"long","tool":"echo","params":{"text":"' + b"x" * 20_000 + b'"}}',
        b"[]",
        b"\xff\xfe",
    )
    async with env.connect(attacker.user) as raw:
        answers = [await raw.request(_CALL, body) for body in bodies]
        alive = await raw.request(_LISTED, b"{}")
    return verdict_of(
        Check("each was answered", all(answer is not None for answer in answers)),
        Check("the gateway still answers", alive is not None and b'"tools"' in alive.payload),
    )


async def close_a_server_to_others(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Make calls that cannot end in time, as many as would open a breaker if they counted."""
    async with env.connect(attacker.user) as raw:
        for number in range(IMPATIENT):
            await raw.request(_CALL, tool_call(f"impatient{number}", more={"timeout_ms": 1}))
        admitted = await raw.request(_CALL, tool_call("patient"))
        patient = await _outcome(raw, "patient")
    code = ((patient or {}).get("error") or {}).get("code")
    return verdict_of(
        Check("a patient call was admitted", refusal_code(admitted) in _ADMITTED),
        Check(f"the server was not left alone ({code})", code != "tool_server_is_resting"),
    )


async def _outcome(raw: RawClient, id_: str) -> dict[str, Any]:
    """Return the stored outcome of a call, empty if there is none after a while."""
    for _ in range(10):
        answer: RawMessage | None = await raw.request(_RESULT, json.dumps({"msg_id": id_}).encode())
        if answer is not None and f'"receipt":"{RECEIPT}.'.encode() in answer.payload:
            found: dict[str, Any] = json.loads(answer.payload)
            return found
        await asyncio.sleep(0.2)
    return {}


def _credits(balance: dict[str, object]) -> int:
    found = balance.get("posted", 0)
    return found if isinstance(found, int) else 0


ATTACKS: Final = (
    Attack(
        "call_at_anothers_cost",
        "to have a victim pay for a call of a tool",
        "the payer is the subject's last token, which the server writes",
        call_at_anothers_cost,
    ),
    Attack(
        "steer_a_reply",
        "to have the gateway write where only services may, by `reply_subject`",
        "replies go to the agent's own delivery subject alone",
        steer_a_reply,
    ),
    Attack(
        "call_twice_for_one_price",
        "to get two results for the price of one, by two calls under one id",
        "an id has one stored outcome, and its digest is compared at every repeat",
        call_twice_for_one_price,
    ),
    Attack(
        "call_beyond_the_balance",
        "to call more than it can pay, by hundreds of calls at once",
        "the ledger reserves the price of each call before a server is asked",
        call_beyond_the_balance,
        loud=True,
    ),
    Attack(
        "read_anothers_outcome",
        "to read the result that a victim paid for",
        "an outcome is found by run and agent of the subject, and its bucket is not imported",
        read_anothers_outcome,
    ),
    Attack(
        "forge_outcomes",
        "to write outcomes, kept results, breakers and replies itself",
        "an account imports none of these subjects",
        forge_outcomes,
    ),
    Attack(
        "take_calls_off_the_queue",
        "to take, read or acknowledge calls of others",
        "an account imports nothing of JetStream's API but its own keys",
        take_calls_off_the_queue,
    ),
    Attack(
        "break_the_gateway",
        "to stop the gateway by arguments that no parser likes",
        "sizes, levels and texts are checked before anything else, and a message that cannot be handled ends alone",
        break_the_gateway,
    ),
    Attack(
        "close_a_server_to_others",
        "to close a tool server to everybody by calls without patience",
        "time-outs of short deadlines do not count for the breaker",
        close_a_server_to_others,
    ),
)
"""Attacks on calls of tools."""
