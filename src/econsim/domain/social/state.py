"""The state of the social service in one run: questions, messages and tasks, and a version for whoever waits. Pure.

Every change is an event; `evolve` folds it. The methods decide: they return the changes that a request makes, none for a
repeat, or raise its refusal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from econsim.domain.social.events import ACTOR
from econsim.domain.social.messages import MessageTable
from econsim.domain.social.questions import BY_SERVICE, QuestionTable, asked_question, asking_agent
from econsim.domain.social.tasks import TaskTable, delegated_task, is_visible
from econsim.errors import NotAllowed, Refused
from econsim.schemas.social import (
    NO,
    YES,
    AgentMessage,
    Audience,
    NewQuestion,
    Question,
    QuestionKind,
    SendMessage,
    SetConsent,
)
from econsim.schemas.social_events import (
    ConsentChanged,
    MessagePosted,
    QuestionAsked,
    QuestionEnded,
    SocialChange,
    TaskDelegated,
    TaskRefused,
)
from econsim.schemas.social_tasks import DelegateTask, Task

CONSENT_MS: Final = 86_400_000
"""Time that an agent has to consent to the messages of another, a day, in milliseconds; without an answer it does not."""

INBOX: Final = "."
"""Party of the versions that stands for all operators; a dot is in no name of an agent."""

Thing = Question | AgentMessage | Task
"""Thing that agents concerned are told of, with its state."""


class SocialState:
    """The state of one run."""

    def __init__(self) -> None:
        """Start empty."""
        self.questions = QuestionTable()
        """Questions of the run."""
        self.messages = MessageTable()
        """Messages and consents of the run."""
        self.tasks = TaskTable()
        """Tasks of the run."""
        self._versions: Counter[str] = Counter()

    def evolve(self, change: SocialChange) -> Thing | None:
        """Fold one event; return the thing that changed, if agents are told of it."""
        found: Thing | None = None
        match change:
            case QuestionAsked() | QuestionEnded():
                found = self.questions.evolve(change)
            case MessagePosted() as posted:
                self.messages.evolve(posted)
                found = AgentMessage.model_construct(**dict(posted))
            case ConsentChanged():
                self.messages.evolve(change)
            case _:
                found = self.tasks.evolve(change)
        self._versions.update(parties(found) if found is not None else ())
        return found

    def version(self, party: str) -> int:
        """Return the number of changes that concern an agent, or operators (`INBOX`)."""
        return self._versions[party]

    def ask(self, question: Question, now: str) -> QuestionAsked | None:
        """Return the change that asks a question, none for a repeat.

        Raises NotAllowed if an agent is asked that forbids the asking one to write to it; Conflict and QuotaExceeded.
        """
        asked, asker = self.questions.ask(question, now), asking_agent(question)
        if asked is None or question.audience is Audience.PERSON or asker is None or question.asked is None:
            return asked
        if self.messages.consent(question.asked, asker) is False:
            raise consent_refusal(question.asked)
        return asked

    def send(self, sender: str, request: SendMessage, now: str) -> list[SocialChange]:
        """Return the changes that a message makes, none for a repeat: the recipient gets it, or is asked for its consent.

        Raises NotAllowed if the recipient denied its consent, or was asked for it and has not answered.
        """
        if self.messages.repeat(sender, request):
            return []
        consent = self.messages.consent(request.recipient, sender)
        if consent:
            return [self.messages.send(sender, request, now)]
        question = consent_question(sender, request.recipient, now)
        asked = self.questions.ask(question, now) if consent is None else None
        if asked is not None:
            return [asked]
        raise consent_refusal(request.recipient)

    def end_question(self, ended: QuestionEnded) -> list[SocialChange]:
        """Return the changes that the end of a question makes: with one for consent, the consent changes too."""
        word, sender, agent = ended.question_id.split(".", 2)
        if word != BY_SERVICE:
            return [ended]
        is_allowed = ended.answer == YES
        return [ended, ConsentChanged(agent=agent, sender=sender, is_allowed=is_allowed)]

    def end_due(self, now: str) -> list[SocialChange]:
        """Return the changes that end the questions and tasks whose deadline has passed."""
        changes: list[SocialChange] = []
        for question in self.questions.due(now):
            changes += self.end_question(self.questions.end(question))
        return [*changes, *map(self.tasks.expire, self.tasks.due(now))]

    def set_consent(self, agent: str, request: SetConsent, now: str) -> list[SocialChange]:
        """Return the changes that a consent makes, none for a repeat; it also answers the question for it."""
        changed = self.messages.set_consent(agent, request)
        if changed is None:
            return []
        for question in self.questions.open_of(agent):
            if question.question_id == f"{BY_SERVICE}.{request.sender}.{agent}":
                answer = YES if request.is_allowed else NO
                ended = self.questions.answer(question, Audience.AGENT, agent, answer, now)
                return [ended, changed] if ended else [changed]
        return [changed]

    def delegate(
        self, delegator: str, command: DelegateTask, now: str, deadline_tick: int | None = None
    ) -> list[SocialChange]:
        """Return the changes that a command makes, none for a repeat: a task that is delegated, and maybe refused.

        Raises Conflict for another task under the same id, QuotaExceeded if the run has room for none.
        """
        if self.tasks.repeat(delegator, command):
            return []
        self.tasks.require_room(delegator)
        task = delegated_task(delegator, command, now, deadline_tick)
        changes: list[SocialChange] = [TaskDelegated.model_construct(**dict(task))]
        try:
            self._require_taker(delegator, command.taker)
        except Refused as error:
            changes.append(TaskRefused(task_id=task.task_id, code=error.error_code, reason=str(error)))
        return changes

    def _require_taker(self, delegator: str, taker: str) -> None:
        if self.messages.consent(taker, delegator) is False:
            raise consent_refusal(taker)
        self.tasks.require_open_room(delegator, taker)


def parties(thing: Thing) -> tuple[str, ...]:
    """Return the parties that a thing concerns, each once: agents, and `INBOX` for operators."""
    found: Iterable[str]
    match thing:
        case AgentMessage():
            found = (thing.recipient,)
        case Task():
            found = (thing.delegator, thing.taker) if is_visible(thing, thing.taker) else (thing.delegator,)
        case Question():
            asked = thing.asked if thing.audience is Audience.AGENT else INBOX
            found = (asked or INBOX, asking_agent(thing) or INBOX)
    return tuple(dict.fromkeys(found))


def consent_question(sender: str, recipient: str, now: str) -> Question:
    """Return the question whether an agent consents to the messages of another."""
    new = NewQuestion(
        request_id=recipient,
        kind=QuestionKind.CONFIRM,
        text=f"agent {sender} asks to write to you",
        default=NO,
        deadline_ms=CONSENT_MS,
    )
    found = asked_question(BY_SERVICE, sender, new, Audience.AGENT, recipient, now=now)
    return found.model_copy(update={"asker": ACTOR})


def consent_refusal(recipient: str) -> NotAllowed:
    """Return the refusal of a message to an agent that has not consented."""
    message = (
        f"agent {recipient!r} has not consented to your messages; it was asked once, and whether it has denied or not yet "
        "answered is its own affair"
    )
    return NotAllowed(message, code="recipient_has_not_consented")
