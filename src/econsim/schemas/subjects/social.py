"""Subjects of the social service."""

from __future__ import annotations

from typing import Final

from econsim.schemas.subject import Subject, SubjectKind
from econsim.schemas.subject_rows import TASKS, event, operator, request

__all__ = [
    "ADVANCE_TASK",
    "ANSWER_QUESTION",
    "ASK_AGENT",
    "ASK_HUMAN",
    "CONSENT_CHANGED",
    "DELEGATE_TASK",
    "END_QUESTION",
    "END_TICK",
    "HOSTED_ACTION",
    "LIST_QUESTIONS",
    "MESSAGE_ARRIVED",
    "MESSAGE_POSTED",
    "OF_SOCIAL",
    "QUESTION_ASKED",
    "QUESTION_CHANGED",
    "QUESTION_ENDED",
    "READ_SOCIAL",
    "SEND_MESSAGE",
    "SET_CONSENT",
    "TASK_ADVANCED",
    "TASK_CHANGED",
    "TASK_DELEGATED",
    "TASK_OFFERED",
    "TASK_REFUSED",
    "TASK_SETTLED",
]


def _request(action: str, message: str, reply: str, description: str) -> Subject:
    """Return a request that agents have under its short name."""
    return request("social", f"system.social.{action}", message, reply, description, short=f"social.{action}")


def _event(action: str, message: str, description: str) -> Subject:
    """Return an event of the service: all of them are on subjects of one pattern, which orders them."""
    return event("social", f"system.social.{action}", message, description)


def _delivery(what: str, message: str, description: str) -> Subject:
    """Return the delivery of a thing with its state to an agent concerned."""
    template, short = f"system.social.{what}.{{run}}.{{agent}}", f"social.{what}"
    return Subject(template, SubjectKind.DELIVERY, "social", message, short=short, description=description)


DELEGATE_TASK: Final = Subject(
    "system.task.delegate.{run}.{agent}",
    SubjectKind.COMMAND,
    "social",
    "DelegateTask",
    stream=TASKS,
    description="Task for another agent, paid when its result is accepted; waits in the queue until it is offered.",
)
ASK_HUMAN: Final = _request("ask_human", "AskHuman", "Question", "Question of an agent to a person.")
END_QUESTION: Final = _request(
    "end_question", "EndQuestion", "Question", "Answer of an agent that was asked, or cancel by the asker."
)
SEND_MESSAGE: Final = _request(
    "send_message", "SendMessage", "AgentMessage", "Message to another agent, which must have consented."
)
SET_CONSENT: Final = _request(
    "set_consent", "SetConsent", "Consents", "Consent of an agent to the messages of another, or its denial."
)
ADVANCE_TASK: Final = _request("advance_task", "AdvanceTask", "Task", "Step of a task by one of its agents.")
READ_SOCIAL: Final = _request(
    "read_changes", "ReadSocial", "SocialView", "Questions, tasks and messages of the asking agent."
)
HOSTED_ACTION: Final = request(
    "social",
    "system.social.act",
    "HostedAction",
    "ActionDone",
    "Question, task or step of a hosted agent in its cycle; for hosts alone.",
)
END_TICK: Final = request(
    "social",
    "system.social.end_tick",
    "EndTick",
    "TickEnded",
    "End of a tick for a host's agents: ends of tasks, answers and deadlines; for hosts alone.",
)
QUESTION_CHANGED: Final = _delivery(
    "question", "Question", "Question to the agent, or the end of a question that it asked."
)
MESSAGE_ARRIVED: Final = _delivery("message", "AgentMessage", "Message to the agent from another.")
TASK_CHANGED: Final = _delivery(
    "task", "Task", "Task of the agent, as delegator or taker, after each of its steps."
)
QUESTION_ASKED: Final = _event(
    "question_asked", "QuestionAsked", "A person or an agent was asked a question."
)
QUESTION_ENDED: Final = _event(
    "question_ended", "QuestionEnded", "A question was answered, cancelled, or its deadline passed."
)
CONSENT_CHANGED: Final = _event(
    "consent_changed", "ConsentChanged", "An agent allowed or forbade another to write to it."
)
MESSAGE_POSTED: Final = _event("message_posted", "MessagePosted", "An agent sent a message to another.")
TASK_DELEGATED: Final = _event(
    "task_delegated", "TaskDelegated", "An agent delegated a task; its payment is about to be reserved."
)
TASK_OFFERED: Final = _event(
    "task_offered", "TaskOffered", "The payment of a task is reserved, and its taker may accept."
)
TASK_REFUSED: Final = _event("task_refused", "TaskRefused", "A task was not offered; the code says why.")
TASK_ADVANCED: Final = _event(
    "task_advanced", "TaskAdvanced", "An agent did a step of a task, or its time was up."
)
TASK_SETTLED: Final = _event("task_settled", "TaskSettled", "The payment of a task was made or released.")
LIST_QUESTIONS: Final = operator(
    "social",
    "{run}.list_questions",
    "ListQuestions",
    "Questions",
    "List of the questions that wait for a person.",
)
ANSWER_QUESTION: Final = operator(
    "social", "{run}.answer_question", "AnswerQuestion", "Question", "Answer of a person to a question."
)
ASK_AGENT: Final = operator(
    "social",
    "{run}.ask_agent",
    "AskAgent",
    "Question",
    "Question of a person to an agent, which the service asks.",
)

COMMANDS: Final = (DELEGATE_TASK,)
"""Commands, in the order of the table."""

REQUESTS: Final = (
    ASK_HUMAN,
    END_QUESTION,
    SEND_MESSAGE,
    SET_CONSENT,
    ADVANCE_TASK,
    READ_SOCIAL,
    HOSTED_ACTION,
    END_TICK,
)
"""Requests, in the order of the table."""

DELIVERIES: Final = (QUESTION_CHANGED, MESSAGE_ARRIVED, TASK_CHANGED)
"""Deliveries, in the order of the table."""

EVENTS: Final = (
    QUESTION_ASKED,
    QUESTION_ENDED,
    CONSENT_CHANGED,
    MESSAGE_POSTED,
    TASK_DELEGATED,
    TASK_OFFERED,
    TASK_REFUSED,
    TASK_ADVANCED,
    TASK_SETTLED,
)
"""Events, in the order of the table."""

OPERATOR_REQUESTS: Final = (LIST_QUESTIONS, ANSWER_QUESTION, ASK_AGENT)
"""Operators' requests, in the order of the table."""

OF_SOCIAL: Final = "system.social.*.{run}"
"""Pattern of all events of the service about a run, which have one order."""
