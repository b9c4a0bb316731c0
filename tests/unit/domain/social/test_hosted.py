"""Questions and tasks of hosted agents end by ticks: who answers, what the default does, and in which order."""

from __future__ import annotations

import pytest
from factories import NOON

from econsim.domain.social.hosted import due_changes, hosted_question, step_changes
from econsim.domain.social.limits import QUESTIONS_PER_HOUR
from econsim.domain.social.state import SocialState
from econsim.schemas.scenario_people import ScriptedPerson
from econsim.schemas.social import AskHuman, QuestionKind, QuestionState
from econsim.schemas.social_events import QuestionEnded, TaskAdvanced, TaskOffered
from econsim.schemas.social_hosted import AgentStep
from econsim.schemas.social_tasks import AdvanceTask, DelegateTask, TaskStep

FAR = "2099-01-01T00:00:00.000000000Z"
PATRON = ScriptedPerson(name="patron", after_ticks=2, prefers=("yes",))


@pytest.fixture
def state():
    return SocialState()


def ask(state, id_="3-1", agent="ana", deadline_tick=9, **fields):
    """Ask a question at tick 3, with a default."""
    given = {"text": "May I?", "default": "no", "options": ("maybe", "yes", "no"), **fields}
    new = AskHuman(request_id=id_, deadline_ms=1_000, **given)
    state.evolve(state.questions.ask(hosted_question(agent, new, NOON, deadline_tick), NOON))


def answers(state, tick, *people, agents=("ana",)):
    """Return state and answer of the questions that end at a tick."""
    changes = due_changes(state, agents, tick, people, NOON)
    return [
        (each.state.value, each.answer, each.answered_by)
        for each in changes
        if isinstance(each, QuestionEnded)
    ]


def delegate(state, deadline_tick=9):
    """Have ana delegate a task to bob, up to its offer."""
    command = DelegateTask(command_id="3-1", taker="bob", text="dig", price=5, deadline_ms=1_000)
    for change in state.delegate("ana", command, NOON, deadline_tick):
        state.evolve(change)
    state.evolve(TaskOffered(task_id="task.ana.3-1"))


def test_a_person_answers_after_its_ticks_and_not_before(state):
    ask(state)

    assert [answers(state, tick, PATRON) for tick in (3, 4)] == [[], [("answered", "yes", "patron")]]


@pytest.mark.parametrize(
    ("preferred", "offered", "given"),
    [
        (("yes",), ("maybe", "yes"), "yes"),
        (("never",), ("maybe", "yes"), "maybe"),
        ((), ("maybe", "yes"), "maybe"),
        (("as you like",), (), "as you like"),
    ],
)
def test_a_person_prefers_its_answers_else_the_first_that_is_offered(state, preferred, offered, given):
    ask(state, options=offered, default=None)

    (found,) = answers(state, 3, ScriptedPerson(name="patron", prefers=preferred))

    assert found[1] == given


def test_a_confirmation_offers_yes_and_no(state):
    ask(state, options=(), kind=QuestionKind.CONFIRM)

    assert answers(state, 3, ScriptedPerson(name="patron", prefers=("no",)))[0][1] == "no"


@pytest.mark.parametrize(
    "people", [(), (ScriptedPerson(name="patron", ignores=True),)], ids=["nobody", "a person who ignores it"]
)
def test_without_an_answer_the_default_counts_at_the_deadline(state, people):
    ask(state)

    assert [answers(state, tick, *people) for tick in (8, 9)] == [[], [("defaulted", "no", None)]]


def test_without_a_default_the_question_expires(state):
    ask(state, default=None)

    assert answers(state, 9) == [("expired", None, None)]


def test_a_question_to_a_person_is_left_to_it(state):
    ask(state, person="mona")

    assert answers(state, 8, PATRON) == []
    assert answers(state, 8, PATRON, ScriptedPerson(name="mona"))[0][2] == "mona"


def test_questions_of_other_hosts_are_left_to_them(state):
    ask(state, agent="bob")

    assert (answers(state, 9), len(answers(state, 9, agents=("bob",)))) == ([], 1)


def test_questions_end_in_the_order_of_their_ids_whoever_asked_first(state):
    ask(state, agent="bob")
    ask(state, agent="ana")

    changes = due_changes(state, ("ana", "bob"), 9, (), NOON)

    assert [each.question_id for each in changes] == ["question.ana.3-1", "question.bob.3-1"]


def test_time_of_day_ends_nothing_of_hosted_agents(state):
    ask(state)
    delegate(state)

    assert state.end_due(FAR) == []


def test_hosted_agents_have_no_hour_in_which_they_may_ask_so_much(state):
    for number in range(QUESTIONS_PER_HOUR.most + 1):
        ask(state, f"{number}-1")
        state.evolve(QuestionEnded(question_id=f"question.ana.{number}-1", state=QuestionState.EXPIRED))

    assert len(state.questions.questions_of("ana")) == QUESTIONS_PER_HOUR.most + 1


def test_a_task_expires_at_its_tick(state):
    delegate(state)

    early, due = (due_changes(state, ("ana",), tick, (), NOON) for tick in (8, 9))

    assert early == []
    assert [(each.task_id, each.step) for each in due] == [("task.ana.3-1", TaskStep.EXPIRE)]


def test_a_step_that_ends_a_task_is_done_once_and_one_that_does_not_fit_is_left_out(state):
    delegate(state)
    cancel = AgentStep(agent="ana", step=AdvanceTask(task_id="task.ana.3-1", step=TaskStep.CANCEL))
    approve = AgentStep(agent="ana", step=AdvanceTask(task_id="task.ana.3-1", step=TaskStep.APPROVE))

    (change,) = step_changes(state, cancel, NOON)
    state.evolve(change)

    assert isinstance(change, TaskAdvanced)
    assert [step_changes(state, each, NOON) for each in (cancel, approve)] == [[], []]
