"""Questions and messages that nobody asked for: floods, answers in others' names, and messages without consent."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from econsim import subjects
from econsim.checks.attacks.attack import Attack
from econsim.checks.attacks.environment import Attacker, Environment, refusal_check, refusal_code
from econsim.checks.attacks.verdict import AttackVerdict, Check, verdict_of
from econsim.schemas.subject import Subject

QUESTIONS: Final = 60
"""Questions at once: no more than an agent may send in a second."""

OPERATOR: Final = "operator"
"""Name of the operator in whose place an attacker would answer."""


def as_json(**fields: object) -> bytes:
    """Return the body of a request."""
    return json.dumps(fields).encode()


async def ask_in_sim(env: Environment, subject: str, **fields: object) -> dict[str, Any]:
    """Send a request with the rights of the server's owner; return the reply."""
    reply = await env.sim.request(subject, as_json(**fields), timeout=10)
    found: dict[str, Any] = json.loads(reply.data)
    return found


async def view_of(env: Environment, agent: str, **fields: object) -> dict[str, Any]:
    """Return the questions, tasks and messages of an agent."""
    return await ask_in_sim(env, subjects.READ_SOCIAL(run=env.run, agent=agent), **fields)


async def flood_with_questions(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Ask people sixty questions at once, then repeat one that was taken with another text."""
    async with env.connect(attacker.user) as raw:
        bodies = [as_json(request_id=f"q{n}", text="Buy?", deadline_ms=60_000) for n in range(QUESTIONS)]
        answers = await asyncio.gather(*(raw.request(subjects.ASK_HUMAN.short, body) for body in bodies))
        # Which of those that come at once are taken is a matter of timing.
        taken = next((n for n, each in enumerate(answers) if refusal_code(each) == "admitted"), 0)
        other = await raw.request(
            subjects.ASK_HUMAN.short, as_json(request_id=f"q{taken}", text="Sell?", deadline_ms=60_000)
        )
    inbox = await ask_in_sim(env, subjects.LIST_QUESTIONS(run=env.run, operator=OPERATOR))
    shown = [each for each in inbox["questions"] if each["asker"] == attacker.name]
    return verdict_of(
        Check(f"people see {len(shown)} of {QUESTIONS} questions", 0 < len(shown) <= 8),
        Check(
            "the others were refused",
            {refusal_code(each) for each in answers} == {"admitted", "open_questions_are_exceeded"},
        ),
        Check("no question changed its text", {each["text"] for each in shown} == {"Buy?"}),
        Check("another text under an id was refused", refusal_code(other) == "exists_with_different_fields"),
    )


async def answer_in_anothers_place(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Answer its own questions to a person and to a victim, and a question of somebody else to the victim."""
    victim, ask = env.victims[0].name, subjects.ASK_AGENT(run=env.run, operator=OPERATOR)
    asked = await ask_in_sim(
        env, ask, request_id=attacker.name, agent=victim, text="Well?", deadline_ms=600_000
    )
    async with env.connect(attacker.user) as raw:
        await raw.request(
            subjects.ASK_HUMAN.short,
            as_json(request_id="own", text="May I?", kind="confirm", deadline_ms=600_000),
        )
        await raw.request(
            subjects.ASK_HUMAN.short,
            as_json(request_id="theirs", text="May I?", person=victim, deadline_ms=600_000),
        )
        own_ids = tuple(f"question.{attacker.name}.{which}" for which in ("own", "theirs"))
        ids = (*own_ids, asked["question_id"])
        answers = [
            await raw.request(
                subjects.END_QUESTION.short, as_json(question_id=id_, answer="yes", agent_id=agent)
            )
            for id_ in ids
            for agent in (attacker.name, victim)
        ]
        person = subjects.ANSWER_QUESTION(run=env.run, operator=OPERATOR)
        await raw.request(person, as_json(question_id=ids[0], answer="yes"))
        refused = refusal_check(raw, "publish", person)
    codes = {refusal_code(answer) for answer in answers}
    views = [await view_of(env, attacker.name, question_id=each) for each in own_ids]
    views.append(await view_of(env, victim, question_id=ids[-1]))
    states = [view["questions"][0]["state"] for view in views]
    return verdict_of(
        Check(f"its answers were refused, as {', '.join(sorted(codes))}", "admitted" not in codes),
        Check(f"the questions are {', '.join(states)}", states == ["waiting"] * len(ids)),
        refused,
    )


async def write_without_consent(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Write to a victim again and again, answer for it that it consents, and consent in its name."""
    victim = env.victims[0].name
    async with env.connect(attacker.user) as raw:
        sent = [as_json(message_id=f"m{n}", recipient=victim, text="Trust me.") for n in range(20)]
        codes = {refusal_code(await raw.request(subjects.SEND_MESSAGE.short, body)) for body in sent}
        forged = [
            (subjects.SET_CONSENT, as_json(sender=attacker.name, is_allowed=True)),
            (subjects.SET_CONSENT, as_json(sender=attacker.name, is_allowed=True, agent_id=victim)),
            (
                subjects.END_QUESTION,
                as_json(question_id=f"consent.{attacker.name}.{victim}", answer="yes"),
            ),
        ]
        answers = {refusal_code(await raw.request(row.short, body)) for row, body in forged}
        codes |= {refusal_code(await raw.request(subjects.SEND_MESSAGE.short, sent[0]))}
    view = await view_of(env, victim)
    asked = [each for each in view["questions"] if f".{attacker.name}." in each["question_id"]]
    return verdict_of(
        Check("every message was refused", codes == {"recipient_has_not_consented"}),
        Check(f"no consent was forged: {', '.join(sorted(answers))}", "admitted" not in answers),
        Check(f"the victim was asked {len(asked)} time", len(asked) == 1),
        Check("the victim has no message", not _from(view, attacker)),
    )


async def forge_a_delivery(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Publish a message, a question and a task as if the service had sent them, and listen for those of a victim."""
    victim = env.victims[0].name
    rows = (subjects.MESSAGE_ARRIVED, subjects.QUESTION_CHANGED, subjects.TASK_CHANGED)
    names = [row.short for row in rows] + [row(run=env.run, agent=victim) for row in rows]
    async with env.connect(attacker.user) as raw:
        for name in names:
            await raw.publish(name, b"{}")
        listened = [row(run=env.run, agent=victim) for row in rows]
        for name in listened:
            await raw.subscribe(name)
        await raw.flush()
        checks = [refusal_check(raw, "publish", name) for name in names]
        checks += [refusal_check(raw, "subscription", name) for name in listened]
    return verdict_of(*checks)


async def impersonate_the_service(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Publish events of the service: an answer, a consent, a settled task."""
    rows = (subjects.QUESTION_ENDED, subjects.CONSENT_CHANGED, subjects.TASK_SETTLED, subjects.TASK_OFFERED)
    names = [row(run=env.run) for row in rows] + [row.short or row(run=env.run) for row in rows]
    async with env.connect(attacker.user) as raw:
        for name in names:
            await raw.publish(name, as_json(question_id=f"question.{attacker.name}.q", state="answered"))
        await raw.flush()
        checks = [refusal_check(raw, "publish", name) for name in names]
    newest = await asyncio.gather(*(_newest(env, row) for row in rows))
    forged = [message for message in newest if attacker.name.encode() in message]
    return verdict_of(*checks, Check("the log has no such event", not forged))


async def _newest(env: Environment, row: Subject) -> bytes:
    found = await env.newest_message(subjects.AUDIT, row(run=env.run))
    return (found.data if found else None) or b""


def _from(view: dict[str, Any], attacker: Attacker) -> list[object]:
    return [message for message in view["messages"] if message["sender"] == attacker.name]


ATTACKS: Final = (
    Attack(
        "flood_with_questions",
        "to wear people down with questions",
        "an agent has eight open questions at most, and sixty an hour",
        flood_with_questions,
    ),
    Attack(
        "answer_in_anothers_place",
        "to answer its own question to a person, or a question to a victim",
        "only the party that is asked answers: an operator's name comes from its credentials, an agent's from its account",
        answer_in_anothers_place,
    ),
    Attack(
        "write_without_consent",
        "to write to a victim that does not want it, or to consent in its name",
        "the recipient is asked once, and a consent is the recipient's own request",
        write_without_consent,
    ),
    Attack(
        "forge_a_delivery",
        "to publish messages, questions and tasks in the service's name, or to read a victim's",
        "an account has its own deliveries alone, and may not publish them",
        forge_a_delivery,
    ),
    Attack(
        "impersonate_the_service",
        "to publish an answer, a consent or a settled task as an event",
        "the events' subjects are not in an agent's account, and the server refuses them",
        impersonate_the_service,
    ),
)
"""Attacks on questions and messages."""
