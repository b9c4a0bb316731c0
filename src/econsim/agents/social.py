"""The social service as an agent calls it: questions to people, messages to other agents, and delegated tasks.

Prices are in credits, converted exactly; micro-credits stay on the wire. Each call has an id, the caller's or a random one,
which makes its repeats idempotent: an agent that restarts and gives the same id asks nobody twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar

from econsim import subjects
from econsim.adapters.clock import random_id
from econsim.adapters.poll import Poll
from econsim.agents.channel import AgentChannel, read_stored_value
from econsim.agents.views import CreditsLike, TaskView, task_view, to_micros, to_milliseconds
from econsim.domain.social.tasks import require_same
from econsim.domain.social.tasks import task_id as id_of_task
from econsim.errors import EconsimError, NotFound, Refused, Unavailable
from econsim.identity.agent_account import CLOSED
from econsim.schemas.base import validated_message
from econsim.schemas.social import (
    NO,
    YES,
    AgentMessage,
    AskHuman,
    Consents,
    EndQuestion,
    Question,
    QuestionKind,
    QuestionState,
    ReadSocial,
    SendMessage,
    SetConsent,
    SocialView,
)
from econsim.schemas.social_tasks import AdvanceTask, DelegateTask, Task, TaskState, TaskStep

WAIT_S: Final = 20.0
"""Seconds that one request waits for a change before it is sent again."""

REPLY_S: Final = 5.0
"""Seconds that a reply may take beyond its wait."""

OFFER_S: Final = 10.0
"""Seconds that a delegated task may take to come out of its queue: longer than a worker takes over from another."""

AWAY_S: Final = 60.0
"""Seconds that a wait outlasts a service that does not answer: a worker takes over from another within ten."""

PAUSE_S: Final = 0.02
"""Pause between two requests of a wait, seconds."""

UNKNOWN_TASK: Final = "task_does_not_exist"
"""Code of a task that has not come out of its queue yet."""

Found = TypeVar("Found")


class SocialService:
    """One agent's access to people and to the other agents of its run.

    Every call raises InvalidMessage for a malformed argument before anything is sent, Refused (by kind, with its code)
    when the service refuses, and Unavailable without an answer in time: call again with the same id.
    """

    def __init__(self, channel: AgentChannel) -> None:
        """Use an agent's channel."""
        self._channel = channel

    async def prompt_human(  # noqa: PLR0913 - a question has these parts
        self,
        text: str,
        deadline_s: float,
        *,
        options: Sequence[str] = (),
        default: str | None = None,
        person: str | None = None,
        request_id: str | None = None,
    ) -> str | None:
        """Ask a person and wait for the answer; at the deadline return the default, None if there is none."""
        question = await self.ask(
            text, deadline_s, options=options, default=default, person=person, request_id=request_id
        )
        return (await self.wait_for_answer(question.question_id)).answer

    async def confirm_action(
        self,
        action: str,
        deadline_s: float,
        *,
        default: bool = False,
        person: str | None = None,
        request_id: str | None = None,
    ) -> bool:
        """Ask a person whether to do something, and wait; at the deadline return the default."""
        question = await self.ask(
            action,
            deadline_s,
            kind=QuestionKind.CONFIRM,
            default=YES if default else NO,
            person=person,
            request_id=request_id,
        )
        return (await self.wait_for_answer(question.question_id)).answer == YES

    async def ask(  # noqa: PLR0913 - a question has these parts
        self,
        text: str,
        deadline_s: float,
        *,
        kind: QuestionKind = QuestionKind.PROMPT,
        options: Sequence[str] = (),
        default: str | None = None,
        person: str | None = None,
        request_id: str | None = None,
    ) -> Question:
        """Ask a person without waiting for the answer.

        `person` is an external agent of the run, for whoever trades as it, or else an operator; by default any operator may answer.
        """
        request = validated_message(
            AskHuman,
            request_id=request_id or random_id(),
            kind=kind,
            text=text,
            options=tuple(options),
            default=default,
            person=person,
            deadline_ms=to_milliseconds(deadline_s),
        )
        return await self._channel.ask(subjects.ASK_HUMAN, request, Question)

    async def wait_for_answer(self, question_id: str) -> Question:
        """Wait until a question has ended: by an answer, a cancel, or its deadline."""
        return await self._wait_until(
            {"question_id": question_id},
            lambda view: next(
                (each for each in view.questions if each.state is not QuestionState.WAITING), None
            ),
        )

    async def cancel_question(self, question_id: str) -> Question:
        """Cancel a question of the agent's own."""
        return await self._end(question_id, None)

    async def answer(self, question_id: str, answer: str) -> Question:
        """Answer a question that was put to the agent: `yes` or `no` to a confirmation."""
        return await self._end(question_id, answer)

    async def questions(self) -> AsyncIterator[Question]:
        """Yield each question that is put to the agent, once, as it comes; endless."""
        seen: set[str] = set()
        async for view in self.changes():
            for question in view.questions:
                if question.asked == self._channel.agent and question.question_id not in seen:
                    seen.add(question.question_id)
                    yield question

    async def send_message(self, recipient: str, text: str, *, message_id: str | None = None) -> AgentMessage:
        """Send a message to another agent.

        Raises Refused with `recipient_has_not_consented` until the recipient consents; the first attempt asks it.
        """
        request = validated_message(
            SendMessage, message_id=message_id or random_id(), recipient=recipient, text=text
        )
        return await self._channel.ask(subjects.SEND_MESSAGE, request, AgentMessage)

    async def set_consent(self, sender: str, *, is_allowed: bool) -> Consents:
        """Allow or forbid another agent to write to this one."""
        request = validated_message(SetConsent, sender=sender, is_allowed=is_allowed)
        return await self._channel.ask(subjects.SET_CONSENT, request, Consents)

    async def messages(self, after: int = 0) -> AsyncIterator[AgentMessage]:
        """Yield the messages to the agent with higher numbers, as they come; endless."""
        async for view in self.changes():
            for message in view.messages:
                if message.number > after:
                    after = message.number
                    yield message

    async def delegate_task(
        self, taker: str, text: str, price: CreditsLike, deadline_s: float, *, task_id: str | None = None
    ) -> TaskView:
        """Delegate a task; return it when its price is reserved and it is offered.

        The taker is paid when the result is approved; otherwise the price is released, at the deadline at the latest.
        `task_id` is an id of the agent's own. Raises Refused with the code of the refusal: too few credits, for instance.
        """
        command = validated_message(
            DelegateTask,
            command_id=task_id or random_id(),
            taker=taker,
            text=text,
            price=to_micros(price),
            deadline_ms=to_milliseconds(deadline_s),
        )
        await self._channel.send(subjects.ENTER_TASK, command)
        task = await self._wait_until(
            {"task_id": id_of_task(self._channel.agent, command)},
            lambda view: next((each for each in view.tasks if each.state is not TaskState.RESERVING), None),
            OFFER_S,
        )
        require_same(task, command)
        if task.state is TaskState.REFUSED:
            raise Refused(task.reason, code=task.code)
        return task_view(task)

    async def wait_for_task(
        self, task_id: str, condition: Callable[[TaskView], bool], timeout_s: float | None = None
    ) -> TaskView:
        """Wait until a condition of a task holds, for instance that it is delivered, or `has_ended`.

        Raises Unavailable after `timeout_s` seconds.
        """
        return await self._wait_until(
            {"task_id": task_id},
            lambda view: next((found for each in view.tasks if condition(found := task_view(each))), None),
            timeout_s,
        )

    async def tasks(self) -> AsyncIterator[TaskView]:
        """Yield the open tasks of the agent, each when it was offered or changed; endless."""
        known: dict[str, Task] = {}
        async for view in self.changes():
            for task in view.tasks:
                if known.get(task.task_id) != task:
                    known[task.task_id] = task
                    yield task_view(task)

    async def accept_task(self, task_id: str) -> TaskView:
        """Accept a task that was offered to the agent."""
        return await self._step(task_id, TaskStep.ACCEPT)

    async def decline_task(self, task_id: str, reason: str = "") -> TaskView:
        """Decline a task that was offered to the agent, or give it up."""
        return await self._step(task_id, TaskStep.DECLINE, reason)

    async def report_progress(self, task_id: str, text: str, percent: int | None = None) -> TaskView:
        """Tell the delegator how far an accepted task is."""
        return await self._step(task_id, TaskStep.PROGRESS, text, percent)

    async def deliver_result(self, task_id: str, result: str) -> TaskView:
        """Give the result of an accepted task."""
        return await self._step(task_id, TaskStep.DELIVER, result)

    async def accept_result(self, task_id: str, note: str = "") -> TaskView:
        """Approve the result of a delegated task: the taker is paid."""
        return await self._step(task_id, TaskStep.APPROVE, note)

    async def refuse_result(self, task_id: str, reason: str = "") -> TaskView:
        """Reject the result of a delegated task: nothing is paid."""
        return await self._step(task_id, TaskStep.REJECT, reason)

    async def cancel_task(self, task_id: str, reason: str = "") -> TaskView:
        """Take a delegated task back before it is accepted."""
        return await self._step(task_id, TaskStep.CANCEL, reason)

    async def changes(self) -> AsyncIterator[SocialView]:
        """Yield what concerns the agent, again after each change; endless."""
        view = await self._read(0.0)
        number = 0
        while True:
            yield view
            number = max([number, *(each.number for each in view.messages)])
            version = view.version
            while view.version == version:
                view = await self._read(WAIT_S, after=version, messages_after=number)

    async def _wait_until(
        self,
        asked: dict[str, str],
        find: Callable[[SocialView], Found | None],
        timeout_s: float | None = None,
    ) -> Found:
        version, wait_s = 0, 0.0
        async for _ in Poll(PAUSE_S, timeout_s):
            try:
                view = await self._read(wait_s, after=version, **asked)
            except Refused as error:
                if error.error_code != UNKNOWN_TASK or timeout_s is None:
                    raise
                continue
            if (found := find(view)) is not None:
                return found
            version, wait_s = view.version, WAIT_S if timeout_s is None else min(WAIT_S, timeout_s)
        message = f"{next(iter(asked.values()))} did not change within {timeout_s:g} s; it may still"
        raise Unavailable(message)

    async def _read(self, wait_s: float, **fields: Any) -> SocialView:  # noqa: ANN401 - the fields of ReadSocial
        """Read once; while the service is away, for AWAY_S at most, try again."""
        request = validated_message(ReadSocial, wait_ms=to_milliseconds(wait_s), **fields)
        async for _ in Poll(PAUSE_S, AWAY_S):
            try:
                return await self._channel.ask(subjects.READ_SOCIAL, request, SocialView, wait_s + REPLY_S)
            except EconsimError as error:
                if not error.retryable:
                    raise
                away = error
            with suppress(Unavailable):
                if await read_stored_value(self._channel.client, CLOSED):
                    message = (
                        f"run {self._channel.run!r} has closed; its questions and tasks have ended with it"
                    )
                    raise NotFound(message, code="run_is_closed") from None
        raise away

    async def _end(self, question_id: str, answer: str | None) -> Question:
        request = validated_message(EndQuestion, question_id=question_id, answer=answer)
        return await self._channel.ask(subjects.END_QUESTION, request, Question)

    async def _step(
        self, task_id: str, step: TaskStep, text: str = "", percent: int | None = None
    ) -> TaskView:
        request = validated_message(AdvanceTask, task_id=task_id, step=step, text=text, percent=percent)
        return task_view(await self._channel.ask(subjects.ADVANCE_TASK, request, Task))
