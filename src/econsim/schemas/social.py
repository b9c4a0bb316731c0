"""Questions to people and agents, messages between agents, and consent to them: requests and replies.

A question has one state machine whoever is asked: a person through the operators' inbox, or an agent through its own
account. Ids that callers choose make repeats idempotent. Tasks are in `schemas/social_tasks.py`, events in
`schemas/social_events.py`.
"""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from econsim.schemas.base import Message, Request, Word
from econsim.schemas.social_tasks import Task
from econsim.schemas.types import OPTIONS_MAX, Identifier, Name, Text, Tick

OPTION_LENGTH_MAX: Final = 200
"""Characters of one offered answer: one line of a terminal or two."""

QUESTION_MS_MAX: Final = 7 * 86_400_000
"""Longest time that a question waits for its answer, milliseconds: a week."""

WAIT_MS_MAX: Final = 25_000
"""Longest time that a reply is held back until something changes, milliseconds: less than a request may last."""

MESSAGES_PER_READ_MAX: Final = 50
"""Messages in one reply: with texts of full length it stays below a megabyte."""

YES: Final = "yes"
"""Answer that confirms an action."""

NO: Final = "no"
"""Answer that declines an action."""

CallerId = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+$", min_length=1, max_length=64)]
"""Id that a caller chooses for a question, a message or a task, unique among its own of that kind."""

Option = Annotated[str, Field(min_length=1, max_length=OPTION_LENGTH_MAX)]
"""Text of one offered answer."""

WaitMs = Annotated[int, Field(ge=0, le=WAIT_MS_MAX)]
"""Milliseconds that a reply may be held back until something changes; 0 for an immediate reply."""

Version = Annotated[int, Field(ge=0)]
"""Number of changes that concern one agent or the inbox, which grows with each."""


class QuestionKind(Word):
    """The kind of a question: its possible answers."""

    PROMPT = "prompt"
    """Any text, or one of the offered answers."""
    CONFIRM = "confirm"
    """Confirmation of an action: `yes` or `no`."""


class Audience(Word):
    """The party that a question is put to."""

    PERSON = "person"
    """People with operators' credentials."""
    AGENT = "agent"
    """One agent of the run."""


class QuestionState(Word):
    """The state of a question; every state but the first is final."""

    WAITING = "waiting"
    """Waiting for an answer."""
    ANSWERED = "answered"
    """Answered by the party that was asked."""
    DEFAULTED = "defaulted"
    """Answered by its default when the deadline passed."""
    EXPIRED = "expired"
    """Ended by the deadline without an answer."""
    CANCELLED = "cancelled"
    """Cancelled by the party that asked."""


class NewQuestion(Message):
    """The parts of a question that its asker chooses."""

    request_id: CallerId
    """Id of the question among those of the asker; a repeat with the same content is the same question."""
    kind: QuestionKind = QuestionKind.PROMPT
    """Kind of the question: its possible answers."""
    text: Text
    """Text of the question, or of the action to confirm."""
    options: Annotated[tuple[Option, ...], Field(max_length=OPTIONS_MAX)] = ()
    """Offered answers of a prompt, one of which is chosen; none for any text."""
    default: Text | None = None
    """Answer when the deadline passes; none leaves the question without an answer."""
    deadline_ms: Annotated[int, Field(ge=1, le=QUESTION_MS_MAX)]
    """Milliseconds until the question ends without an answer of the party that was asked."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        """Raise ValueError for options or a default that do not fit the kind."""
        if self.kind is QuestionKind.CONFIRM and self.options:
            message = "a confirmation has the answers yes and no; leave options out"
            raise ValueError(message)
        if any(not option.isprintable() or option != option.strip() for option in self.options):
            message = "an option is one line of printable characters, without spaces at its ends"
            raise ValueError(message)
        if len({option.casefold() for option in self.options}) < len(self.options):
            message = "two options are the same, or differ by case alone; give each once"
            raise ValueError(message)
        offered = (YES, NO) if self.kind is QuestionKind.CONFIRM else self.options
        if self.default is not None and offered and self.default not in offered:
            message = f"default is one of {', '.join(offered)}"
            raise ValueError(message)
        return self


class AskHuman(NewQuestion, Request):
    """Ask a person; the answer comes as a delivery, and `ReadSocial` has it too."""

    person: Identifier | None = None
    """External agent of the run whose person alone may answer, else the operator who alone may; none for any operator."""


class AskAgent(NewQuestion):
    """Ask an agent for an operator: the service asks it through its own account."""

    agent: Name
    """Agent of the run that is asked."""


class EndQuestion(Request):
    """Answer a question that was put to the sender, or cancel one of the sender's own."""

    question_id: Identifier
    """Id of the question."""
    answer: Text | None = None
    """Answer of the agent that was asked; none cancels a question of the sender's own."""


class AnswerQuestion(Message):
    """Answer a question as the operator in the subject."""

    question_id: Identifier
    """Id of the question."""
    answer: Text
    """Answer: `yes` or `no` to a confirmation, one of the options if there are some, else any text."""


class ListQuestions(Message):
    """Ask for the questions that wait for a person."""

    after: Version = 0
    """Version of the newest list that the sender has; the reply is held back until there is a later one."""
    wait_ms: WaitMs = 0
    """Milliseconds that the reply may be held back."""


class Question(Message):
    """A question with its state."""

    question_id: Identifier
    """Id of the question: its kind of asker, the asker and the asker's own id."""
    kind: QuestionKind
    """Kind of the question: its possible answers."""
    asker: Identifier
    """Agent, operator or service that asked."""
    audience: Audience
    """Party that is asked: people or an agent."""
    asked: Identifier | None = None
    """Name of the operator or agent who alone may answer; none for any operator."""
    text: Text
    """Text of the question."""
    options: tuple[Option, ...] = ()
    """Offered answers; none for any text."""
    default: Text | None = None
    """Answer when the deadline passes; none leaves the question without an answer."""
    asked_at: str
    """Time of the question: RFC 3339, UTC."""
    deadline_at: str
    """Time when the question ends without an answer: RFC 3339, UTC."""
    state: QuestionState = QuestionState.WAITING
    """State of the question."""
    answer: Text | None = None
    """Answer, also the default; none while there is none."""
    answered_by: Identifier | None = None
    """Operator or agent who answered; none for the default."""
    deadline_tick: Tick | None = None
    """Tick at whose end a hosted agent's question ends, in place of the deadline; none for others."""


class Questions(Message):
    """Questions that wait for a person, oldest first."""

    version: Version
    """Version of the list, to wait for a later one."""
    questions: tuple[Question, ...]
    """Questions that the operator may answer, and those it asked that have not ended."""


class SendMessage(Request):
    """Send a message to another agent of the run, which must have consented."""

    message_id: CallerId
    """Id of the message among those of the sender; a repeat with the same content is the same message."""
    recipient: Name
    """Agent that receives the message."""
    text: Text
    """Text of the message."""


class AgentMessage(Message):
    """A message from one agent to another."""

    message_id: Identifier
    """Id of the message: the sender and the sender's own id."""
    sender: Name
    """Agent that sent the message."""
    recipient: Name
    """Agent that receives the message."""
    text: Text
    """Text of the message."""
    number: Annotated[int, Field(ge=1)]
    """Place of the message among all those to its recipient, from 1."""
    sent_at: str
    """Time of the message: RFC 3339, UTC."""


class SetConsent(Request):
    """Allow or forbid another agent to write to the sender of this request."""

    sender: Name
    """Agent whose messages are allowed or forbidden."""
    is_allowed: bool
    """True to allow messages, false to forbid messages and offers of tasks."""


class Consents(Message):
    """The consents that an agent gave and denied."""

    allowed: tuple[Name, ...]
    """Agents that may write to it."""
    denied: tuple[Name, ...]
    """Agents that may not."""


class ReadSocial(Request):
    """Ask for what concerns the sender: questions, tasks, messages; the reply can wait for the next change."""

    question_id: Identifier | None = None
    """Id of a question that the reply has, even after its end; none for those that have not ended."""
    task_id: Identifier | None = None
    """Id of a task that the reply has, even after its end; none for those that have not ended."""
    messages_after: Annotated[int, Field(ge=0)] = 0
    """Number of the newest message that the sender has; the reply has later ones."""
    after: Version = 0
    """Version of the newest reply that the sender has; the reply is held back until there is a later one."""
    wait_ms: WaitMs = 0
    """Milliseconds that the reply may be held back."""


class SocialView(Message):
    """Questions, tasks and messages of one agent."""

    version: Version
    """Version of the view, to wait for a later one."""
    questions: tuple[Question, ...]
    """Questions that the agent asked or is asked and that have not ended, or the one asked for."""
    tasks: tuple[Task, ...]
    """Tasks that the agent delegated or may work on and that have not ended, or the one asked for."""
    messages: tuple[AgentMessage, ...]
    """Messages to the agent, oldest first, at most MESSAGES_PER_READ_MAX."""
