"""A model's calls of econsim's own tools: what fits becomes an effect, everything else is told to the model and never sent."""

from __future__ import annotations

import pytest
from observations import CREDIT, observed, observed_question, observed_task

from econsim.domain.runtime.cycle_run import CycleRun
from econsim.domain.runtime.effects import AdvanceOwnTask, AskPerson, Delegate, ReadNote, WriteNote
from econsim.domain.runtime.own_tools import OwnCalls, own_definitions
from econsim.domain.social.limits import QUESTIONS_OPEN
from econsim.schemas.scenario_tools import OWN_TOOLS
from econsim.schemas.social import Question
from econsim.schemas.social_tasks import TaskState, TaskStep

MINE, HERS = "task.lab_001.1-1", "task.eve.1-1"
CALLS = {
    "write_note": ({"path": "a.md", "text": "x"}, WriteNote("a.md", "x")),
    "append_note": ({"path": "a.md", "text": "x"}, WriteNote("a.md", "x", at_end=True)),
    "read_note": ({"path": "a.md"}, ReadNote("a.md")),
    "ask_person": ({"question": "May I?", "options": ["yes"]}, AskPerson("May I?", ("yes",))),
    "delegate_task": (
        {"taker": "aide", "task": "Look.", "price": "0.5", "deadline_ticks": 3},
        Delegate("aide", "Look.", CREDIT // 2, 3),
    ),
    "accept_task": ({"task_id": HERS}, AdvanceOwnTask(HERS, TaskStep.ACCEPT)),
    "approve_result": ({"task_id": MINE}, AdvanceOwnTask(MINE, TaskStep.APPROVE)),
    "reject_result": ({"task_id": MINE, "reason": "no"}, AdvanceOwnTask(MINE, TaskStep.REJECT, "no")),
}
TASKS = (
    observed_task(HERS, delegator="eve", taker="lab_001"),
    observed_task(MINE, state=TaskState.DELIVERED),
)


def own_calls(tasks=TASKS, questions=()):
    return OwnCalls(observed(tasks=tasks, questions=questions), ("aide",))


@pytest.mark.parametrize("name", CALLS)
def test_a_call_becomes_an_effect(name):
    arguments, effect = CALLS[name]

    assert own_calls().effect(name, arguments) == effect


def test_a_result_is_delivered_once_its_task_is_accepted_in_the_same_cycle():
    calls = own_calls()
    delivery = {"task_id": HERS, "result": "2.20"}

    early = calls.effect("deliver_result", delivery)
    calls.effect("accept_task", {"task_id": HERS})

    assert early == f"error: {HERS} is offered; you cannot deliver it"
    assert calls.effect("deliver_result", delivery) == AdvanceOwnTask(HERS, TaskStep.DELIVER, "2.20")
    assert calls.effect("deliver_result", delivery) == f"error: {HERS} is delivered; you cannot deliver it"


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("read_note", {}, "read_note needs 'path'"),
        ("read_note", {"path": 7}, "path"),
        ("ask_person", {"question": ""}, "text"),
        ("ask_person", {"question": "x", "options": ["a"], "default": "b"}, "default is one of a"),
        ("ask_person", {"question": "x", "deadline_ticks": 0}, "deadline_ticks is a whole number"),
        ("delegate_task", {"taker": "gone", "task": "x", "price": "1"}, "nobody 'gone'"),
        ("delegate_task", {"taker": "aide", "task": "x", "price": "much"}, "not an amount of credits"),
        ("accept_task", {"task_id": "task.x.1"}, "there is no task 'task.x.1' of yours"),
        ("accept_task", {"task_id": MINE}, "you cannot accept it"),
        ("approve_result", {"task_id": HERS}, "you cannot approve it"),
    ],
)
def test_a_call_that_does_not_fit_is_told(name, arguments, reason):
    told = own_calls().effect(name, arguments)

    assert isinstance(told, str)
    assert reason in told


def test_no_more_questions_wait_than_the_service_allows():
    calls = own_calls(questions=[observed_question()] * (QUESTIONS_OPEN.most - 1))

    first, second = (calls.effect("ask_person", {"question": "May I?"}) for _ in range(2))

    assert (first, "may wait for an answer" in str(second)) == (AskPerson("May I?"), True)


def test_the_takers_of_a_task_are_named_and_every_tool_has_a_definition():
    found = own_definitions(OWN_TOOLS, ("aide", "eve"))

    schemas = {tool.name: tool.parameters["properties"] for tool in found}
    assert tuple(schemas) == OWN_TOOLS
    assert schemas["delegate_task"]["taker"]["enum"] == ["aide", "eve"]


def test_requests_have_the_place_in_the_cycle_and_ends_of_tasks_wait_for_the_cycle():
    def cycle():
        seen.append(
            (
                yield (
                    AskPerson("a?", deadline_ticks=3),
                    AdvanceOwnTask(MINE, TaskStep.APPROVE),
                    WriteNote("a", "b"),
                )
            )
        )

    seen = []
    run = CycleRun("lab_001", 5, cycle())
    ask, write = run.start()
    question = Question.model_construct(question_id="q")
    run.resume([question, question])

    assert (ask.action.ask.request_id, ask.action.tick, ask.action.deadline_tick) == ("5-1", 5, 7)
    assert (write.request.command_id, write.request.tick) == ("5.2", 5)
    assert seen == [[question, None, question]]
    assert [(each.agent, each.step.step) for each in run.ends] == [("lab_001", TaskStep.APPROVE)]


def test_an_agent_that_is_set_aside_ends_no_task():
    def cycle():
        yield AdvanceOwnTask(MINE, TaskStep.APPROVE)
        raise ValueError

    run = CycleRun("lab_001", 5, cycle())

    assert (run.start(), run.ends, run.failure) == ((), [], "ValueError: ")
