"""Requests of hosts to the social service: one action of an agent's cycle, and the end of a tick. For hosts alone.

They name the tick of the cycle, so that what an agent does has one logical time, whichever worker serves it. Deadlines are
ticks of the run; those in milliseconds are the longest allowed and never matter.
"""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from econsim.schemas.base import Message, Request
from econsim.schemas.social import AskHuman, Question
from econsim.schemas.social_tasks import AdvanceTask, DelegateTask, Task
from econsim.schemas.types import Name, Tick

STEPS_MAX: Final = 2_000
"""Steps in one end of a tick: with reasons of full length they stay below 8 MiB."""


class HostedAction(Request):
    """One action of a hosted agent, named by the subject; a repeat with the same ids has the same effect."""

    tick: Tick
    """Tick of the agent's cycle."""
    deadline_tick: Tick = 0
    """Tick at whose end a question or a task ends without an answer or an accepted result; 0 for a step."""
    ask: AskHuman | None = None
    """Question to a person."""
    delegate: DelegateTask | None = None
    """Task for another agent."""
    advance: AdvanceTask | None = None
    """Step of a task that does not end it."""

    @model_validator(mode="after")
    def _one_action(self) -> Self:
        if sum(each is not None for each in (self.ask, self.delegate, self.advance)) != 1:
            message = "give one action: `ask`, `delegate` or `advance`"
            raise ValueError(message)
        return self


class ActionDone(Message):
    """The question or the task after an action, durable and paid for."""

    question: Question | None = None
    """Question that was asked."""
    task: Task | None = None
    """Task that was delegated or advanced."""


class AgentStep(Message):
    """A step with which an agent ends a task that it delegated."""

    agent: Name
    """Agent that delegated the task."""
    step: AdvanceTask
    """Step of the agent."""


class EndTick(Request):
    """End a tick for a host's agents: do the steps that end tasks, then end what is due at this tick.

    A host sends it after the cycles of all hosts, because it pays agents: what one agent is paid must not decide what
    another can still afford in the same tick.
    """

    tick: Tick
    """Tick that ends."""
    steps: Annotated[tuple[AgentStep, ...], Field(max_length=STEPS_MAX)] = ()
    """Steps that end tasks, in the order of the agents and their cycles."""


class TickEnded(Message):
    """The tick has ended for the host's agents: everything is durable and paid."""

    tick: Tick
    """Tick that ended."""
