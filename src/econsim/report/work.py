"""Questions and tasks in a run's summary: whom each group asked, what it had others do, and what it did. Folded from the log, event by event."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Final

from econsim import subjects
from econsim.domain.agent.population import Agent
from econsim.domain.audit.facts import Json, Record

TASK_MONEY: Final = frozenset({subjects.TASK_DELEGATED.type, subjects.TASK_SETTLED.type})
"""Types of the events about the money of tasks."""

OF_WORK: Final = TASK_MONEY | {
    subjects.QUESTION_ASKED.type,
    subjects.QUESTION_ENDED.type,
    subjects.TASK_ADVANCED.type,
}
"""Types of the events about questions and tasks."""


@dataclass(frozen=True, slots=True)
class GroupWork:
    """The questions and tasks of one group over the whole run."""

    group: str
    """Group of the agents."""
    questions: int = 0
    """Count of questions that its agents asked people."""
    answered: int = 0
    """Count of those that a person answered."""
    delegated: int = 0
    """Count of tasks that its agents delegated."""
    approved: int = 0
    """Count of those whose result they approved."""
    paid: int = 0
    """Price of those, micro-credits."""
    done: int = 0
    """Count of tasks that its agents did for others, and whose result was approved."""
    earned: int = 0
    """Price of those, micro-credits."""


class WorkAggregator:
    """Questions and tasks of a run, folded event by event."""

    def __init__(self, agents: Iterable[Agent] = ()) -> None:
        """Start before the run's first question."""
        self._groups = {agent.id: agent.group for agent in agents}
        self._work = {group: GroupWork(group) for group in self._groups.values()}
        self._askers: dict[str, str] = {}
        self._tasks: dict[str, Json] = {}

    def add(self, entry: Record) -> None:
        """Add an event about a question or a task."""
        data = entry.data
        match entry.type:
            case subjects.QUESTION_ASKED.type:
                self._askers[data["question_id"]] = data["asker"]
                self._count(data["asker"], questions=1)
            case subjects.QUESTION_ENDED.type:
                asker = self._askers.pop(data["question_id"], "")
                self._count(asker, answered=data["state"] == "answered")
            case subjects.TASK_DELEGATED.type:
                self._tasks[data["task_id"]] = data
                self._count(data["delegator"], delegated=1)
            case subjects.TASK_ADVANCED.type if data["step"] == "approve":
                # A damaged log may lack the delegation.
                if task := self._tasks.get(data["task_id"]):
                    self._count(task["delegator"], approved=1, paid=task["price"])
                    self._count(task["taker"], done=1, earned=task["price"])

    def summary(self) -> tuple[GroupWork, ...]:
        """Return the work of each group that had any, in the order of the scenario."""
        return tuple(work for work in self._work.values() if work != GroupWork(work.group))

    def _count(self, agent: str, **more: int) -> None:
        if group := self._groups.get(agent):
            work = self._work[group]
            sums = {
                each.name: getattr(work, each.name) + more[each.name]
                for each in fields(work)
                if each.name in more
            }
            self._work[group] = replace(work, **sums)
