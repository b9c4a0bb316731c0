"""Events of the social service; its state is their projection."""

from __future__ import annotations

from econsim.schemas.base import Message
from econsim.schemas.social import AgentMessage, Question, QuestionState
from econsim.schemas.social_tasks import Percent, Task, TaskStep, TaskText
from econsim.schemas.types import Amount, Identifier, Name, Text


class QuestionAsked(Question):
    """A person or an agent was asked a question."""


class QuestionEnded(Message):
    """A question ended: by an answer, its default, its deadline, or its asker."""

    question_id: Identifier
    """Id of the question."""
    state: QuestionState
    """Final state of the question."""
    answer: Text | None = None
    """Answer, also the default; none if there is none."""
    answered_by: Identifier | None = None
    """Operator or agent who answered."""


class ConsentChanged(Message):
    """An agent allowed or forbade another to write to it."""

    agent: Name
    """Agent that consents or not."""
    sender: Name
    """Agent whose messages are allowed or forbidden."""
    is_allowed: bool
    """True if messages are allowed."""


class MessagePosted(AgentMessage):
    """An agent sent a message to another."""


class TaskDelegated(Task):
    """An agent delegated a task to another; its payment is about to be reserved."""


class TaskOffered(Message):
    """The payment of a task is reserved, and the taker may accept."""

    task_id: Identifier
    """Id of the task."""


class TaskRefused(Message):
    """A task was not offered: its payment could not be reserved, or it is not allowed."""

    task_id: Identifier
    """Id of the task."""
    code: str
    """Code of the refusal."""
    reason: TaskText
    """Reason of the refusal, for people."""


class TaskAdvanced(Message):
    """An agent of a task did a step of it, or its time was up."""

    task_id: Identifier
    """Id of the task."""
    step: TaskStep
    """Step of the task."""
    agent: Name
    """Agent that did the step; `social` for the end of the time."""
    text: TaskText = ""
    """Progress, result or reason."""
    percent: Percent | None = None
    """Part of the task that is done."""


class TaskSettled(Message):
    """The reservation of a task that ended is posted or released."""

    task_id: Identifier
    """Id of the task."""
    paid: Amount
    """Micro-credits paid to the taker."""


SocialChange = (
    QuestionAsked
    | QuestionEnded
    | ConsentChanged
    | MessagePosted
    | TaskDelegated
    | TaskOffered
    | TaskRefused
    | TaskAdvanced
    | TaskSettled
)
"""Data of any event of the service."""
