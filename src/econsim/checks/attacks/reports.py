"""Reports of an agent about itself that imitate other events, or that exhaust a reader."""

from __future__ import annotations

import json
from typing import Final

from econsim import subjects
from econsim.adapters.poll import Poll
from econsim.checks.attacks.attack import Attack
from econsim.checks.attacks.environment import Attacker, Environment, refusal_code, stored_json
from econsim.checks.attacks.verdict import AttackVerdict, Check, verdict_of
from econsim.checks.raw_client import RawMessage
from econsim.domain.audit.decoding import decode

LATER: Final = 10**9
"""Tick that the run does not reach."""

TICK_S: Final = 15.0
"""Limit of the wait for the next tick: a tick takes a fifth of a second."""

POLL_INTERVAL_S: Final = 0.2
"""Pause between two looks at the newest tick."""

IMITATED: Final = (
    "closed",
    "run_closed",
    "opened",
    "ticked",
    "period_closed",
    "transfer_posted",
    "transfer_refused",
    "trade_executed",
    "bid_accepted",
    "order_cancelled",
    "price_updated",
    "tick_cleared",
    "invoked",
    "cognitive_cycles_completed",
    "resource_allocated",
    "rejected",
    "suspended",
    "commanded",
    "changed",
    "buried",
    "place_orders",
    "close_tick",
    "submit",
    "set",
    "retry",
)
"""Names of events and commands of others."""


async def imitate_events(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Report under the names of the system's events."""
    async with env.connect(attacker.user) as raw:
        answers = [
            await raw.request(env.report_subject(attacker, name), b'{"data":{"items":[],"ticks":1}}')
            for name in IMITATED
        ]
    stored = [await env.newest_report(attacker, name) for name in IMITATED]
    events = [json.loads(found.data or b"{}") for found in stored if found]
    closed = await env.newest_message(subjects.AUDIT, subjects.RUN_CLOSED(run=env.run))
    kinds = {
        type(decode(found.subject or "", found.data or b"").event.data).__name__ for found in stored if found
    }
    return verdict_of(
        Check(
            f"{len(events)} of {len(IMITATED)} were admitted ({_codes(answers)}), all of domain agent and its own",
            bool(events)
            and all(e["type"].split(".")[0] == "agent" and e["actor"] == attacker.name for e in events),
        ),
        Check(f"readers take them for {', '.join(sorted(kinds))}", kinds == {"Reported"}),
        Check("the run goes on", closed is None),
    )


def _codes(answers: list[RawMessage | None]) -> str:
    return ", ".join(sorted({refusal_code(answer) for answer in answers}))


async def forge_fields(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Name another actor, agent or run in the message."""
    victim = env.victims[0].name
    tried = {
        "agent_id": (victim, "agent_id_does_not_match_subject"),
        "correlation_id": (env.other_run, "correlation_id_does_not_match_subject"),
        "actor": (victim, "message_is_invalid"),
        "type": (subjects.TRADE_EXECUTED.type, "message_is_invalid"),
        "occurred_at": ("2000-01-01T00:00:00Z", "message_is_invalid"),
        "schema_version": (2, "message_is_invalid"),
    }
    async with env.connect(attacker.user) as raw:
        found = {
            name: refusal_code(
                await raw.request(env.report_subject(attacker, "forged"), json.dumps({name: value}).encode())
            )
            for name, (value, _) in tried.items()
        }
    stored = await env.newest_report(attacker, "forged")
    return verdict_of(
        Check(
            f"each was refused: {', '.join(sorted(set(found.values())))}",
            all(found[name] == code for name, (_, code) in tried.items()),
        ),
        Check("nothing of it is in the log", stored is None),
    )


async def borrow_ids(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Use the id of a victim's event as the report's id and as its cause."""
    victim = stored_json(await env.newest_message(subjects.AUDIT, subjects.TICKED(run=env.run)))
    body = {"event_id": victim["event_id"], "causation_id": victim["event_id"], "trace_id": "0" * 32}
    async with env.connect(attacker.user) as raw:
        code = refusal_code(
            await raw.request(env.report_subject(attacker, "borrowed"), json.dumps(body).encode())
        )
    event = stored_json(await env.newest_report(attacker, "borrowed"))
    return verdict_of(
        Check(
            f"it was {code} as a report of its own",
            code == "admitted" and event.get("actor") == attacker.name,
        ),
        Check(
            "its event has another id than the victim's",
            bool(event) and event["event_id"] != victim["event_id"],
        ),
        Check(
            "a cause is a claim: who and when are econsim's",
            event.get("correlation_id") == env.run and int(event.get("tick", -1)) <= await _tick(env),
        ),
    )


async def send_false_cycles(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Report ticks that do not come as completed, for a million agents, with limits that would end the period."""
    body = {
        "data": {
            "tick": LATER,
            "agents": 10**6,
            "actions": {"cpu": 1},
            "limits": {"cpu": {"bid": None, "ask": None}},
        }
    }
    before = await _tick(env)
    async with env.connect(attacker.user) as raw:
        code = refusal_code(
            await raw.request(env.report_subject(attacker, subjects.COMPLETED), json.dumps(body).encode())
        )
        ticks: tuple[object, ...] = (-1, 1.5, True, "9", None, [], 10**400)
        odd = [
            refusal_code(
                await raw.request(
                    env.report_subject(attacker, subjects.COMPLETED),
                    json.dumps({"data": {"tick": tick}}).encode(),
                )
            )
            for tick in ticks
        ]
    completed = subjects.CYCLE_COMPLETED(agent=attacker.name, run=env.run)
    event = stored_json(await env.newest_message(subjects.AUDIT, completed))
    data = event.get("data", {})
    ticked = await _wait_for_tick(env, before)
    return verdict_of(
        Check(
            f"limits and counts were not taken over ({code})",
            not data or (data.get("limits") == {} and data.get("agents") == 1),
        ),
        Check(
            f"what is no tick was refused ({', '.join(sorted(set(odd)))})", set(odd) == {"message_is_invalid"}
        ),
        Check(
            f"the log holds no event of a tick that is not there ({str(event.get('tick'))[:12]})",
            not event or int(event["tick"]) <= await _tick(env),
        ),
        Check("the clock went on by its own count", ticked),
    )


async def _tick(env: Environment) -> int:
    newest = await env.newest_message(subjects.AUDIT, subjects.TICKED(run=env.run))
    return int(stored_json(newest).get("tick", 0))


async def _wait_for_tick(env: Environment, tick: int) -> bool:
    """Wait until the clock has opened a later tick; return false after the limit."""
    async for _ in Poll(POLL_INTERVAL_S, TICK_S):
        if tick < await _tick(env) < LATER:
            return True
    return False


async def send_bombs(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Report bodies that are large, deep or malformed."""
    tried = (
        b'{"data":' + b'{"a":' * 3_000 + b"1" + b"}" * 3_001,
        b'{"data":{"x":' + b"9" * 16_000 + b"}}",
        b'{"data":{"x":1e999,"y":-1e999,"z":NaN}}',
        b'{"data":{"a":1,"a":2},"data":{"b":3}}',
        b'{"data":{"x":"\\ud800\\u0000\\u001b[2J"}}',
        b'{"data":{"x":"' + b"y" * 16_384 + b'"}}',
        b'{"data":' + b"[" * 16_000,
        b"\xff\xfe{}",
        b"7",
        b"x" * 65_000,
    )
    async with env.connect(attacker.user) as raw:
        answers = [await raw.request(env.report_subject(attacker, "bombed"), body) for body in tried]
        settled = await env.wait_until_processed(raw, attacker)
    codes = [refusal_code(answer) for answer in answers]
    stored = await env.newest_report(attacker, "bombed")
    return verdict_of(
        Check(
            f"each was answered: {', '.join(sorted(set(codes)))}",
            set(codes) <= {"admitted", "message_is_invalid", "message_is_too_large"},
        ),
        Check(
            "what is in the log of it can be read",
            stored is None or bool(decode(stored.subject or "", stored.data or b"")),
        ),
        Check("what came later was served", settled),
    )


async def use_odd_names(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Report events with wildcards, capitals, control characters, bytes that are no text, or great length."""
    names = [
        b"*",
        b">",
        b"Noted",
        b"a" * 65,
        b"a" * 3_000,
        b"\x1b[2J",
        b"\x07",
        b"%s",
        b"{run}",
        "grüße".encode(),
        b"\xff\xfe",
        b"a\x0cb",
        b"a\x0b9",
        b"$1",
        b"_R_",
    ]
    prefix = env.report_subject(attacker, "x").removesuffix("x").encode()
    async with env.connect(attacker.user) as raw:
        for name in names * 4:
            await raw.send(b"PUB " + prefix + name + b" 2\r\n{}\r\n")
        settled = await env.wait_until_processed(raw, attacker)
    received = env.sniffer.messages_about(attacker.name, subjects.ADMISSION_REJECTED(run=env.run))
    reported = [json.loads(message.payload)["data"] for message in received]
    stored = env.sniffer.messages_about(
        attacker.name, subjects.REPORTED.pattern(agent=attacker.name, run=env.run)
    )
    names_stored = {message.subject.split(".")[2] for message in stored} - {"settled"}
    return verdict_of(
        Check(f"{sorted(names_stored) or 'none'} became events", not names_stored),
        Check(f"the log reports it {len(reported)} times, not {len(names) * 4}", 1 <= len(reported) <= 5),
        Check("the reports are printable", all(str(each["subject"]).isprintable() for each in reported)),
        Check("the admission gateway serves on", settled),
    )


ATTACKS: Final = (
    Attack(
        "imitate_events",
        "to have its reports mistaken for events of the system",
        "a report is in domain agent under its sender's name, whatever it is called, and readers check both",
        imitate_events,
    ),
    Attack(
        "forge_actor",
        "to write another actor, agent, type or run into its report",
        "econsim makes the envelope; a message that names another is refused",
        forge_fields,
    ),
    Attack(
        "borrow_ids",
        "to give its report the id and cause of a victim's event",
        "ids of events derive from the run's secret; an agent's own id is kept beside it",
        borrow_ids,
    ),
    Attack(
        "lying_cycles",
        "to report future ticks as completed for a million agents, with limits that end the period",
        "of such a report only the tick is used, and only if the clock has opened it",
        send_false_cycles,
    ),
    Attack(
        "report_bombs",
        "to use up or break readers with what it reports",
        "reports are read by schema up to a size, and stored as econsim writes them",
        send_bombs,
    ),
    Attack(
        "odd_names",
        "to break subjects, terminals and parsers with the name of a report",
        "names are checked by a grammar, refusals are logged once a second, and printed as text",
        use_odd_names,
    ),
)
"""Attacks with reports."""
