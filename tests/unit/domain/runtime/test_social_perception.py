"""Tasks and questions as an agent perceives them: its own, by id, the newest of those that ended, and none without tools for them."""

from __future__ import annotations

from itertools import count

import pytest
from factories import NOON

from econsim.domain.runtime.social_perception import ENDED_TASKS_MAX, QUESTIONS_MAX, SocialPerception
from econsim.domain.social.hosted import hosted_question
from econsim.domain.social.tasks import delegated_task
from econsim.schemas.social import AskHuman, QuestionState
from econsim.schemas.social_events import (
    QuestionAsked,
    QuestionEnded,
    TaskAdvanced,
    TaskDelegated,
    TaskOffered,
    TaskRefused,
)
from econsim.schemas.social_tasks import DelegateTask, TaskState, TaskStep


@pytest.fixture
def perception():
    return SocialPerception(["ana", "bob"])


def delegate(perception, id_, delegator="ana", taker="bob", *, ends=False):
    """Delegate and offer a task; cancel it if it `ends`."""
    command = DelegateTask(command_id=id_, taker=taker, text="dig", price=5, deadline_ms=1_000)
    task = delegated_task(delegator, command, NOON, 9)
    changes = [TaskDelegated.model_construct(**dict(task)), TaskOffered(task_id=task.task_id)]
    if ends:
        changes.append(TaskAdvanced(task_id=task.task_id, step=TaskStep.CANCEL, agent=delegator, text="late"))
    for change in changes:
        perception.evolve(change, 3)


def ask(perception, id_):
    new = AskHuman(request_id=id_, text="why?", deadline_ms=1_000)
    question = hosted_question("ana", new, NOON, 9)
    perception.evolve(QuestionAsked.model_construct(**dict(question)), 3)
    return question.question_id


def ids(found):
    return [each.task_id for each in found]


def test_both_agents_see_a_task_in_the_order_of_ids(perception):
    delegate(perception, "3-2", delegator="eve", taker="ana")
    delegate(perception, "3-1")

    assert ids(perception.tasks("ana")) == ["task.ana.3-1", "task.eve.3-2"]
    assert ids(perception.tasks("bob")) == ["task.ana.3-1"]


def test_of_the_ended_tasks_the_newest_are_seen_with_their_reasons(perception):
    for tick in range(1, ENDED_TASKS_MAX + 8):
        delegate(perception, f"{tick}-1", ends=True)

    found = perception.tasks("ana")

    assert sorted(ids(found)) == sorted(f"task.ana.{tick}-1" for tick in range(8, ENDED_TASKS_MAX + 8))
    assert {(each.state, each.reason) for each in found} == {(TaskState.CANCELLED, "late")}


def test_a_refused_task_is_its_delegators_alone(perception):
    command = DelegateTask(command_id="3-1", taker="bob", text="dig", price=5, deadline_ms=1_000)
    perception.evolve(TaskDelegated.model_construct(**dict(delegated_task("ana", command, NOON, 9))), 3)
    perception.evolve(TaskRefused(task_id="task.ana.3-1", code="x", reason="too dear"), 3)

    assert [each.reason for each in perception.tasks("ana")] == ["too dear"]
    assert perception.tasks("bob") == ()


def test_the_newest_questions_are_seen_with_the_tick_at_which_they_ended(perception):
    numbers = count(1)
    for _ in range(QUESTIONS_MAX + 1):
        asked = ask(perception, f"3-{next(numbers)}")
    perception.evolve(QuestionEnded(question_id=asked, state=QuestionState.ANSWERED, answer="x"), 5)

    found = perception.questions("ana")

    assert len(found) == QUESTIONS_MAX
    assert (found[-1].answer, found[-1].ended_tick) == ("x", 5)
    assert found[0].ended_tick is None


def test_an_agent_without_tools_for_them_perceives_neither(perception):
    assert (perception.tasks("eve"), perception.questions("eve")) == (None, None)
    assert not SocialPerception([]).concerns(TaskOffered(task_id="task.ana.1"))
