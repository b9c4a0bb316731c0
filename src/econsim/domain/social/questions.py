"""The questions of one run, folded from its events: asked, answered, cancelled, ended by the deadline. Pure.

Life cycles::

    collection   holds                                   added by        removed by      bound
    _questions   id -> question, for repeats             QuestionAsked   never           QUESTIONS_PER_RUN an asker
    _open        ids of the questions that wait          QuestionAsked   QuestionEnded   QUESTIONS_OPEN an asker
    _counts      asker -> number of its questions        QuestionAsked   never           askers
    _open_counts asker -> number of those that wait      QuestionAsked   QuestionEnded   askers
    _recent      asker -> times of its newest questions  QuestionAsked   an hour later   QUESTIONS_PER_HOUR an asker
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from operator import attrgetter
from typing import Final

from econsim.domain.social.instants import instant, later
from econsim.domain.social.limits import (
    QUESTIONS_OPEN,
    QUESTIONS_PER_HOUR,
    QUESTIONS_PER_RUN,
    SlidingCount,
    require_below,
)
from econsim.errors import Conflict, InvalidMessage, NotAllowed, NotFound
from econsim.schemas.social import NO, YES, Audience, NewQuestion, Question, QuestionKind, QuestionState
from econsim.schemas.social_events import QuestionAsked, QuestionEnded

BY_AGENT: Final = "question"
"""First word of the ids of agents' questions."""

BY_OPERATOR: Final = "operator"
"""First word of the ids of operators' questions."""

BY_SERVICE: Final = "consent"
"""First word of the ids of the service's questions whether an agent consents to the messages of another."""


def asked_question(  # noqa: PLR0913 - a question has these parts
    word: str,
    asker: str,
    new: NewQuestion,
    audience: Audience,
    asked: str | None,
    *,
    now: str,
    deadline_tick: int | None = None,
) -> Question:
    """Return a question as it is when it is asked; `word` is the first of its id."""
    return Question(
        question_id=f"{word}.{asker}.{new.request_id}",
        kind=new.kind,
        asker=asker,
        audience=audience,
        asked=asked,
        text=new.text,
        options=new.options,
        default=new.default,
        asked_at=now,
        deadline_at=later(now, new.deadline_ms),
        deadline_tick=deadline_tick,
    )


class QuestionTable:
    """The questions of one run."""

    def __init__(self) -> None:
        """Start with no question."""
        self._questions: dict[str, Question] = {}
        self._open: dict[str, None] = {}
        self._counts: Counter[str] = Counter()
        self._open_counts: Counter[str] = Counter()
        self._recent = SlidingCount(QUESTIONS_PER_HOUR)

    def evolve(self, change: QuestionAsked | QuestionEnded) -> Question:
        """Fold one event; return the question after it."""
        if isinstance(change, QuestionAsked):
            question = Question.model_construct(**dict(change))
            counted = _counting_party(question.question_id)
            self._counts[counted] += 1
            self._open_counts[counted] += 1
            self._recent.add(counted, question.asked_at)
            self._open[question.question_id] = None
        else:
            update = {"state": change.state, "answer": change.answer, "answered_by": change.answered_by}
            question = self._questions[change.question_id].model_copy(update=update)
            self._open_counts[_counting_party(question.question_id)] -= 1
            self._open.pop(question.question_id, None)
        self._questions[question.question_id] = question
        return question

    def find(self, question_id: str) -> Question:
        """Return a question; raises NotFound if there is none."""
        if question_id not in self._questions:
            raise _does_not_exist(question_id)
        return self._questions[question_id]

    def find_of(self, agent: str, question_id: str) -> Question:
        """Return a question that an agent asked or is asked; raises NotFound for any other."""
        question = self.find(question_id)
        if not _concerns_agent(question, agent):
            raise _does_not_exist(question_id)
        return question

    def open_of(self, agent: str) -> Iterator[Question]:
        """Yield the open questions that an agent asked or is asked, oldest first."""
        return (each for each in self._each_open() if _concerns_agent(each, agent))

    def open_for(self, operator: str) -> Iterator[Question]:
        """Yield the open questions that an operator may answer or has asked, oldest first."""
        for each in self._each_open():
            may_answer = each.audience is Audience.PERSON and each.asked in (None, operator)
            if may_answer or each.question_id.startswith(f"{BY_OPERATOR}.{operator}."):
                yield each

    def due(self, now: str) -> list[Question]:
        """Return the open questions whose deadline has passed."""
        return [each for each in self._each_open() if each.deadline_tick is None and each.deadline_at <= now]

    def open_of_hosted(self, agents: Collection[str]) -> list[Question]:
        """Return the open questions of hosted agents, by id: the order in which agents asked at one time decides nothing."""
        found = [
            each
            for each in self._each_open()
            if each.deadline_tick is not None and asking_agent(each) in agents
        ]
        return sorted(found, key=attrgetter("question_id"))

    def questions_of(self, agent: str) -> list[Question]:
        """Return all questions of an agent to people, oldest first."""
        start = f"{BY_AGENT}.{agent}."
        return [each for each in self._questions.values() if each.question_id.startswith(start)]

    def ask(self, question: Question, now: str) -> QuestionAsked | None:
        """Return the event that asks a question, none for a repeat; raises Conflict or QuotaExceeded."""
        known = self._questions.get(question.question_id)
        if known is not None:
            if _content(known) != _content(question):
                message = f"{question.question_id} stands for another question; each needs an id of its own"
                raise Conflict(message)
            return None
        counted = _counting_party(question.question_id)
        require_below(QUESTIONS_PER_RUN, self._counts[counted])
        require_below(QUESTIONS_OPEN, self._open_counts[counted])
        if question.deadline_tick is None:  # the hour of a run in lock-step has no fixed number of ticks
            self._recent.require(counted, now)
        return QuestionAsked.model_construct(**dict(question))

    def answer(
        self, question: Question, audience: Audience, by: str, answer: str, now: str
    ) -> QuestionEnded | None:
        """Return the event that answers a question, none for a repeat.

        `audience` is the side of the party that answers. Raises NotAllowed if another is asked, Conflict if the question has ended, InvalidMessage for an answer that it
        does not offer.
        """
        if question.audience is not audience or question.asked not in (None, by):
            message = f"{question.question_id} is for {question.asked or 'a person'} to answer"
            raise NotAllowed(message, code="question_is_for_another")
        if (question.answer, question.answered_by) == (answer, by):
            return None
        self._require_open(question, now)
        offered = (YES, NO) if question.kind is QuestionKind.CONFIRM else question.options
        if offered and answer not in offered:
            message = f"{answer[:80]!r} is not offered; answer one of {', '.join(offered)}"
            raise InvalidMessage(message, code="answer_is_not_offered")
        return QuestionEnded(
            question_id=question.question_id, state=QuestionState.ANSWERED, answer=answer, answered_by=by
        )

    def cancel(self, question: Question, agent: str, now: str) -> QuestionEnded | None:
        """Return the event that cancels an agent's own question, none for a repeat; raises NotAllowed or Conflict."""
        if not question.question_id.startswith(f"{BY_AGENT}.{agent}."):
            message = f"{question.question_id} was not asked by {agent!r}; give an answer to answer it"
            raise NotAllowed(message, code="question_is_for_another")
        if question.state is QuestionState.CANCELLED:
            return None
        self._require_open(question, now)
        return QuestionEnded(question_id=question.question_id, state=QuestionState.CANCELLED)

    @staticmethod
    def end(question: Question) -> QuestionEnded:
        """Return the event that ends a question at its deadline: with its default, if it has one."""
        state = QuestionState.EXPIRED if question.default is None else QuestionState.DEFAULTED
        return QuestionEnded(question_id=question.question_id, state=state, answer=question.default)

    def _each_open(self) -> Iterator[Question]:
        return (self._questions[each] for each in self._open)

    @staticmethod
    def _require_open(question: Question, now: str) -> None:
        if question.state is not QuestionState.WAITING or question.deadline_at <= now:
            state = question.state if question.state is not QuestionState.WAITING else QuestionState.EXPIRED
            message = f"{question.question_id} has ended: it is {state.value}"
            raise Conflict(message, code="question_has_ended")


def _does_not_exist(question_id: str) -> NotFound:
    message = f"there is no question {question_id!r} of yours in this run"
    return NotFound(message, code="question_does_not_exist")


def asking_agent(question: Question) -> str | None:
    """Return the agent that a question was asked for; none if an operator asked."""
    word, party, _ = question.question_id.split(".", 2)
    return None if word == BY_OPERATOR else party


def _concerns_agent(question: Question, agent: str) -> bool:
    is_asked = question.audience is Audience.AGENT and question.asked == agent
    return is_asked or asking_agent(question) == agent


def _counting_party(question_id: str) -> str:
    """Return the party whose limits count a question: its asker; of a question for consent, the agent that writes."""
    word, party, _ = question_id.split(".", 2)
    return f"{BY_OPERATOR}.{party}" if word == BY_OPERATOR else party


def _content(question: Question) -> tuple[object, ...]:
    """Return the parts of a question that its asker chose."""
    length = instant(question.deadline_at) - instant(question.asked_at)
    chosen = (question.kind, question.audience, question.asked, question.text, question.options)
    return (*chosen, question.default, length, question.deadline_tick)
