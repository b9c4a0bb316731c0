"""Hosts act for their agents at the social service: at the host's tick, durable and paid when answered, and once."""

from __future__ import annotations

import pytest
from factories import group
from social_worlds import BUDGET, SocialWorld

from econsim.errors import Conflict, NotAllowed
from econsim.schemas.social import AskHuman
from econsim.schemas.social_hosted import AgentStep, EndTick, HostedAction
from econsim.schemas.social_tasks import AdvanceTask, DelegateTask, TaskState, TaskStep

AGENTS = (group("ana", "llm"), group("bob", "llm"), group("eve", "external"))
PEOPLE = [{"name": "patron", "prefers": ["yes"]}]
TASK = "task.ana_001.3-1"


@pytest.fixture
def world():
    """Return a run whose agents ana_001 and bob_001 are on two hosts, and whose person answers at once."""
    return SocialWorld(agents=AGENTS, rich="ana_001", hosts=2, people=PEOPLE)


def question(text="May I?"):
    ask = AskHuman(request_id="3-1", text=text, options=("no", "yes"), deadline_ms=1_000)
    return HostedAction(tick=3, deadline_tick=9, ask=ask)


def delegation(price=5):
    task = DelegateTask(command_id="3-1", taker="bob_001", text="dig", price=price, deadline_ms=1_000)
    return HostedAction(tick=3, deadline_tick=9, delegate=task)


def step(word, text=""):
    return HostedAction(tick=4, advance=AdvanceTask(task_id=TASK, step=TaskStep(word), text=text))


def end(word, tick=5, agent="ana_001"):
    return EndTick(
        tick=tick, steps=(AgentStep(agent=agent, step=AdvanceTask(task_id=TASK, step=TaskStep(word))),)
    )


def ticks(world):
    """Return the action and tick of each event in the log."""
    return [(event["type"].partition(".")[2], event["tick"]) for event in world.client.events()]


async def test_a_question_is_asked_once_and_its_person_answers_at_the_end_of_the_tick(world):
    leader = await world.leader()

    await leader.hosted.act("ana_001", question())
    await leader.hosted.act("ana_001", question())
    await leader.hosted.end_tick("host_1", EndTick(tick=3))

    (asked,) = leader.state.questions.questions_of("ana_001")
    assert ticks(world) == [("question_asked", 3), ("question_ended", 3)]
    assert (asked.answer, asked.answered_by, asked.deadline_tick) == ("yes", "patron", 9)


async def test_another_question_under_its_id_is_a_conflict(world):
    leader = await world.leader()
    await leader.hosted.act("ana_001", question())

    with pytest.raises(Conflict, match="stands for another question"):
        await leader.hosted.act("ana_001", question("Must I?"))


async def test_a_task_is_held_when_its_delegation_is_answered_and_paid_when_the_tick_has_ended(world):
    leader = await world.leader()

    async with world.working(leader):
        offered = await leader.hosted.act("ana_001", delegation())
        held = world.money("ana_001"), world.money("social")
        await leader.hosted.act("bob_001", step("accept"))
        await leader.hosted.act("bob_001", step("deliver", "a hole"))
        await leader.hosted.end_tick("host_1", end("approve"))

    assert (offered.task.state, held) == (TaskState.OFFERED, ((BUDGET - 5, 0), (5, 0)))
    assert [world.money(each) for each in ("ana_001", "bob_001", "social")] == [
        (BUDGET - 5, 0),
        (5, 0),
        (0, 0),
    ]
    assert [tick for _, tick in ticks(world)] == [3, 3, 4, 4, 5, 5]


async def test_the_chains_have_the_tick_that_the_host_names(world):
    leader = await world.leader()

    async with world.working(leader):
        await leader.hosted.act("ana_001", delegation())

    assert {command.tick for command in world.ledger.submissions} == {3}


async def test_a_successor_pays_for_what_its_predecessor_decided_and_once(world):
    leader = await world.leader()
    async with world.working(leader):
        await leader.hosted.act("ana_001", delegation())
        await leader.hosted.act("bob_001", step("accept"))
        await leader.hosted.act("bob_001", step("deliver", "a hole"))
    successor = await world.leader()

    async with world.working(successor):
        for _ in range(2):
            await successor.hosted.end_tick("host_1", end("approve"))

    assert world.logged().count("task_settled") == 1
    assert world.money("bob_001") == (5, 0)


async def test_a_task_that_is_too_dear_is_refused_and_stays_so(world):
    leader = await world.leader()

    async with world.working(leader):
        found = [await leader.hosted.act("ana_001", delegation(BUDGET + 1)) for _ in range(2)]

    assert [(each.task.state, each.task.code) for each in found] == [
        (TaskState.REFUSED, "debit_account_would_go_negative")
    ] * 2


async def test_a_task_of_this_host_expires_at_its_tick_and_the_price_goes_back(world):
    leader = await world.leader()

    async with world.working(leader):
        await leader.hosted.act("ana_001", delegation())
        await leader.hosted.end_tick("host_2", EndTick(tick=9))
        kept = world.money("ana_001")
        await leader.hosted.end_tick("host_1", EndTick(tick=9))

    assert (kept, world.money("ana_001")) == ((BUDGET - 5, 0), (BUDGET, 0))


async def test_a_host_acts_for_no_external_agent_and_ends_no_task_of_another_host(world):
    leader = await world.leader()

    with pytest.raises(NotAllowed, match="runs on no host"):
        await leader.hosted.act("eve", question())
    with pytest.raises(NotAllowed, match="does not run on 'host_2'"):
        await leader.hosted.end_tick("host_2", end("cancel"))
