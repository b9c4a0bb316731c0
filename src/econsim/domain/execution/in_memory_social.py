"""Questions and tasks of a run in memory: the decisions, payments and events of the social service, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from dataclasses import replace

from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.domain.clock.period import HeldPrice
from econsim.domain.runtime.effects import HostedSocial
from econsim.domain.social.events import social_event
from econsim.domain.social.hosted import due_changes, hosted_question, step_changes
from econsim.domain.social.payment import payment, payout, reservation
from econsim.domain.social.state import SocialState
from econsim.domain.social.tasks import reserved_change
from econsim.errors import Refused
from econsim.schemas.base import ErrorBody, error_body
from econsim.schemas.ledger import Chain, Refusal
from econsim.schemas.scenario_people import ScriptedPerson
from econsim.schemas.social import AskHuman, Question
from econsim.schemas.social_events import SocialChange, TaskSettled
from econsim.schemas.social_hosted import AgentStep, HostedAction
from econsim.schemas.social_tasks import AdvanceTask, DelegateTask, Task

Post = Callable[[Sequence[Chain]], Generator[AddressedEvent, None, dict[str, Refusal]]]
"""Function that applies chains at the ledger: yields the journal's events, returns the refusals."""


class InMemorySocial:
    """The questions and tasks of a run in memory."""

    def __init__(self, people: Sequence[ScriptedPerson], post: Post) -> None:
        """Have these people answer, and pay through `post`."""
        self._people = people
        self._post = post
        self._state = SocialState()
        self._changes = 0

    def use(
        self, envelope: Envelope, hosted: HostedSocial
    ) -> Generator[AddressedEvent, None, Question | Task | ErrorBody]:
        """Do an action of an agent; return its reply."""
        try:
            return (yield from self._act(envelope, hosted.agent, hosted.action))
        except Refused as error:
            return error_body(error)

    def end_tick(
        self, envelope: Envelope, agents: Collection[str], steps: Iterable[AgentStep]
    ) -> Generator[AddressedEvent, None, None]:
        """Do the steps that end tasks, then end what is due at the tick, and pay."""
        for step in steps:
            yield from self._append(envelope, step_changes(self._state, step, envelope.now))
            yield from self._settle(envelope)
        due = due_changes(self._state, agents, envelope.tick, self._people, envelope.now)
        yield from self._append(envelope, due)
        yield from self._settle(envelope)

    def held_prices(self) -> list[HeldPrice]:
        """Return the prices of open tasks, oldest first."""
        tasks = (each for each in self._state.tasks.open_tasks() if each.price)
        return [HeldPrice(each.task_id, each.delegator, each.taker, each.price) for each in tasks]

    def _act(
        self, envelope: Envelope, agent: str, action: HostedAction
    ) -> Generator[AddressedEvent, None, Question | Task]:
        match action.ask or action.delegate or action.advance:
            case AskHuman() as ask:
                question = hosted_question(agent, ask, envelope.now, action.deadline_tick)
                asked = self._state.questions.ask(question, envelope.now)
                yield from self._append(envelope, [asked] if asked else [])
                return question
            case DelegateTask() as command:
                changes = self._state.delegate(agent, command, envelope.now, action.deadline_tick)
                yield from self._append(envelope, changes)
                yield from self._reserve(envelope)
                return self._task(agent, f"task.{agent}.{command.command_id}")
            case AdvanceTask() as step:
                change = self._state.tasks.step(agent, step, envelope.now)
                yield from self._append(envelope, [change] if change else [])
                return self._task(agent, step.task_id)
        raise AssertionError

    def _task(self, agent: str, task_id: str) -> Task:
        return self._state.tasks.find_of(agent, task_id)

    def _reserve(self, envelope: Envelope) -> Generator[AddressedEvent, None, None]:
        for task in self._state.tasks.tasks_to_reserve():
            refused = (yield from self._post([reservation(task)])) if task.price else {}
            yield from self._append(envelope, [reserved_change(task, refused.get(task.task_id))])
            yield from self._move()

    def _settle(self, envelope: Envelope) -> Generator[AddressedEvent, None, None]:
        for task in self._state.tasks.tasks_to_settle():
            if task.price:
                yield from self._post([payout(task)])
            settled = TaskSettled(task_id=task.task_id, paid=payment(task))
            yield from self._append(envelope, [settled])
            yield from self._move()

    def _move(self) -> Generator[AddressedEvent, None, None]:
        if chains := self._state.tasks.posts():
            yield from self._post(chains)
            self._state.tasks.note_posted(chains)

    def _append(
        self, envelope: Envelope, changes: Iterable[SocialChange]
    ) -> Generator[AddressedEvent, None, None]:
        for change in changes:
            self._changes += 1
            self._state.evolve(change)
            # The service names no cause: its events follow from requests, deadlines and the ledger alike.
            yield social_event(replace(envelope, causation_id=None), change, self._changes)
