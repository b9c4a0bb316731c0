"""Files, people and tasks of agents that do all of it at random: a host that repeats every tick changes nothing.

Each tick is done twice, as by a host that was killed just before its report: also what ended at the first attempt. Catches: a reply that
tells what happened since, an effect that is done twice, a payment in the middle of a tick. Shows no killed service.
"""

from __future__ import annotations

from random import Random

import pytest
from factories import group, role, scenario
from nats_runs import over_nats
from requirements import requirement
from run_builders import canonical_hash

from econsim.domain.execution import in_memory
from econsim.domain.ledger.verify import verify_journal
from econsim.domain.runtime import thinking_agents
from econsim.domain.runtime.cycle_run import chosen_ends
from econsim.domain.runtime.own_tools import OwnCalls
from econsim.domain.runtime.tool_use import reply_text
from econsim.schemas.ledger import TransferPosted, TransferRefused
from econsim.schemas.scenario import PolicyName
from econsim.schemas.scenario_tools import OWN_TOOLS
from econsim.services.agent import host

pytestmark = pytest.mark.nats

WORKERS = group(
    "worker", "llm", count=6, credits=4, thinking={"tools": OWN_TOOLS}, roles=[role("bid", values=[[3, 2]])]
)
WANTED = scenario(
    WORKERS,
    group("seller", "zi_c", count=3, roles=[role("ask", values=[[1, 2]])]),
    hosts=3,
    clock={"periods": 2, "ticks_per_period": 5},
    people=[{"name": "mona", "after_ticks": 2}],
)
"""Agents that delegate more than they can pay, to each other, on three hosts."""


def random_calls(draw, observation, takers):
    """Yield names and arguments of calls; few of them fit."""
    tasks = [task.task_id for task in observation.tasks] or ["task.x.1-1"]
    for _ in range(draw.randint(1, 6)):
        yield (
            draw.choice([*OWN_TOOLS, "delegate_task"]),
            {
                "path": draw.choice("abc"),
                "text": str(observation.tick),
                "question": "x or y?",
                "options": ["x", "y"],
                "default": "y",
                "deadline_ticks": draw.randint(1, 5),
                "taker": draw.choice(takers),
                "task": "dig",
                "price": draw.choice(["0", "0.1", "1", "3"]),
                "task_id": draw.choice(tasks),
                "result": "a hole",
                "reason": "too deep",
            },
        )


def random_cycles(told):
    """Return a policy that calls at random, and notes what its agents are told."""

    def cycle(_, observation, __, toolbox):
        draw = Random(f"{observation.agent} {observation.tick}")
        own = OwnCalls(observation, toolbox.takers)
        calls = random_calls(draw, observation, toolbox.takers)
        effects = tuple(own.effect(name, arguments) for name, arguments in calls)
        replies = yield tuple(effect for effect in effects if not isinstance(effect, str))
        told.setdefault((observation.agent, observation.tick), []).append([reply_text(r) for r in replies])

    return None, cycle


@pytest.fixture
def repeating(monkeypatch):
    """Have every host do each tick again after it has ended it, and before it reports it."""
    think, end, known = host.run_cycles, host.end_tick, {}

    async def think_and_note(context, envelope, name, *agents, is_told):
        known[name] = agents
        return await think(context, envelope, name, *agents, is_told=is_told)

    async def end_twice(context, envelope, name, steps):
        await end(context, envelope, name, steps)
        cycles = await think(context, envelope, name, *known[name], is_told=True)
        await end(context, envelope, name, chosen_ends(cycles.values()))

    monkeypatch.setattr(host, "run_cycles", think_and_note)
    monkeypatch.setattr(host, "end_tick", end_twice)


@requirement("runtime.stateless")
async def test_a_tick_that_is_repeated_tells_the_same_and_does_nothing_twice(
    server, run, monkeypatch, repeating
) -> None:
    in_one_go, told = {}, {}
    monkeypatch.setitem(thinking_agents.POLICIES, PolicyName.LLM, random_cycles(in_one_go))
    expected = canonical_hash(in_memory.run(WANTED))
    monkeypatch.setitem(thinking_agents.POLICIES, PolicyName.LLM, random_cycles(told))
    events = await over_nats(server, WANTED, run)

    journal = [e.event for e in events if isinstance(e.event.data, TransferPosted | TransferRefused)]
    assert told == {place: replies * 2 for place, replies in in_one_go.items()}
    assert canonical_hash(events) == expected
    assert verify_journal(journal).findings == ()
