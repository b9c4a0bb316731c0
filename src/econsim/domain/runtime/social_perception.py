"""The tasks and questions of a host's agents as they perceive them: what the log said before the tick opened, in order of ids. Pure.

It folds the events with the social service's own tables, so there is one set of rules.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, TypeGuard

from econsim.domain.cognition.observation import ObservedQuestion, ObservedTask
from econsim.domain.social.events import is_social
from econsim.domain.social.state import SocialState
from econsim.domain.social.tasks import UNENDED
from econsim.schemas.social_events import QuestionEnded, SocialChange
from econsim.schemas.social_tasks import Task

ENDED_TASKS_MAX: Final = 4
"""Ended tasks that an agent still sees, the newest: it learns what became of them."""

QUESTIONS_MAX: Final = 8
"""Questions that an agent sees, the newest: as many as may wait at once."""


class SocialPerception:
    """The tasks and questions of agents, folded from a run's events."""

    def __init__(self, agents: Collection[str]) -> None:
        """Start before the run's first event; without agents nothing is folded."""
        self._agents = frozenset(agents)
        self._state = SocialState()
        self._ended: dict[str, int] = {}

    def concerns(self, data: object) -> TypeGuard[SocialChange]:
        """Return whether an event's data change the view."""
        return bool(self._agents) and is_social(data)

    def evolve(self, change: SocialChange, tick: int) -> None:
        """Fold one event of a tick."""
        self._state.evolve(change)
        if isinstance(change, QuestionEnded):
            self._ended[change.question_id] = tick

    def tasks(self, agent: str) -> tuple[ObservedTask, ...] | None:
        """Return the tasks of an agent by id, all open ones and the newest ended ones; None for an agent without tools."""
        if agent not in self._agents:
            return None
        every = self._state.tasks.tasks_of(agent)
        ended = [task for task in every if task.state not in UNENDED]
        hidden = {task.task_id for task in sorted(ended, key=_age)[:-ENDED_TASKS_MAX]}
        return tuple(_observation_of(task) for task in every if task.task_id not in hidden)

    def questions(self, agent: str) -> tuple[ObservedQuestion, ...] | None:
        """Return the newest questions of an agent, oldest first; None for an agent without tools."""
        if agent not in self._agents:
            return None
        asked = self._state.questions.questions_of(agent)[-QUESTIONS_MAX:]
        return tuple(
            ObservedQuestion(
                each.question_id, each.text, each.state, each.answer, self._ended.get(each.question_id)
            )
            for each in asked
        )


def _age(task: Task) -> tuple[int, int, str]:
    """Return the key that orders tasks by their delegation: tick and place of the cycle are in the id."""
    cycle, _, place = task.task_id.rpartition(".")[2].partition("-")
    is_hosted = cycle.isdecimal() and place.isdecimal()
    return (int(cycle), int(place), task.task_id) if is_hosted else (0, 0, task.task_id)


def _observation_of(task: Task) -> ObservedTask:
    return ObservedTask(
        task.task_id,
        task.delegator,
        task.taker,
        task.text,
        task.price,
        task.state,
        task.deadline_tick or 0,
        task.result,
        task.reason,
    )
