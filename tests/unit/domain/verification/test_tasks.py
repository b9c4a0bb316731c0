"""Every difference between the log's tasks and the ledger is found and named."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kept_runs import data_of, kept, places, run_report, without
from ledger_builders import caused, endow, journal, post, transfer
from ledger_builders import pending as reserve
from nats_runs import shortened

from econsim import subjects
from econsim.domain.audit.envelope import Envelope
from econsim.domain.social.payment import hold, payout, reservation, settlement
from econsim.domain.social.tasks import STEPS, UNENDED, TaskTable, delegated_task
from econsim.domain.verification.tasks import TaskChecks
from econsim.schemas.social_events import TaskAdvanced, TaskDelegated, TaskOffered, TaskSettled
from econsim.schemas.social_tasks import DelegateTask, TaskState, TaskStep

NOW = "2026-01-01T00:00:00.000000000Z"
ENVELOPE = Envelope("run", "salt", 1, NOW)
ID = "task.ana.dig"
SUBJECTS = {
    TaskDelegated: subjects.TASK_DELEGATED,
    TaskOffered: subjects.TASK_OFFERED,
    TaskAdvanced: subjects.TASK_ADVANCED,
    TaskSettled: subjects.TASK_SETTLED,
}

HELD = transfer("held", "ana", "social", 5)
TO_TAKER = transfer("paid", "social", "bob", 5)
BACK = transfer("back", "social", "ana", 5)


def delegated(price=5):
    command = DelegateTask(command_id="dig", taker="bob", text="Dig.", price=price, deadline_ms=1_000)
    return delegated_task("ana", command, NOW)


def told(*steps, paid=None, offered=True):
    """Return the events of a task of ana's for bob at 5."""
    events = [TaskDelegated(**dict(delegated()))]
    events += [TaskOffered(task_id=ID)] if offered else []
    events += [TaskAdvanced(task_id=ID, step=step, agent="ana") for step in steps]
    return events + ([] if paid is None else [TaskSettled(task_id=ID, paid=paid)])


def findings(events, chains, *, whole=True):
    """Return what the checks find, as names and places."""
    checks = TaskChecks()
    for place, data in enumerate(events, 101):
        checks.add(place, ENVELOPE.event(SUBJECTS[type(data)], "social", data, place).event)
    return [(each.what, each.place) for each in checks.findings(journal(*chains), whole=whole)]


def moved(*transfers):
    return [caused(ID, each) for each in transfers]


@pytest.mark.parametrize(
    ("events", "transfers", "whole"),
    [
        (told(TaskStep.APPROVE, paid=5), (HELD, TO_TAKER), True),
        (told(TaskStep.REJECT, paid=0), (HELD, BACK), True),
        (told(TaskStep.EXPIRE, paid=0), (HELD, BACK), True),
        (told(), (HELD, BACK), True),
        (told(TaskStep.APPROVE), (HELD, BACK), True),
        (told(offered=False), (), True),
        (told(TaskStep.APPROVE, paid=5), (HELD,), False),
        (told(), (), False),
    ],
)
def test_a_task_that_is_paid_as_the_log_says_has_no_findings(events, transfers, whole):
    assert findings(events, moved(*transfers), whole=whole) == []


@pytest.mark.parametrize(
    ("events", "transfers", "found"),
    [
        (told(paid=0), (HELD, TO_TAKER), ("task_is_paid_without_approval", 2)),
        (told(TaskStep.REJECT), (HELD, TO_TAKER), ("task_is_paid_without_approval", 2)),
        (told(TaskStep.APPROVE, paid=5), (HELD, TO_TAKER, TO_TAKER), ("task_is_paid_twice", 3)),
        (told(TaskStep.APPROVE, paid=5), (HELD, TO_TAKER, BACK), ("task_is_paid_twice", 3)),
        (told(TaskStep.APPROVE, paid=5), (HELD, HELD, TO_TAKER), ("task_is_paid_twice", 2)),
        (told(), (transfer("held", "ana", "social", 6), BACK), ("payment_differs_from_its_task", 1)),
        (told(), (transfer("held", "eve", "social", 5), BACK), ("payment_differs_from_its_task", 1)),
        (told(offered=False), (HELD, BACK), ("payment_differs_from_its_task", 1)),
        (told(), (HELD, transfer("back", "social", "ana", 4)), ("payment_differs_from_its_task", 2)),
        (told(), (HELD, transfer("back", "social", "eve", 5)), ("payment_differs_from_its_task", 2)),
        (told(TaskStep.APPROVE, paid=4), (HELD, TO_TAKER), ("payment_differs_from_its_task", 101)),
        (told(TaskStep.APPROVE, paid=5), (HELD, BACK), ("payment_differs_from_its_task", 101)),
        (told(), (), ("task_has_no_payment", 101)),
        (told(TaskStep.APPROVE, paid=5), (HELD,), ("task_is_not_settled", 101)),
        ([], (HELD, BACK), ("task_payment_has_no_task", 1)),
    ],
)
def test_each_difference_is_named_with_its_place(events, transfers, found):
    assert found in findings(events, moved(*transfers))


@pytest.mark.parametrize("what", ["task_has_no_payment", "task_is_not_settled"])
def test_what_may_still_come_is_no_finding_in_a_run_under_way(what):
    transfers = (HELD,) if what == "task_is_not_settled" else ()

    assert findings(told(), moved(*transfers), whole=False) == []


LIVES = st.lists(st.sampled_from(sorted(TaskStep)), max_size=6)


def life(steps, price):
    """Return the events and chains of a task through those of these steps that its state allows."""
    task = delegated(price)
    table, events = TaskTable(), [TaskDelegated(**dict(task)), TaskOffered(task_id=ID)]
    for event in events:
        task = table.evolve(event)
    chains = [reservation(task), hold(task)]
    for step in steps:
        if (task.state, step) in STEPS:
            events.append(TaskAdvanced(task_id=ID, step=step, agent="ana"))
            task = table.evolve(events[-1])
    if task.state in UNENDED:
        return events, [*chains, caused(ID, transfer("back", "social", "ana", price))]
    paid = price if task.state is TaskState.APPROVED else 0
    return [*events, TaskSettled(task_id=ID, paid=paid)], [*chains, payout(task), settlement(task)]


@given(LIVES, st.integers(1, 100))
def test_whatever_becomes_of_a_task_its_payments_agree(steps, price):
    events, chains = life(steps, price)

    assert findings(events, chains) == []


@given(LIVES, st.integers(1, 100), st.data())
def test_whatever_movement_is_gone_or_comes_again_is_found(steps, price, data):
    events, chains = life(steps, price)
    index = data.draw(st.sampled_from([1, len(chains) - 1]))
    gone, again = chains[:index] + chains[index + 1 :], [*chains, chains[index]]

    assert findings(events, gone)
    assert findings(events, again)


def test_payments_of_others_are_left_alone():
    chains = [
        endow("ana", 5),
        caused("mcp.ana.1", reserve("r", "ana", "mcp", 5), post("s", "ana", "mcp", 5, of="r")),
    ]

    assert findings([], chains) == []


@cache
def kept_studio():
    """Return the log and the bucket of a run whose agents work for each other."""
    return kept(shortened("studio", periods=1))


def test_a_run_whose_agents_delegate_has_no_findings():
    log, bucket = kept_studio()

    assert places(log, "task_settled")
    assert run_report(log, bucket).findings == ()


def test_an_approval_that_is_gone_leaves_a_payment_without_one():
    log, bucket = kept_studio()
    approval = next(
        place for place in places(log, "task_advanced") if data_of(log[place])["step"] == "approve"
    )

    whats = {each.what for each in run_report(without(log, approval), bucket).findings}

    assert whats == {"task_is_paid_without_approval"}
