"""The questions and tasks of hosted agents at the end of a tick: answers of scripted people, and deadlines in ticks. Pure.

The social service and the driver in memory decide by it. In a run in lock-step the log says the same after each tick, because
everything here follows from the state, the tick and the scenario.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress

from econsim.domain.social.questions import BY_AGENT, asked_question
from econsim.domain.social.state import SocialState
from econsim.errors import Refused
from econsim.schemas.scenario_people import ScriptedPerson
from econsim.schemas.social import NO, YES, AskHuman, Audience, Question, QuestionKind
from econsim.schemas.social_events import SocialChange
from econsim.schemas.social_hosted import AgentStep


def hosted_question(agent: str, ask: AskHuman, now: str, deadline_tick: int) -> Question:
    """Return a question of a hosted agent as it is when it is asked."""
    return asked_question(
        BY_AGENT, agent, ask, Audience.PERSON, ask.person, now=now, deadline_tick=deadline_tick
    )


def step_changes(state: SocialState, ended: AgentStep, now: str) -> list[SocialChange]:
    """Return the change of a step that ends a task, none for a repeat or for a step that does not fit the task."""
    with suppress(Refused):
        if change := state.tasks.step(ended.agent, ended.step, now):
            return [change]
    return []


def due_changes(
    state: SocialState, agents: Collection[str], tick: int, people: Sequence[ScriptedPerson], now: str
) -> list[SocialChange]:
    """Return the changes that end what is due at a tick for the agents of a host: people answer, then deadlines pass."""
    changes: list[SocialChange] = []
    for question in state.questions.open_of_hosted(agents):
        answer = _scripted_answer(question, people, tick)
        if answer is not None:
            ended = state.questions.answer(question, Audience.PERSON, *answer, now)
            changes += [ended] if ended else []
        elif (question.deadline_tick or 0) <= tick:
            changes.append(state.questions.end(question))
    return [*changes, *map(state.tasks.expire, state.tasks.due_at_tick(agents, tick))]


def _scripted_answer(
    question: Question, people: Sequence[ScriptedPerson], tick: int
) -> tuple[str, str] | None:
    """Return the person who answers a question at this tick, and the answer; None if nobody does."""
    person = next((each for each in people if question.asked in (None, each.name)), None)
    if person is None or person.ignores or tick < asked_tick(question) + person.after_ticks - 1:
        return None
    offered = (YES, NO) if question.kind is QuestionKind.CONFIRM else question.options
    fitting = [each for each in person.prefers if not offered or each in offered]
    answer = next(iter((*fitting, *offered)), None)
    return None if answer is None else (person.name, answer)


def asked_tick(question: Question) -> int:
    """Return the tick at which a hosted agent asked a question: the first number of its id."""
    return int(question.question_id.rpartition(".")[2].partition("-")[0])
