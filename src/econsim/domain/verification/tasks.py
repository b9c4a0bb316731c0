"""Verification of delegated tasks against their payments: what the log says of a task, what the journal moved for it. Pure.

A price goes from the delegator to the service once the task is offered, and from there once: to the taker if the delegator
approved the result, else back. Every event comes before the money that it moves, so a payment without its event is a fault
in a run under way, too. Shares no code with `domain/social/payment.py`: only amounts and parties count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from econsim.domain.finding import PLACE_IN_LOG, Finding
from econsim.domain.ledger.verify import JournalEntry
from econsim.schemas.base import Event
from econsim.schemas.ledger import Chain, Kind, Transfer
from econsim.schemas.social_events import TaskAdvanced, TaskDelegated, TaskOffered, TaskSettled
from econsim.schemas.social_tasks import TaskStep

HOLDER: Final = "social"
"""Holder of the prices of tasks that have not ended."""


@dataclass(slots=True)
class _LoggedTask:
    """A task as the log tells of it."""

    place: int
    event_id: str
    delegator: str
    taker: str
    price: int
    offered: bool = False
    approved: bool = False
    paid: int | None = None

    def finding(self, what: str, evidence: str) -> Finding:
        return Finding(self.place, self.event_id, what, evidence, PLACE_IN_LOG)


@dataclass(slots=True)
class _Movements:
    """Transfers that the journal made for one task: to the service, and from it, with their entries."""

    to_holder: list[tuple[JournalEntry, Transfer]] = field(default_factory=list)
    from_holder: list[tuple[JournalEntry, Transfer]] = field(default_factory=list)


class TaskChecks:
    """The checks of one run's tasks."""

    def __init__(self) -> None:
        """Start with no task."""
        self._tasks: dict[str, _LoggedTask] = {}
        self._moved: dict[str, _Movements] = {}

    def add(self, place: int, event: Event[object]) -> None:
        """Add what an event tells of a task, each event once; events of other types tell nothing."""
        match event.data:
            case TaskDelegated() as new:
                logged = _LoggedTask(place, event.event_id, new.delegator, new.taker, new.price)
                self._tasks.setdefault(new.task_id, logged)
            case TaskOffered() | TaskAdvanced() | TaskSettled() as change if task := self._tasks.get(
                change.task_id
            ):
                _fold(task, change)

    def findings(self, entries: Iterable[JournalEntry], *, whole: bool) -> Iterator[Finding]:
        """Yield the differences between tasks and payments, given the whole journal; `whole`: the run came to its own end."""
        for event in entries:
            for chain in event.data.chains:
                if isinstance(chain, Chain):
                    self._add_chain(event, chain)
        for id_, moved in self._moved.items():
            if task := self._tasks.get(id_):
                yield from _check_movements(id_, task, moved)
            else:
                event, transfer = (moved.to_holder + moved.from_holder)[0]
                yield _finding(event, "task_payment_has_no_task", f"{transfer.id}: {id_}")
        for id_, task in self._tasks.items() if whole else ():
            yield from _check_end(id_, task, self._moved.get(id_, _Movements()))

    def _add_chain(self, event: JournalEntry, chain: Chain) -> None:
        for transfer in chain.transfers:
            if transfer.kind in {Kind.PENDING, Kind.VOID} or HOLDER not in {transfer.debit, transfer.credit}:
                continue
            moved = self._moved.setdefault(chain.cause, _Movements())
            way = moved.to_holder if transfer.credit == HOLDER else moved.from_holder
            way.append((event, transfer))


def _fold(task: _LoggedTask, change: TaskOffered | TaskAdvanced | TaskSettled) -> None:
    match change:
        case TaskOffered():
            task.offered = True
        case TaskAdvanced():
            task.approved |= change.step is TaskStep.APPROVE
        case TaskSettled():
            task.paid = change.paid


def _check_movements(id_: str, task: _LoggedTask, moved: _Movements) -> Iterator[Finding]:
    """Check each transfer of a task by its amount and parties, and that there is one each way."""
    for event, transfer in moved.to_holder:
        if not task.offered or (transfer.debit, transfer.amount) != (task.delegator, task.price):
            evidence = f"{transfer.id}: {transfer.debit} gave {transfer.amount} for a task of {task.delegator} at {task.price}"
            yield _finding(event, "payment_differs_from_its_task", evidence)
    for event, transfer in moved.from_holder:
        if transfer.credit not in {task.taker, task.delegator} or transfer.amount != task.price:
            evidence = f"{transfer.id}: {transfer.credit} got {transfer.amount} for a task at {task.price}"
            yield _finding(event, "payment_differs_from_its_task", evidence)
        elif transfer.credit == task.taker and not task.approved:
            yield _finding(event, "task_is_paid_without_approval", f"{transfer.id}: {id_}")
    for way in (moved.to_holder, moved.from_holder):
        for event, transfer in way[1:]:
            yield _finding(event, "task_is_paid_twice", f"{transfer.id}: {id_}")


def _check_end(id_: str, task: _LoggedTask, moved: _Movements) -> Iterator[Finding]:
    """Check at the end of a run that the price was held, that it was given on, and to whom the log says."""
    if task.offered and task.price and not moved.to_holder:
        yield task.finding("task_has_no_payment", id_)
    if moved.to_holder and not moved.from_holder:
        yield task.finding("task_is_not_settled", id_)
    to_taker = sum(transfer.amount for _, transfer in moved.from_holder if transfer.credit == task.taker)
    if task.paid is not None and moved.from_holder and task.paid != to_taker:
        evidence = f"{id_}: the log says {task.paid}, {task.taker} got {to_taker}"
        yield task.finding("payment_differs_from_its_task", evidence)


def _finding(event: JournalEntry, what: str, evidence: str) -> Finding:
    return Finding(event.data.sequence, event.event_id, what, evidence)
