"""The leader of a run's questions and tasks: whoever dies wherever, nobody is asked twice and money moves once.

Shows no real server: fencing and redelivery by one are in tests/integration.
"""

import asyncio
from dataclasses import replace

import pytest
from factories import group, role
from social_worlds import AGENTS, BEGIN, BUDGET, LATER, SocialWorld, command

from econsim import subjects
from econsim.domain.audit.envelope import Envelope
from econsim.domain.social.limits import TASKS_PER_RUN
from econsim.domain.social.payment import payout, reservation
from econsim.domain.social.tasks import delegated_task
from econsim.errors import Conflict, Refused, Unavailable
from econsim.schemas.clock import PeriodOpened, Ticked
from econsim.schemas.social import AskAgent, AskHuman, EndQuestion, ReadSocial, SendMessage
from econsim.schemas.social_events import TaskOffered, TaskSettled
from econsim.schemas.social_tasks import AdvanceTask, Task, TaskState, TaskStep
from econsim.services.social import journal, operations

TASK = "task.ana.t1"
ASK = AskHuman(request_id="q1", text="why?", default="because", deadline_ms=1_000)


@pytest.fixture
def world():
    return SocialWorld()


async def step(leader, agent, word, text=""):
    request = AdvanceTask(task_id=TASK, step=TaskStep(word), text=text)
    return await leader.operations.advance_task(agent, request)


async def delivered_task(world, leader):
    """Bring a task, whose price lies with the service, to its result."""
    await world.send()
    await world.client.until(lambda: world.client.acknowledged == [1] and world.money("social") == (5, 0))
    await step(leader, "bob", "accept")
    await step(leader, "bob", "deliver", "a hole")


async def test_a_question_outlives_its_leader_and_is_asked_once(world):
    asked = await (await world.leader()).operations.ask_human("ana", ASK)

    successor = await world.leader()

    assert await successor.operations.ask_human("ana", ASK) == asked
    assert world.logged() == ["question_asked"]
    assert successor.state.version("ana") == 1


async def test_the_deadline_of_a_question_outlives_its_leader(world):
    await (await world.leader()).operations.ask_human("ana", ASK)
    successor = await world.leader()
    await successor.operations.end_due()
    assert world.logged() == ["question_asked"]

    world.contexts[-1].clock.time = LATER
    await successor.operations.end_due()

    assert successor.state.questions.find("question.ana.q1").answer == "because"


async def test_a_hosted_agent_is_asked_nothing_because_it_would_answer_nothing():
    hosted = group("mia", "llm", roles=[role("bid", values=[[3]])])
    world = SocialWorld(agents=(*AGENTS, hosted))
    operations = (await world.leader()).operations

    with pytest.raises(Refused, match="'mia_001' is run by a host and answers nobody") as refused:
        await operations.ask_agent(
            "operator", AskAgent(request_id="r1", agent="mia_001", text="Well?", deadline_ms=1_000)
        )

    assert (refused.value.error_code, world.logged()) == ("agent_belongs_to_a_host", [])


async def test_an_approved_task_is_paid(world):
    async with world.working(await world.leader()) as leader:
        await delivered_task(world, leader)
        assert world.money("ana") == (BUDGET - 5, 0)

        done = await step(leader, "ana", "approve")

    assert (done.paid, world.money("ana"), world.money("bob")) == (5, (BUDGET - 5, 0), (5, 0))


@pytest.mark.parametrize("word", ["reject", "expire"])
async def test_every_other_end_releases_the_price(world, word):
    async with world.working(await world.leader()) as leader:
        await delivered_task(world, leader)
        if word == "reject":
            await step(leader, "ana", "reject")
        else:
            world.contexts[-1].clock.time = LATER
            await leader.operations.end_due()
        await world.client.until(lambda: world.money("ana") == (BUDGET, 0))

    assert (world.money("social"), world.money("bob")) == ((0, 0), (0, 0))


@pytest.mark.parametrize("died_after", ["queued", "task_delegated", "reserved", "task_offered"])
async def test_a_delegation_is_finished_by_the_next_leader(world, died_after):
    """A leader dies in the middle: its command is in the queue still, and its successor takes it again."""
    await world.send()
    first = await world.leader()
    if died_after != "queued":
        await first.journal.append(first.state.delegate("ana", command(), BEGIN))
    if died_after == "reserved":
        await first.payments._reserve([reservation(first.state.tasks.get(TASK))])
    if died_after == "task_offered":
        await first.payments._reserve([reservation(first.state.tasks.get(TASK))])
        await first.journal.append([TaskOffered(task_id=TASK)])

    async with world.working(await world.leader()) as leader:
        await world.client.until(lambda: world.client.acknowledged == [1] and world.money("social") == (5, 0))

    assert leader.state.tasks.get(TASK).state is TaskState.OFFERED
    assert world.logged() == ["task_delegated", "task_offered"]
    assert world.money("ana") == (BUDGET - 5, 0)


@pytest.mark.parametrize("died_after", ["task_advanced", "reserved", "task_settled"])
async def test_a_payment_is_made_once_by_whichever_leader(world, died_after):
    async with world.working(await world.leader()) as first:
        await delivered_task(world, first)
    change = first.state.tasks.step("ana", AdvanceTask(task_id=TASK, step=TaskStep.APPROVE), BEGIN)
    await first.journal.append([change])
    if died_after != "task_advanced":
        await first.payments._reserve([payout(first.state.tasks.get(TASK))])
    if died_after == "task_settled":
        await first.journal.append([TaskSettled(task_id=TASK, paid=5)])

    async with world.working(await world.leader()):
        await world.client.until(lambda: world.money("bob") == (5, 0))

    assert (world.money("ana"), world.money("social")) == ((BUDGET - 5, 0), (0, 0))
    assert world.logged().count("task_settled") == 1


async def test_a_leader_moves_nothing_anew_that_was_moved_before_the_period(world):
    async with world.working(await world.leader()) as leader:
        await delivered_task(world, leader)
    assert (await world.leader()).state.tasks.posts()

    opened = Envelope("run", "salt", 8, BEGIN).event(subjects.PERIOD_OPENED, "clock", PeriodOpened(period=2))
    await world.client.add(opened)

    assert (await world.leader()).state.tasks.posts() == []


async def test_each_agent_of_a_task_is_told_of_every_state_that_it_may_know(world):
    async with world.working(await world.leader()) as leader:
        await delivered_task(world, leader)

    told = {
        agent: [Task.model_validate_json(body).state for _, body in world.delivered(agent)]
        for agent in ("ana", "bob")
    }
    assert told["bob"] == [TaskState.OFFERED, TaskState.ACCEPTED, TaskState.DELIVERED]
    assert told["ana"] == [TaskState.RESERVING, *told["bob"]]


async def test_a_task_without_credits_is_refused_with_the_reason_of_the_ledger(world):
    await world.send(command(price=BUDGET + 1))

    async with world.working(await world.leader()) as leader:
        await world.client.until(lambda: world.client.acknowledged == [1])

    assert leader.state.tasks.get(TASK).code == "debit_account_would_go_negative"
    assert [what for what, _ in world.delivered("bob")] == []


async def test_a_command_that_cannot_be_read_is_a_dead_letter_and_the_queue_goes_on(world):
    await world.client.command(subjects.DELEGATE_TASK(run="run", agent="ana"), b"nonsense")
    await world.send()

    async with world.working(await world.leader()):
        await world.client.until(lambda: sorted(world.client.acknowledged) == [1, 2])

    ((subject, _),) = world.client.stored("dead_letter")
    assert subject == "dead_letter.system.task.delegate.run.ana"


async def test_another_task_under_an_id_is_refused_and_the_first_stays(world):
    await world.send()
    async with world.working(await world.leader()) as leader:
        await world.client.until(lambda: world.client.acknowledged == [1])
        await world.send(command(price=6))
        await world.client.until(lambda: world.client.acknowledged == [1, 2])

    assert leader.state.tasks.get(TASK).price == 5
    assert b"exists_with_different_fields" in world.delivered("ana")[-1][1]


async def test_a_leader_that_another_overtook_writes_nothing_and_steps_back(world):
    stale, current = await world.leader(), await world.leader()
    await current.operations.ask_human("ana", ASK)

    with pytest.raises(Unavailable, match="took over"):
        await stale.operations.send_message("ana", SendMessage(message_id="m", recipient="bob", text="x"))

    assert stale.journal.lost.is_set()
    assert world.logged() == ["question_asked"]


async def test_what_a_dead_leader_reserved_is_finished_while_the_ledger_takes_nothing_new(world):
    """The clock waits until nothing is reserved: a payment under way must not wait for new ones, nor they for the clock."""
    first = await world.leader()
    await first.journal.append(first.state.delegate("ana", command(), BEGIN))
    await first.payments._reserve([reservation(first.state.tasks.get(TASK))])
    await first.journal.append(first.state.delegate("ana", command("t2"), BEGIN))
    world.close_payments()

    async with world.working(await world.leader()) as leader:
        await world.client.until(lambda: world.money("social") == (5, 0))
        assert leader.state.tasks.get("task.ana.t2").state is TaskState.RESERVING
        world.open_payments()
        await world.client.until(lambda: world.money("social") == (10, 0))


async def test_an_end_while_the_period_is_settled_is_paid_afterwards(world):
    async with world.working(await world.leader()) as leader:
        await delivered_task(world, leader)
        world.close_payments()
        await leader.journal.append(
            [leader.state.tasks.step("ana", AdvanceTask(task_id=TASK, step=TaskStep.APPROVE), BEGIN)]
        )
        leader.payments.begin()
        await world.client.until(lambda: world.late)
        world.open_payments()
        await world.client.until(lambda: world.money("bob") == (5, 0))


async def test_a_command_stays_in_the_queue_until_its_payment_is_decided(world):
    world.close_payments()
    await world.send()

    async with world.working(await world.leader()):
        await world.client.until(lambda: world.late)
        assert world.client.acknowledged == []
        world.open_payments()
        await world.client.until(lambda: world.client.acknowledged == [1])


async def test_an_event_has_the_newest_tick(world):
    ticked = Envelope("run", "salt", 7, BEGIN).event(
        subjects.TICKED, "clock", Ticked(period=2, tick_of_period=3)
    )
    await world.client.add(ticked)

    await (await world.leader()).operations.ask_human("ana", ASK)

    assert [event["tick"] for event in world.client.events("question_asked")] == [7]


async def test_nothing_is_shown_before_it_is_stored(world):
    leader = await world.leader()
    world.client.failures = [TimeoutError()]
    asking = asyncio.create_task(leader.operations.ask_human("ana", ASK))
    await asyncio.sleep(0)

    view = await leader.operations.read("ana", ReadSocial())

    assert ([each.question_id for each in view.questions], world.logged()) == (
        ["question.ana.q1"],
        ["question_asked"],
    )
    await asking


async def test_a_reader_waits_for_the_next_change_that_concerns_it(world):
    leader = await world.leader()
    await leader.operations.ask_human("ana", ASK)
    reading = asyncio.create_task(leader.operations.read("ana", ReadSocial(after=1, wait_ms=20_000)))
    await asyncio.sleep(0)

    await leader.operations.ask_human("eve", ASK)
    await leader.operations.end_question("ana", EndQuestion(question_id="question.ana.q1"))

    assert (await reading).version == 2


async def test_nothing_is_answered_before_it_is_stored(world):
    leader = await world.leader()
    world.client.failures = [TimeoutError(), TimeoutError()]

    await leader.operations.ask_human("ana", ASK)

    assert world.logged() == ["question_asked"]
    assert not world.client.failures


async def test_a_ledger_that_is_away_delays_payments_and_refuses_nothing(world):
    async with world.working(await world.leader()) as leader:
        await delivered_task(world, leader)
        answer = world.client.answers.pop(next(iter(world.client.answers)))
        approving = asyncio.create_task(step(leader, "ana", "approve"))
        await world.client.until(leader.state.tasks.tasks_to_settle)
        world.client.answers["market.ledger.submit.run.*"] = answer

        assert (await approving).paid == 5


@pytest.mark.parametrize("other", ["ana", "nobody"])
async def test_a_message_names_another_agent_of_the_run(world, other):
    leader, request = await world.leader(), SendMessage(message_id="m", recipient=other, text="x")

    with pytest.raises(Refused) as refused:
        await leader.operations.send_message("ana", request)

    assert refused.value.error_code in ("agents_must_be_different", "agent_is_not_in_this_run")
    assert not isinstance(refused.value, Conflict)


async def test_a_change_that_fails_in_whatever_way_sets_everybody_free(world, monkeypatch):
    leader = await world.leader()
    monkeypatch.setattr(journal, "social_event", broken)

    with pytest.raises(Unavailable):
        await leader.operations.ask_human("ana", ASK)

    assert leader.journal.lost.is_set()


def broken(*_):
    message = "it broke"
    raise RuntimeError(message)


async def test_a_delegator_that_asks_finds_the_refusal_of_a_command_that_is_in_no_log(world, monkeypatch):
    monkeypatch.setattr("econsim.domain.social.tasks.TASKS_PER_RUN", replace(TASKS_PER_RUN, most=0))
    async with world.working(await world.leader()) as leader:
        await world.send()
        await world.client.until(lambda: world.client.acknowledged)

    (found,) = (await leader.operations.read("ana", ReadSocial(task_id=TASK))).tasks
    assert (found.state, found.code, world.logged()) == (TaskState.REFUSED, "tasks_per_run_are_exceeded", [])
    with pytest.raises(Refused, match="no task"):
        await leader.operations.read("bob", ReadSocial(task_id=TASK))


async def test_the_newest_refusals_are_remembered(world, monkeypatch):
    monkeypatch.setattr(operations, "REFUSALS_MAX", 2)
    leader, error = await world.leader(), Refused("no")
    for id_ in ("t1", "t2", "t3"):
        await leader.operations.refuse(delegated_task("ana", command(id_), BEGIN), error)

    with pytest.raises(Refused, match="no task"):
        await leader.operations.read("ana", ReadSocial(task_id=TASK))
    assert (await leader.operations.read("ana", ReadSocial(task_id="task.ana.t3"))).tasks
