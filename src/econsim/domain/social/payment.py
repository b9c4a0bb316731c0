"""Payment of a task at the ledger: moved to the service when it is offered, and to its payee after it ended. Pure.

Each movement has two chains, because the ledger ends the payments of a period when nothing is reserved (decision 0038): a
reservation lasts for the time of one event, and what is held for longer lies with holder `social`. Ids derive from the
task's, so a repeat of any chain is idempotent, and the ledger resolves a reservation at most once::

    chain            when                            effect
    <task>           after `task_delegated`          the price becomes pending; refused without enough credits
    <task>.held      after `task_offered`            the price goes from the delegator to holder `social`
    <task>.ended     after the last `task_advanced`  the price becomes pending at holder `social`
    <task>.settled   after `task_settled`            the price goes to the taker if approved, else back
    <task>.returned  when the run's last period ends  the clock gives the price of an open task back
"""

from __future__ import annotations

from econsim.schemas.ledger import CREDITS, TASKS_HOLDER, Chain, Kind, Transfer
from econsim.schemas.social_tasks import Task, TaskState


def reservation(task: Task) -> Chain:
    """Return the chain that reserves the price of a task at its delegator."""
    return _pending(task.task_id, task, task.delegator, TASKS_HOLDER)


def hold(task: Task) -> Chain:
    """Return the chain that moves a reserved price to the service."""
    return _post("held", task.task_id, task, task.delegator, TASKS_HOLDER)


def payout(task: Task) -> Chain:
    """Return the chain that reserves the price of an ended task for its payee."""
    return _pending(f"{task.task_id}.ended", task, TASKS_HOLDER, _payee(task))


def settlement(task: Task) -> Chain:
    """Return the chain that moves the price of an ended task to its payee."""
    return _post("settled", f"{task.task_id}.ended", task, TASKS_HOLDER, _payee(task))


def payment(task: Task) -> int:
    """Return the micro-credits that the taker of an ended task gets."""
    return task.price if task.state is TaskState.APPROVED else 0


def _payee(task: Task) -> str:
    return task.taker if task.state is TaskState.APPROVED else task.delegator


def _pending(id_: str, task: Task, debit: str, credit: str) -> Chain:
    transfer = Transfer(f"{id_}.{CREDITS}", Kind.PENDING, debit, credit, CREDITS, task.price)
    return Chain(id_, task.task_id, (transfer,))


def _post(word: str, reserved: str, task: Task, debit: str, credit: str) -> Chain:
    id_, pending_id = f"{task.task_id}.{word}", f"{reserved}.{CREDITS}"
    transfer = Transfer(f"{id_}.{CREDITS}", Kind.POST, debit, credit, CREDITS, task.price, pending_id)
    return Chain(id_, task.task_id, (transfer,))
