"""The delegated tasks of one run, folded from its events. Pure.

The life cycle of a task is the table STEPS: state and step give the next state. A task ends in a final state, and its
price is settled after that: it goes to the taker if the result was approved, back otherwise.

Life cycles::

    collection    holds                                     added by        removed by       bound
    _tasks        id -> task, for repeats                   TaskDelegated   never            TASKS_PER_RUN a delegator
    _of           agent -> ids of its tasks                 TaskDelegated   never            twice the tasks
    _open         ids of the tasks that have not ended      TaskDelegated   its final state  TASKS_OPEN a delegator
    _unsettled    ids of ended tasks whose price is held    its final state TaskSettled      tasks ending now
    _steps        id of an open task -> steps done         TaskAdvanced    TaskSettled      reports of progress, 8 others
    _counts       delegator -> number of its tasks          TaskDelegated   never            delegators
    _posts        id of a chain that moves a price -> it     TaskOffered,     note_posted      tasks of one period
                                                            TaskSettled
    _progress     id of an open task -> reports of progress TaskAdvanced    TaskSettled      open tasks
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from operator import attrgetter
from typing import Final

from econsim.domain.social.events import ACTOR
from econsim.domain.social.instants import later
from econsim.domain.social.limits import (
    PROGRESS_PER_TASK,
    TASKS_OPEN,
    TASKS_OPEN_TO_ONE,
    TASKS_PER_RUN,
    limit_refusal,
    require_below,
)
from econsim.domain.social.payment import hold, settlement
from econsim.errors import Conflict, NotAllowed, NotFound
from econsim.schemas.ledger import Chain, Refusal
from econsim.schemas.money import format_credits
from econsim.schemas.social_events import (
    TaskAdvanced,
    TaskDelegated,
    TaskOffered,
    TaskRefused,
    TaskSettled,
)
from econsim.schemas.social_tasks import AdvanceTask, DelegateTask, Task, TaskState, TaskStep

WORD: Final = "task"
"""First word of the ids of tasks and of their reservations, reserved among the names of agents."""

TaskChange = TaskDelegated | TaskOffered | TaskRefused | TaskAdvanced | TaskSettled
"""Data of an event about a task."""

STEPS: Final = {
    (TaskState.OFFERED, TaskStep.ACCEPT): TaskState.ACCEPTED,
    (TaskState.OFFERED, TaskStep.DECLINE): TaskState.DECLINED,
    (TaskState.OFFERED, TaskStep.CANCEL): TaskState.CANCELLED,
    (TaskState.OFFERED, TaskStep.EXPIRE): TaskState.EXPIRED,
    (TaskState.ACCEPTED, TaskStep.PROGRESS): TaskState.ACCEPTED,
    (TaskState.ACCEPTED, TaskStep.DELIVER): TaskState.DELIVERED,
    (TaskState.ACCEPTED, TaskStep.DECLINE): TaskState.DECLINED,
    (TaskState.ACCEPTED, TaskStep.EXPIRE): TaskState.EXPIRED,
    (TaskState.DELIVERED, TaskStep.APPROVE): TaskState.APPROVED,
    (TaskState.DELIVERED, TaskStep.REJECT): TaskState.REJECTED,
    (TaskState.DELIVERED, TaskStep.EXPIRE): TaskState.EXPIRED,
}
"""State and step → next state; any other pair is refused."""

OF_TAKER: Final = frozenset({TaskStep.ACCEPT, TaskStep.DECLINE, TaskStep.PROGRESS, TaskStep.DELIVER})
"""Steps of the taker."""

OF_DELEGATOR: Final = frozenset({TaskStep.APPROVE, TaskStep.REJECT, TaskStep.CANCEL})
"""Steps of the delegator."""

UNENDED: Final = frozenset({TaskState.RESERVING, TaskState.OFFERED, TaskState.ACCEPTED, TaskState.DELIVERED})
"""States that are not final."""


def task_id(delegator: str, command: DelegateTask) -> str:
    """Return the id of the task that a command delegates."""
    return f"{WORD}.{delegator}.{command.command_id}"


def delegated_task(delegator: str, command: DelegateTask, now: str, deadline_tick: int | None = None) -> Task:
    """Return a task as it is when it is delegated."""
    return Task(
        task_id=task_id(delegator, command),
        delegator=delegator,
        taker=command.taker,
        text=command.text,
        price=command.price,
        deadline_ms=command.deadline_ms,
        delegated_at=now,
        deadline_at=later(now, command.deadline_ms),
        deadline_tick=deadline_tick,
    )


def refused_task(task: Task, code: str, reason: str) -> Task:
    """Return a task as it is when it is refused."""
    return task.model_copy(update={"state": TaskState.REFUSED, "code": code, "reason": reason, "paid": 0})


def require_same(task: Task, command: DelegateTask) -> None:
    """Raise Conflict if a command with the id of a task delegates another."""
    content = (command.taker, command.text, command.price, command.deadline_ms)
    if (task.taker, task.text, task.price, task.deadline_ms) != content:
        message = f"{task.task_id} stands for another task; each needs an id of its own"
        raise Conflict(message)


class TaskTable:
    """The tasks of one run."""

    def __init__(self) -> None:
        """Start with no task."""
        self._tasks: dict[str, Task] = {}
        self._of: defaultdict[str, list[str]] = defaultdict(list)
        self._open: dict[str, None] = {}
        self._unsettled: dict[str, None] = {}
        self._steps: defaultdict[str, set[tuple[TaskStep, str, int | None]]] = defaultdict(set)
        self._posts: dict[str, Chain] = {}
        self._counts: Counter[str] = Counter()
        self._progress: Counter[str] = Counter()

    def evolve(self, change: TaskChange) -> Task:
        """Fold one event; return the task after it."""
        match change:
            case TaskDelegated():
                task = Task.model_construct(**dict(change))
                self._counts[task.delegator] += 1
                self._open[task.task_id] = None
                for agent in (task.delegator, task.taker):
                    self._of[agent].append(task.task_id)
            case TaskAdvanced():
                task = self._advance(change)
            case TaskOffered():
                task = self._tasks[change.task_id].model_copy(update={"state": TaskState.OFFERED})
                self._post(task, hold(task))
            case TaskRefused():
                task = refused_task(self._tasks[change.task_id], change.code, change.reason)
                self._open.pop(task.task_id, None)
            case TaskSettled():
                task = self._tasks[change.task_id].model_copy(update={"paid": change.paid})
                self._unsettled.pop(task.task_id, None)
                self._post(task, settlement(task))
                self._progress.pop(task.task_id, None)
        self._tasks[task.task_id] = task
        return task

    def find_of(self, agent: str, id_: str) -> Task:
        """Return a task that an agent delegated or may work on; raises NotFound for any other."""
        task = self._tasks.get(id_)
        if task is None or agent not in (task.delegator, task.taker) or not is_visible(task, agent):
            message = f"there is no task {id_!r} of yours in this run"
            raise NotFound(message, code="task_does_not_exist")
        return task

    def get(self, id_: str) -> Task | None:
        """Return a task, none if there is none."""
        return self._tasks.get(id_)

    def open_of(self, agent: str) -> Iterator[Task]:
        """Yield the open tasks that an agent delegated or may work on, oldest first."""
        for task in self.open_tasks():
            if agent in (task.delegator, task.taker) and is_visible(task, agent):
                yield task

    def open_tasks(self) -> Iterator[Task]:
        """Yield the tasks that have not ended, oldest first."""
        return (self._tasks[each] for each in self._open)

    def tasks_of(self, agent: str) -> list[Task]:
        """Return all tasks that an agent delegated or may work on, by id."""
        found = (self._tasks[id_] for id_ in self._of.get(agent, ()))
        return sorted((each for each in found if is_visible(each, agent)), key=attrgetter("task_id"))

    def due(self, now: str) -> list[Task]:
        """Return the open tasks that were offered and whose deadline has passed."""
        return [
            each for each in self._open_offers() if each.deadline_tick is None and each.deadline_at <= now
        ]

    def due_at_tick(self, agents: Collection[str], tick: int) -> list[Task]:
        """Return the open tasks of these delegators whose last tick has come, by id."""
        due = [
            each
            for each in self._open_offers()
            if each.delegator in agents and each.deadline_tick is not None and each.deadline_tick <= tick
        ]
        return sorted(due, key=attrgetter("task_id"))

    @staticmethod
    def expire(task: Task) -> TaskAdvanced:
        """Return the event that ends a task at its deadline."""
        return TaskAdvanced(task_id=task.task_id, step=TaskStep.EXPIRE, agent=ACTOR, text="its time is up")

    def tasks_to_reserve(self) -> list[Task]:
        """Return the tasks whose payment is not known to be reserved."""
        return [each for each in self.open_tasks() if each.state is TaskState.RESERVING]

    def tasks_to_settle(self) -> list[Task]:
        """Return the ended tasks whose price is not settled."""
        return [self._tasks[each] for each in self._unsettled]

    def posts(self) -> list[Chain]:
        """Return the chains that move prices whose reservation is in the log as an event and may not be resolved yet."""
        return list(self._posts.values())

    def is_paid(self, id_: str) -> bool:
        """Return whether the price of an ended task is with its payee."""
        task = self._tasks[id_]
        return task.paid is not None and settlement(task).id not in self._posts

    def is_settled(self, id_: str) -> bool:
        """Return whether no money of a task is on its way: it is held, or back, or with its payee."""
        task = self._tasks[id_]
        if task.state is TaskState.RESERVING:
            return False
        return hold(task).id not in self._posts if task.state in UNENDED else self.is_paid(id_)

    def are_settled(self, agents: Collection[str]) -> bool:
        """Return whether no money of any task that these agents delegated or may work on is on its way."""
        moving = {*self._open, *self._unsettled, *(chain.cause for chain in self._posts.values())}
        tasks = (self._tasks[id_] for id_ in moving)
        return all(
            self.is_settled(task.task_id)
            for task in tasks
            if any(agent in agents and is_visible(task, agent) for agent in (task.delegator, task.taker))
        )

    def note_posted(self, chains: Iterable[Chain]) -> None:
        """Note that chains are applied."""
        for chain in chains:
            self._posts.pop(chain.id, None)

    def forget_posts(self) -> None:
        """Forget what the log says was reserved so far: a period opened, so the ledger has resolved all of it."""
        self._posts.clear()

    def repeat(self, delegator: str, command: DelegateTask) -> Task | None:
        """Return the task that a command repeats, none for a new one; raises Conflict for other content."""
        known = self._tasks.get(task_id(delegator, command))
        if known is not None:
            require_same(known, command)
        return known

    def require_room(self, delegator: str) -> None:
        """Raise QuotaExceeded if the delegator may delegate no further task in this run."""
        require_below(TASKS_PER_RUN, self._counts[delegator])

    def require_open_room(self, delegator: str, taker: str) -> None:
        """Raise QuotaExceeded if the delegator has too many open tasks."""
        takers = Counter(each.taker for each in self.open_tasks() if each.delegator == delegator)
        require_below(TASKS_OPEN, takers.total())
        require_below(TASKS_OPEN_TO_ONE, takers[taker])

    def step(self, agent: str, request: AdvanceTask, now: str) -> TaskAdvanced | None:
        """Return the event of a step, none for a repeat.

        Raises NotFound for a task of others, NotAllowed for a step of the other agent, Conflict for a step that does not
        fit the state.
        """
        task = self.find_of(agent, request.task_id)
        steps = (OF_TAKER if agent == task.taker else frozenset()) | (
            OF_DELEGATOR if agent == task.delegator else frozenset()
        )
        if request.step not in steps:
            message = f"{agent!r} may not {request.step.value} {task.task_id}; its steps are {', '.join(sorted(steps))}"
            raise NotAllowed(message, code="step_is_of_the_other_agent")
        # A report that comes late must not replace a newer one, so any equal one before it makes it a repeat.
        if (request.step, request.text, request.percent) in self._steps[task.task_id]:
            return None
        if (task.state, request.step) not in STEPS or task.deadline_at <= now:
            state = task.state if task.state not in UNENDED or task.deadline_at > now else TaskState.EXPIRED
            message = f"{task.task_id} is {state.value}; it cannot {request.step.value}"
            raise Conflict(message, code="task_is_in_another_state")
        if request.step is TaskStep.PROGRESS and self._progress[task.task_id] >= PROGRESS_PER_TASK.most:
            raise limit_refusal(PROGRESS_PER_TASK)
        return TaskAdvanced(
            task_id=task.task_id,
            step=request.step,
            agent=agent,
            text=request.text,
            percent=request.percent,
        )

    def _open_offers(self) -> Iterator[Task]:
        return (each for each in self.open_tasks() if each.state is not TaskState.RESERVING)

    def _post(self, task: Task, chain: Chain) -> None:
        if task.price:
            self._posts[chain.id] = chain

    def _advance(self, change: TaskAdvanced) -> Task:
        task = self._tasks[change.task_id]
        state = STEPS[task.state, change.step]
        update: dict[str, object] = {"state": state}
        match change.step:
            case TaskStep.PROGRESS:
                # What a report leaves out stays as the one before said it.
                percent = task.percent if change.percent is None else change.percent
                update |= {"progress": change.text or task.progress, "percent": percent}
                self._progress[task.task_id] += 1
            case TaskStep.DELIVER:
                update["result"] = change.text
            case TaskStep.ACCEPT:
                pass
            case _:
                update["reason"] = change.text
        self._steps[task.task_id].add((change.step, change.text, change.percent))
        if state not in UNENDED:
            self._open.pop(task.task_id, None)
            self._unsettled[task.task_id] = None
        return task.model_copy(update=update)


def reserved_change(task: Task, refusal: Refusal | None) -> TaskOffered | TaskRefused:
    """Return the event that follows the reservation of a task's price, or its refusal by the ledger."""
    if refusal is None:
        return TaskOffered(task_id=task.task_id)
    reason = (
        f"the task costs {format_credits(task.price)} credits, which {task.delegator!r} does not have available "
        f"({refusal.value}); offer less, or wait until reservations are released"
    )
    return TaskRefused(task_id=task.task_id, code=refusal.value, reason=reason)


def ends(state: TaskState, step: TaskStep) -> bool:
    """Return whether a step ends a task in this state, and so moves money."""
    return STEPS.get((state, step), TaskState.RESERVING) not in UNENDED


def is_visible(task: Task, agent: str) -> bool:
    """Return whether an agent knows of a task: a taker does once it was offered."""
    return agent == task.delegator or task.state not in (TaskState.RESERVING, TaskState.REFUSED)
