"""The prices of tasks in the clock's numbers: gone while they are held, then the payee's, back at the end of the run."""

import pytest
from factories import group, scenario

from econsim.domain.agent.population import population
from econsim.domain.clock.holdings import Holdings
from econsim.domain.clock.period import return_held
from econsim.domain.social.tasks import delegated_task
from econsim.schemas.ledger import CREDITS, Kind
from econsim.schemas.social_events import TaskDelegated, TaskOffered, TaskRefused, TaskSettled
from econsim.schemas.social_tasks import DelegateTask

TASK = "task.ana.t1"
COMMAND = DelegateTask(command_id="t1", taker="bob", text="dig", price=5, deadline_ms=1_000)
OWNED = 10_000_000


@pytest.fixture
def holdings():
    found = Holdings(population(scenario(*(group(name, "external", credits=10) for name in ("ana", "bob")))))
    delegated = delegated_task("ana", COMMAND, "2026-01-01T00:00:00.000000000Z")
    found.fold_task(TaskDelegated(**dict(delegated)))
    return found


def credits_of(holdings):
    return [holdings.balance(agent, CREDITS) - OWNED for agent in ("ana", "bob")]


def test_a_price_counts_until_it_is_reserved(holdings):
    assert credits_of(holdings) == [0, 0]

    holdings.fold_task(TaskOffered(task_id=TASK))

    assert credits_of(holdings) == [-5, 0]


@pytest.mark.parametrize(("paid", "then"), [(5, [-5, 5]), (0, [0, 0])])
def test_a_settled_price_is_its_payees_and_counts_once(holdings, paid, then):
    for change in (TaskOffered(task_id=TASK), *[TaskSettled(task_id=TASK, paid=paid)] * 2):
        holdings.fold_task(change)

    assert credits_of(holdings) == then


def test_a_price_is_held_over_the_end_of_a_period(holdings):
    holdings.fold_task(TaskOffered(task_id=TASK))
    holdings.close_period()
    holdings.fold_task(TaskSettled(task_id=TASK, paid=5))

    assert credits_of(holdings) == [-5, 5]


def test_what_is_held_at_the_end_of_the_run_goes_back(holdings):
    holdings.fold_task(TaskOffered(task_id=TASK))

    (chain,) = return_held(holdings.end_tasks())

    (transfer,) = chain.transfers
    assert credits_of(holdings) == [0, 0]
    assert (chain.id, transfer.kind, transfer.debit, transfer.credit, transfer.amount) == (
        f"{TASK}.returned",
        Kind.TRANSFER,
        "social",
        "ana",
        5,
    )
    assert holdings.end_tasks() == []


def test_a_refused_task_leaves_nothing(holdings):
    holdings.fold_task(TaskRefused(task_id=TASK, code="no_credits", reason="no credits"))
    holdings.fold_task(TaskOffered(task_id=TASK))

    assert (credits_of(holdings), holdings.end_tasks()) == ([0, 0], [])
