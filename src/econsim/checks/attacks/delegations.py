"""Tasks that nobody gave, did or accepted: more than the delegator can pay, others' tasks, and results judged by their maker."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from econsim import subjects
from econsim.checks.attacks.attack import Attack
from econsim.checks.attacks.conversations import as_json, ask_in_sim, view_of
from econsim.checks.attacks.environment import Attacker, Environment, refusal_code
from econsim.checks.attacks.verdict import AttackVerdict, Check, verdict_of
from econsim.checks.raw_client import RawClient

DELEGATIONS: Final = 30
"""Delegations at once, each for all that the delegator has, and every one sent twice."""

STEPS: Final = ("accept", "decline", "progress", "deliver", "approve", "reject", "cancel", "expire")
"""Steps of a task, that of the service included."""

WAIT_S: Final = 10.0
"""Longest that a task takes out of its queue."""


def delegation(id_: str, taker: str, /, **more: object) -> bytes:
    """Return the body of a delegation; `more` adds or replaces fields."""
    fields = {"command_id": id_, "taker": taker, "text": "Dig.", "price": 1, "deadline_ms": 600_000}
    return json.dumps(fields | more).encode()


async def delegate_beyond_the_balance(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Delegate fifteen tasks, each over two connections at once and for everything it has."""
    victim, before = env.victims[0].name, await _spendable(env, attacker.name)
    async with env.connect(attacker.user) as one, env.connect(attacker.user) as other:

        async def delegate(number: int) -> str:
            raw = (one, other)[number % 2]
            body = delegation(f"t{number % (DELEGATIONS // 2)}", victim, price=before)
            return refusal_code(await raw.request(subjects.ENTER_TASK.short, body))

        codes = await asyncio.gather(*map(delegate, range(DELEGATIONS)))
    tasks = await _decided_tasks(env, attacker.name)
    offered = [task for task in tasks if task["state"] == "offered"]
    left = await _spendable(env, attacker.name)
    return verdict_of(
        Check(f"{codes.count('admitted')} were stored, {len(offered)} offered", len(offered) == 1),
        Check(f"of {before} micro-credits {left} are left, and none is owed", left == 0),
    )


async def take_anothers_task(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Do every step of a task of two victims, read it, and delegate another under its id."""
    one, other = (victim.name for victim in env.victims)
    task = await _delegate_in_sim(env, one, other, attacker.name)
    async with env.connect(attacker.user) as raw:
        codes = {await _step(raw, task["task_id"], step) for step in STEPS}
        read = refusal_code(await raw.request(subjects.READ_SOCIAL.short, as_json(task_id=task["task_id"])))
        forged = delegation(attacker.name, other, agent_id=one)
        entered = refusal_code(await raw.request(subjects.ENTER_TASK.short, forged))
        hosted = await _act_as_host(raw, env.run, one)
    after = (await view_of(env, one, task_id=task["task_id"]))["tasks"][0]
    return verdict_of(
        Check("nobody answers a host's request from an agent", hosted <= {"silence", "nobody_there"}),
        Check("no step was taken", codes == {"task_does_not_exist"}),
        Check("nor was the task read", read == "task_does_not_exist"),
        Check("a task in a victim's name was refused", entered == "agent_id_does_not_match_subject"),
        Check("the task is as it was", after == task),
    )


async def approve_its_own_result(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Take a victim's task, deliver, approve the result in the victim's place, and replay the delivery changed."""
    victim = env.victims[0].name
    task = await _delegate_in_sim(env, victim, attacker.name, f"own-{attacker.name}")
    before = await _spendable(env, attacker.name)
    async with env.connect(attacker.user) as raw:
        await _step(raw, task["task_id"], "accept")
        await _step(raw, task["task_id"], "deliver", text="first")
        codes = [await _step(raw, task["task_id"], step) for step in ("approve", "expire", "cancel")]
        codes += [await _step(raw, task["task_id"], "approve", agent_id=victim)]
        replays = {await _step(raw, task["task_id"], "deliver", text=f"result {n}") for n in range(20)}
        repeat = await _step(raw, task["task_id"], "deliver", text="first")
    after = (await view_of(env, victim, task_id=task["task_id"]))["tasks"][0]
    return verdict_of(
        Check(f"it may not judge: {', '.join(codes)}", "admitted" not in codes),
        Check("another result was refused", replays == {"task_is_in_another_state"}),
        Check("a repeat changes nothing", repeat == "admitted" and after["result"] == "first"),
        Check(
            "nothing was paid",
            (after["state"], await _spendable(env, attacker.name)) == ("delivered", before),
        ),
    )


async def delegate_to_itself(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Delegate to itself, to nobody, to the treasury and to the service's own holder; with odd prices and ids."""
    odd: list[dict[str, object]] = [
        {"taker": attacker.name},
        {"taker": "nobody"},
        {"taker": "treasury"},
        {"taker": "social"},
        {"price": -1},
        {"price": 2**63},
        {"price": 0.5},
        {"command_id": f"x.{env.victims[0].name}"},
        {"deadline_ms": 2**62},
        {"text": "x" * 5_000},
        {"paid": 1},
        {"state": "approved"},
    ]
    before = await _spendable(env, attacker.name)
    async with env.connect(attacker.user) as raw:
        bodies = [delegation("t", env.victims[0].name, **fields) for fields in odd]
        codes = [refusal_code(await raw.request(subjects.ENTER_TASK.short, body)) for body in bodies]
    view = await view_of(env, attacker.name)
    return verdict_of(
        Check(f"{len(codes)} were refused: {', '.join(sorted({*codes}))}", "admitted" not in codes),
        Check("it has no task", not view["tasks"]),
        Check("its balance is the same", await _spendable(env, attacker.name) == before),
    )


async def _act_as_host(raw: RawClient, run: str, victim: str) -> set[str]:
    """Send what hosts send for an agent and at the end of a tick; return the refusals."""
    rows = ((subjects.HOSTED_ACTION, victim), (subjects.END_TICK, "host_1"))
    return {refusal_code(await raw.request(row(run=run, agent=name), as_json(tick=1))) for row, name in rows}


async def _step(raw: RawClient, task_id: str, step: str, **more: object) -> str:
    answer = await raw.request(subjects.ADVANCE_TASK.short, as_json(task_id=task_id, step=step, **more))
    return refusal_code(answer)


async def _delegate_in_sim(env: Environment, delegator: str, taker: str, id_: str) -> dict[str, Any]:
    """Delegate a task as a victim, and return it once it is offered."""
    subject = subjects.DELEGATE_TASK(run=env.run, agent=delegator)
    await env.sim.jetstream().publish(subject, delegation(id_, taker))
    async with asyncio.timeout(WAIT_S):
        while True:
            found = await ask_in_sim(
                env, subjects.READ_SOCIAL(run=env.run, agent=taker), task_id=f"task.{delegator}.{id_}"
            )
            if tasks := found.get("tasks"):
                task: dict[str, Any] = tasks[0]
                return task
            await asyncio.sleep(0.05)


async def _decided_tasks(env: Environment, agent: str) -> list[dict[str, Any]]:
    """Return the open tasks of an agent when none is being reserved any more."""
    async with asyncio.timeout(WAIT_S):
        while True:
            tasks: list[dict[str, Any]] = (await view_of(env, agent))["tasks"]
            if tasks and all(task["state"] != "reserving" for task in tasks):
                return tasks
            await asyncio.sleep(0.1)


async def _spendable(env: Environment, agent: str) -> int:
    """Return the micro-credits that an agent can spend, as the ledger has them in memory."""
    found = await ask_in_sim(env, subjects.GET_BALANCE(run=env.run, agent=agent))
    return int(found["credits"]["posted"]) - int(found["credits"]["pending"])


ATTACKS: Final = (
    Attack(
        "delegate_beyond_the_balance",
        "to delegate more than it can pay, by fifteen tasks at once, each sent twice",
        "the ledger reserves the price of each task before it is offered",
        delegate_beyond_the_balance,
    ),
    Attack(
        "take_anothers_task",
        "to accept, deliver, approve or read a task of others, or to delegate in a victim's name",
        "a task exists for its two agents alone, and the delegator is the subject's last token",
        take_anothers_task,
    ),
    Attack(
        "approve_its_own_result",
        "to have its own result approved, or to change a result after the delivery",
        "the delegator alone judges, and a step with another content is no repeat",
        approve_its_own_result,
    ),
    Attack(
        "delegate_to_itself",
        "to pay itself, the treasury or nobody, with prices and ids that are none",
        "a command is checked at the gateway, before it is stored",
        delegate_to_itself,
    ),
)
"""Attacks on delegated tasks."""
