"""The social service: one worker at a time leads a run's questions, messages and tasks; agents and operators ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from econsim import subjects
from econsim.domain.agent.active_run import ActiveRun
from econsim.schemas.social import (
    AgentMessage,
    AnswerQuestion,
    AskAgent,
    AskHuman,
    Consents,
    EndQuestion,
    ListQuestions,
    Question,
    Questions,
    ReadSocial,
    SendMessage,
    SetConsent,
    SocialView,
)
from econsim.schemas.social_hosted import ActionDone, EndTick, HostedAction, TickEnded
from econsim.schemas.social_tasks import AdvanceTask, Task
from econsim.services.context import ServiceContext
from econsim.services.definition import ServiceDefinition
from econsim.services.handlers import TRUSTED_BYTES_MAX, caller
from econsim.services.leadership import LeaderTask
from econsim.services.operator_audit import note_command_run
from econsim.services.social import leader, stuck_tasks
from econsim.services.social.hosted import HostedOperations
from econsim.services.social.operations import SocialOperations
from econsim.services.subscriptions import Subscriber, run_subscriber

service = ServiceDefinition("social")
"""The social service."""

REQUEST_BYTES_MAX: Final = 32_768
"""Bytes of one request: a text of full length in any script, with room for its escapes."""

AT_ONCE_MAX: Final = 1_024
"""Requests handled at once: those held back wait for up to 25 seconds."""


@dataclass(frozen=True, slots=True, repr=False)  # FastStream asks for it, and a run has thousands of agents
class SocialHandlers:
    """The handlers of one run's requests."""

    run: ActiveRun
    """Run of the requests."""
    operations: SocialOperations
    """Operations of the run."""
    hosted: HostedOperations
    """Operations of the run's hosts."""

    async def ask_human(self, request: AskHuman) -> Question:
        """Ask a person; replied when the question is stored, the answer comes as a delivery."""
        return await self.operations.ask_human(self._agent(), request)

    async def end_question(self, request: EndQuestion) -> Question:
        """Answer a question that was put to the agent, or cancel one of its own."""
        return await self.operations.end_question(self._agent(), request)

    async def send_message(self, request: SendMessage) -> AgentMessage:
        """Send a message to an agent that has consented."""
        return await self.operations.send_message(self._agent(), request)

    async def set_consent(self, request: SetConsent) -> Consents:
        """Allow or forbid the messages of another agent."""
        return await self.operations.set_consent(self._agent(), request)

    async def advance_task(self, request: AdvanceTask) -> Task:
        """Do a step of a task."""
        return await self.operations.advance_task(self._agent(), request)

    async def read(self, request: ReadSocial) -> SocialView:
        """Return what concerns the agent."""
        return await self.operations.read(self._agent(), request)

    async def act(self, request: HostedAction) -> ActionDone:
        """Do an action of a hosted agent's cycle."""
        return await self.hosted.act(self._agent(), request)

    async def end_tick(self, request: EndTick) -> TickEnded:
        """End a tick for the agents of a host."""
        return await self.hosted.end_tick(caller().agent, request)

    async def list_questions(self, request: ListQuestions) -> Questions:
        """Return the questions that wait for the operator."""
        note_command_run(self.run.name)
        return await self.operations.list_questions(caller().operator, request)

    async def answer_question(self, request: AnswerQuestion) -> Question:
        """Answer a question as the operator."""
        note_command_run(self.run.name)
        return await self.operations.answer_question(caller().operator, request)

    async def ask_agent(self, request: AskAgent) -> Question:
        """Ask an agent for the operator; the service asks it through its own account."""
        note_command_run(self.run.name)
        return await self.operations.ask_agent(caller().operator, request)

    def _agent(self) -> str:
        """Return the agent that asks; raises NotFound if it is not in the run."""
        return self.run.agent(caller().agent).id


def request_subscribers(
    context: ServiceContext, run: ActiveRun, operations: SocialOperations, hosted: HostedOperations
) -> Sequence[Subscriber]:
    """Return the subscribers that answer requests about one run, not yet started."""
    handlers = SocialHandlers(run, operations, hosted)
    subscriber = partial(
        run_subscriber, context.broker, run=run.name, bytes_max=REQUEST_BYTES_MAX, max_workers=AT_ONCE_MAX
    )
    return (
        subscriber(subjects.ASK_HUMAN, model=AskHuman, handler=handlers.ask_human),
        subscriber(subjects.END_QUESTION, model=EndQuestion, handler=handlers.end_question),
        subscriber(subjects.SEND_MESSAGE, model=SendMessage, handler=handlers.send_message),
        subscriber(subjects.SET_CONSENT, model=SetConsent, handler=handlers.set_consent),
        subscriber(subjects.ADVANCE_TASK, model=AdvanceTask, handler=handlers.advance_task),
        subscriber(subjects.READ_SOCIAL, model=ReadSocial, handler=handlers.read),
        subscriber(subjects.HOSTED_ACTION, model=HostedAction, handler=handlers.act),
        subscriber(subjects.END_TICK, model=EndTick, handler=handlers.end_tick, bytes_max=TRUSTED_BYTES_MAX),
        subscriber(subjects.LIST_QUESTIONS, model=ListQuestions, handler=handlers.list_questions),
        subscriber(subjects.ANSWER_QUESTION, model=AnswerQuestion, handler=handlers.answer_question),
        subscriber(subjects.ASK_AGENT, model=AskAgent, handler=handlers.ask_agent),
    )


@service.tasks_of_run
def conversations(context: ServiceContext, run: ActiveRun) -> Sequence[LeaderTask]:
    """Return the one task of a run: to lead its questions, messages and tasks."""
    return (LeaderTask(f"social.{run.name}", partial(leader.serve, context, run, request_subscribers)),)


@service.tasks_of_service
def queue_cleaning(context: ServiceContext) -> Sequence[LeaderTask]:
    """Return the task that clears the queue of tasks of what is stuck."""
    return (LeaderTask(stuck_tasks.LEASE, partial(stuck_tasks.serve, context)),)
