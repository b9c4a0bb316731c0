"""The life cycle of a task: each state takes the steps of its table and no others."""

from dataclasses import replace

import pytest

from econsim.domain.social.limits import TASKS_PER_RUN
from econsim.domain.social.payment import settlement
from econsim.domain.social.tasks import (
    OF_DELEGATOR,
    OF_TAKER,
    STEPS,
    UNENDED,
    TaskTable,
    delegated_task,
    ends,
)
from econsim.errors import Conflict, NotAllowed, NotFound, QuotaExceeded
from econsim.schemas.social_events import TaskDelegated, TaskOffered, TaskRefused, TaskSettled
from econsim.schemas.social_tasks import AdvanceTask, DelegateTask, TaskState, TaskStep

NOW = "2026-01-01T00:00:00.000000000Z"
LATE = "2026-01-01T01:00:00.000000000Z"
TASK = "task.ana.t1"

PATHS = {
    TaskState.OFFERED: [],
    TaskState.ACCEPTED: [TaskStep.ACCEPT],
    TaskState.DELIVERED: [TaskStep.ACCEPT, TaskStep.DELIVER],
    TaskState.APPROVED: [TaskStep.ACCEPT, TaskStep.DELIVER, TaskStep.APPROVE],
    TaskState.REJECTED: [TaskStep.ACCEPT, TaskStep.DELIVER, TaskStep.REJECT],
    TaskState.DECLINED: [TaskStep.DECLINE],
    TaskState.CANCELLED: [TaskStep.CANCEL],
}
"""Steps that lead to each state."""


def command(id_="t1", **fields):
    return DelegateTask(
        **{"command_id": id_, "taker": "bob", "text": "dig", "price": 5, "deadline_ms": 1_000, **fields}
    )


def delegate(table, id_="t1", **fields):
    task = delegated_task("ana", command(id_, **fields), NOW)
    table.evolve(TaskDelegated(**dict(task)))
    return table.evolve(TaskOffered(task_id=task.task_id))


def agent_of(step):
    return "bob" if step in OF_TAKER else "ana"


def do(table, step, text="", agent=None):
    """Do a step; return its event, none for a repeat."""
    found = table.step(agent or agent_of(step), AdvanceTask(task_id=TASK, step=step, text=text), NOW)
    if found:
        table.evolve(found)
    return found


def at(state):
    table = TaskTable()
    delegate(table)
    for step in PATHS[state]:
        do(table, step)
    return table


@pytest.mark.parametrize("state", PATHS)
@pytest.mark.parametrize("step", sorted(OF_TAKER | OF_DELEGATOR))
def test_a_state_takes_the_steps_of_the_table(state, step):
    table = at(state)
    if step in PATHS[state]:
        assert do(table, step) is None  # a repeat
    elif (state, step) in STEPS:
        assert do(table, step)
        assert table.find_of("ana", TASK).state is STEPS[state, step]
    else:
        with pytest.raises(Conflict, match=f"cannot {step}"):
            do(table, step)


@pytest.mark.parametrize("step", sorted(OF_TAKER | OF_DELEGATOR))
def test_a_step_belongs_to_one_agent(step):
    other = "ana" if agent_of(step) == "bob" else "bob"

    with pytest.raises(NotAllowed, match="its steps are"):
        do(at(TaskState.OFFERED), step, agent=other)


def test_a_step_with_another_content_is_no_repeat():
    table = at(TaskState.ACCEPTED)
    do(table, TaskStep.DELIVER, "42")

    with pytest.raises(Conflict):
        do(table, TaskStep.DELIVER, "43")
    assert table.find_of("ana", TASK).result == "42"


def test_a_report_of_progress_keeps_what_it_leaves_out():
    table = at(TaskState.ACCEPTED)
    shown = []
    for text, percent in (("half way", 50), ("", 60), ("nearly", None), ("", None)):
        report = AdvanceTask(task_id=TASK, step=TaskStep.PROGRESS, text=text, percent=percent)
        task = table.evolve(table.step("bob", report, NOW))
        shown.append((task.progress, task.percent))

    assert shown == [("half way", 50), ("half way", 60), ("nearly", 60), ("nearly", 60)]


def test_a_report_that_comes_again_late_does_not_replace_a_newer_one():
    table = at(TaskState.ACCEPTED)
    for text in ("begun", "half way", "begun"):
        do(table, TaskStep.PROGRESS, text)

    assert table.find_of("ana", TASK).progress == "half way"


def test_every_end_is_settled_once():
    table = at(TaskState.APPROVED)
    assert [each.task_id for each in table.tasks_to_settle()] == [TASK]

    table.evolve(TaskSettled(task_id=TASK, paid=5))

    assert (table.tasks_to_settle(), table.find_of("ana", TASK).paid) == ([], 5)


def test_the_money_of_a_task_comes_to_rest_for_both_of_its_agents_and_concerns_no_other():
    table, seen = TaskTable(), []

    def note():
        seen.append([table.are_settled({agent}) for agent in ("ana", "bob", "eve")])

    table.evolve(TaskDelegated(**dict(delegated_task("ana", command(), NOW))))
    note()
    table.evolve(TaskOffered(task_id=TASK))
    note()
    table.note_posted(table.posts())
    note()
    for step in PATHS[TaskState.APPROVED]:
        do(table, step)
    note()
    table.evolve(TaskSettled(task_id=TASK, paid=5))
    note()
    table.note_posted(table.posts())
    note()

    # A taker does not know of a task before it is offered.
    moving, resting = [False, False, True], [True, True, True]
    assert seen == [[False, True, True], moving, resting, moving, moving, resting]


def test_a_step_after_the_deadline_is_refused_although_nobody_has_looked_yet():
    table = at(TaskState.OFFERED)

    with pytest.raises(Conflict, match="is expired"):
        table.step("bob", AdvanceTask(task_id=TASK, step=TaskStep.ACCEPT), LATE)
    assert [each.task_id for each in table.due(LATE)] == [TASK]


def test_others_do_not_see_a_task_nor_the_taker_one_that_was_not_offered():
    table = at(TaskState.OFFERED)
    refused = delegated_task("ana", command("t2"), NOW)
    table.evolve(TaskDelegated(**dict(refused)))
    table.evolve(TaskRefused(task_id=refused.task_id, code="c", reason="r"))

    for agent, task_id in (("eve", TASK), ("bob", refused.task_id), ("ana", "task.ana.none")):
        with pytest.raises(NotFound):
            table.find_of(agent, task_id)
    assert table.find_of("ana", refused.task_id).code == "c"


def test_an_id_with_another_content_is_a_conflict_and_with_the_same_a_repeat():
    table = at(TaskState.DECLINED)

    assert table.repeat("ana", command()).state is TaskState.DECLINED
    assert table.repeat("ana", command("t2")) is None
    with pytest.raises(Conflict):
        table.repeat("ana", command(price=6))


def test_open_tasks_are_limited_and_ended_ones_make_room():
    table = TaskTable()
    for number in range(8):
        table.require_open_room("ana", "bob")
        delegate(table, f"t{number}")

    with pytest.raises(QuotaExceeded, match="open tasks to one agent"):
        table.require_open_room("ana", "bob")
    table.evolve(table.step("bob", AdvanceTask(task_id=TASK, step=TaskStep.DECLINE), NOW))
    table.require_open_room("ana", "bob")


def test_open_tasks_of_a_delegator_are_limited_whoever_takes_them():
    table = TaskTable()
    for number in range(32):
        delegate(table, f"t{number}", taker=f"taker{number % 8}")

    with pytest.raises(QuotaExceeded, match="delegated tasks that have not ended"):
        table.require_open_room("ana", "eve")
    table.require_open_room("eve", "ana")


def test_tasks_of_a_run_are_limited_ended_ones_too(monkeypatch):
    monkeypatch.setattr("econsim.domain.social.tasks.TASKS_PER_RUN", replace(TASKS_PER_RUN, most=1))
    table = at(TaskState.DECLINED)

    with pytest.raises(QuotaExceeded, match="tasks in a run"):
        table.require_room("ana")
    table.require_room("eve")


def test_reports_of_progress_on_a_task_are_limited():
    table = at(TaskState.ACCEPTED)
    for number in range(1_000):
        do(table, TaskStep.PROGRESS, f"{number}")

    with pytest.raises(QuotaExceeded, match="reports of progress"):
        do(table, TaskStep.PROGRESS, "more")
    assert do(table, TaskStep.DELIVER)


def test_a_task_whose_payment_is_not_decided_does_not_expire():
    table = TaskTable()
    task = delegated_task("ana", command(), NOW)
    table.evolve(TaskDelegated(**dict(task)))

    assert table.due(LATE) == []


def test_a_favour_moves_no_money():
    table = TaskTable()
    delegate(table, price=0)

    assert table.posts() == []


def test_an_ended_task_is_paid_once_its_price_has_moved():
    table = at(TaskState.APPROVED)
    task = table.evolve(TaskSettled(task_id=TASK, paid=5))
    assert not table.is_paid(TASK)

    table.note_posted([settlement(task)])

    assert table.is_paid(TASK)


def test_only_final_states_move_money():
    for (state, step), reached in STEPS.items():
        assert ends(state, step) is (reached not in UNENDED)
