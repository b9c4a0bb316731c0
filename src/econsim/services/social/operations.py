"""The operations of one run: what agents and operators ask for, decided by the state and answered when it is durable."""

from __future__ import annotations

from typing import Final

from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.social.delegation import require_other_agent
from econsim.domain.social.questions import BY_AGENT, BY_OPERATOR, asked_question
from econsim.domain.social.state import INBOX, SocialState, consent_refusal
from econsim.domain.social.tasks import UNENDED, ends, refused_task
from econsim.errors import Refused
from econsim.schemas.social import (
    AgentMessage,
    AnswerQuestion,
    AskAgent,
    AskHuman,
    Audience,
    Consents,
    EndQuestion,
    ListQuestions,
    NewQuestion,
    Question,
    Questions,
    ReadSocial,
    SendMessage,
    SetConsent,
    SocialView,
)
from econsim.schemas.social_tasks import AdvanceTask, DelegateTask, Task, TaskState
from econsim.services.context import ServiceContext
from econsim.services.social.journal import SocialJournal
from econsim.services.social.payments import TaskPayments

DECISION_S: Final = 600.0
"""Longest that a command waits in the queue for its payment to be reserved or refused, seconds."""


REFUSALS_MAX: Final = 1_000
"""Refused commands that are remembered, the newest of all agents: a delegator asks for its own within seconds."""


class SocialOperations:
    """The operations of one run, in the worker that leads it.

    `_refused` holds refused tasks that are in no log, by id: `refuse` adds one and removes the oldest above REFUSALS_MAX.
    """

    def __init__(
        self,
        context: ServiceContext,
        run: ActiveRun,
        state: SocialState,
        journal: SocialJournal,
        payments: TaskPayments,
    ) -> None:
        """Decide by a state, and write changes into its journal."""
        self._context = context
        self._run = run
        self._state = state
        self._journal = journal
        self._payments = payments
        self._refused: dict[str, Task] = {}

    async def ask_human(self, agent: str, request: AskHuman) -> Question:
        """Ask a person for an agent: one who trades in the run under the name of an external agent, else an operator.

        Raises NotAllowed if that agent forbids the asker to write to it.
        """
        audience = Audience.AGENT if request.person in self._run.externals else Audience.PERSON
        return await self._ask(BY_AGENT, agent, request, audience, request.person)

    async def ask_agent(self, operator: str, request: AskAgent) -> Question:
        """Ask an agent for an operator; raises NotFound for an agent that is not in the run, Refused for a hosted one."""
        asked = self._run.agent(request.agent).id
        if asked not in self._run.externals:
            message = f"agent {asked!r} is run by a host and answers nobody; ask an external agent"
            raise Refused(message, code="agent_belongs_to_a_host")
        return await self._ask(BY_OPERATOR, operator, request, Audience.AGENT, asked)

    async def end_question(self, agent: str, request: EndQuestion) -> Question:
        """Answer a question that was put to an agent, or cancel its own."""
        question = self._state.questions.find_of(agent, request.question_id)
        if request.answer is None:
            ended = self._state.questions.cancel(question, agent, self._now())
        else:
            ended = self._state.questions.answer(question, Audience.AGENT, agent, request.answer, self._now())
        await self._journal.append(self._state.end_question(ended) if ended else ())
        return self._state.questions.find(question.question_id)

    async def answer_question(self, operator: str, request: AnswerQuestion) -> Question:
        """Answer a question as a person."""
        question = self._state.questions.find(request.question_id)
        ended = self._state.questions.answer(question, Audience.PERSON, operator, request.answer, self._now())
        await self._journal.append([ended] if ended else ())
        return self._state.questions.find(question.question_id)

    async def list_questions(self, operator: str, request: ListQuestions) -> Questions:
        """Return the questions that wait for an operator, held back until there is a later list."""
        await self._wait(INBOX, request.after, request.wait_ms)
        version = self._state.version(INBOX)
        return Questions(version=version, questions=tuple(self._state.questions.open_for(operator)))

    async def send_message(self, agent: str, request: SendMessage) -> AgentMessage:
        """Send a message to an agent that has consented; without consent, ask for it and refuse."""
        require_other_agent(self._run, agent, request.recipient)
        changes = self._state.send(agent, request, self._now())
        await self._journal.append(changes)
        message = self._state.messages.repeat(agent, request)
        if message is None:
            raise consent_refusal(request.recipient)
        return message

    async def set_consent(self, agent: str, request: SetConsent) -> Consents:
        """Allow or forbid the messages of another agent."""
        require_other_agent(self._run, agent, request.sender)
        await self._journal.append(self._state.set_consent(agent, request, self._now()))
        return self._state.messages.consents(agent)

    async def read(self, agent: str, request: ReadSocial) -> SocialView:
        """Return what concerns an agent, held back until there is something later."""
        await self._wait(agent, request.after, request.wait_ms)
        questions, tasks = self._state.questions, self._state.tasks
        if request.question_id is not None:
            asked = [questions.find_of(agent, request.question_id)]
        else:
            asked = list(questions.open_of(agent))
        if request.task_id is not None:
            found = [self._own_refusal(agent, request.task_id) or tasks.find_of(agent, request.task_id)]
        else:
            found = list(tasks.open_of(agent))
        messages = self._state.messages.messages_to(agent, request.messages_after)
        return SocialView(
            version=self._state.version(agent),
            questions=tuple(asked),
            tasks=tuple(found),
            messages=tuple(messages),
        )

    async def delegate(self, agent: str, command: DelegateTask) -> Task:
        """Delegate a task, and return it when its payment is reserved or refused; idempotent by the command's id."""
        require_other_agent(self._run, agent, command.taker)
        await self._payments.append(self._state.delegate(agent, command, self._now()))
        task = self._state.tasks.repeat(agent, command)
        assert task is not None
        await self._journal.wait_for(lambda: self._is_decided(task.task_id), DECISION_S)
        return self._state.tasks.find_of(agent, task.task_id)

    async def advance_task(self, agent: str, request: AdvanceTask) -> Task:
        """Do a step of a task; the reply to its end waits a moment for its payment."""
        task = self._state.tasks.find_of(agent, request.task_id)
        step = self._state.tasks.step(agent, request, self._now())
        if step and ends(task.state, step.step):
            await self._payments.append([step])
        else:
            await self._journal.append([step] if step else ())
        await self._payments.wait_for(lambda: self._is_open_or_paid(task.task_id))
        return self._state.tasks.find_of(agent, task.task_id)

    async def end_due(self) -> None:
        """End the questions and tasks whose deadline has passed."""
        if changes := self._state.end_due(self._now()):
            await self._payments.append(changes)

    async def refuse(self, task: Task, error: Refused) -> None:
        """Tell a delegator that its command was refused, now and when it asks; a task under the same id stays as it is."""
        refused = refused_task(task, error.error_code, str(error))
        self._refused.pop(task.task_id, None)
        self._refused[task.task_id] = refused
        if len(self._refused) > REFUSALS_MAX:
            del self._refused[next(iter(self._refused))]
        await self._journal.deliver(refused)

    async def _ask(
        self, word: str, asker: str, new: NewQuestion, audience: Audience, asked: str | None
    ) -> Question:
        question = asked_question(word, asker, new, audience, asked, now=self._now())
        change = self._state.ask(question, self._now())
        await self._journal.append([change] if change else ())
        return self._state.questions.find(question.question_id)

    async def _wait(self, party: str, after: int, wait_ms: int) -> None:
        if wait_ms and self._state.version(party) <= after:
            await self._journal.wait_for(lambda: self._state.version(party) > after, wait_ms / 1_000)
        await self._journal.settle()

    def _own_refusal(self, agent: str, task_id: str) -> Task | None:
        """Return a refused task of an agent's that is in no log; none for a task that was delegated."""
        refused = self._refused.get(task_id)
        is_own = refused is not None and refused.delegator == agent
        return refused if is_own and self._state.tasks.get(task_id) is None else None

    def _is_decided(self, task_id: str) -> bool:
        task = self._state.tasks.get(task_id)
        return task is None or task.state is not TaskState.RESERVING

    def _is_open_or_paid(self, task_id: str) -> bool:
        task = self._state.tasks.get(task_id)
        return task is None or task.state in UNENDED or self._state.tasks.is_paid(task_id)

    def _now(self) -> str:
        return self._context.clock.now()
