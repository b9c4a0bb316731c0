"""Tasks that one agent delegates to another for money: the command, the steps, and a task with its state."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from econsim.schemas.base import Command, Message, Request, Word
from econsim.schemas.types import Amount, Identifier, Name, Tick

TASK_TEXT_LENGTH_MAX: Final = 4_000
"""Characters of a task, a result or a reason; longer work belongs into a file that the text names."""

TASK_MS_MAX: Final = 7 * 86_400_000
"""Longest time from a delegation to the acceptance of its result, milliseconds: a week."""

TaskText = Annotated[str, Field(max_length=TASK_TEXT_LENGTH_MAX)]
"""Text of a task, a progress, a result or a reason."""

Percent = Annotated[int, Field(ge=0, le=100)]
"""Part of a task that is done, of a hundred."""


class TaskState(Word):
    """The state of a task."""

    RESERVING = "reserving"
    """The payment is being reserved at the ledger."""
    OFFERED = "offered"
    """The payment is reserved; the taker has not accepted yet."""
    ACCEPTED = "accepted"
    """The taker works."""
    DELIVERED = "delivered"
    """The taker gave a result, which the delegator has not judged yet."""
    APPROVED = "approved"
    """The delegator accepted the result: the taker is paid."""
    REJECTED = "rejected"
    """The delegator refused the result: nothing is paid."""
    DECLINED = "declined"
    """The taker declined or gave up: nothing is paid."""
    CANCELLED = "cancelled"
    """The delegator cancelled before the taker accepted: nothing is paid."""
    EXPIRED = "expired"
    """The deadline passed before a result was accepted: nothing is paid."""
    REFUSED = "refused"
    """The task was never offered; its code says why."""


class TaskStep(Word):
    """A step of a task, by one of its two agents or by the service."""

    ACCEPT = "accept"
    """The taker accepts the task."""
    DECLINE = "decline"
    """The taker declines the task, or gives it up."""
    PROGRESS = "progress"
    """The taker reports progress."""
    DELIVER = "deliver"
    """The taker gives the result."""
    APPROVE = "approve"
    """The delegator accepts the result and pays."""
    REJECT = "reject"
    """The delegator refuses the result."""
    CANCEL = "cancel"
    """The delegator takes the offer back."""
    EXPIRE = "expire"
    """The service ends a task whose time is up."""


class DelegateTask(Command):
    """Delegate a task to another agent of the run; its payment is reserved until the result is accepted."""

    command_id: Annotated[Identifier, Field(pattern=r"^[a-zA-Z0-9_-]+$", max_length=64)]
    """Id of the task among those of the delegator; a repeat with the same content is the same task."""
    taker: Name
    """Agent that is to do the task."""
    text: Annotated[str, Field(min_length=1, max_length=TASK_TEXT_LENGTH_MAX)]
    """Description of the task."""
    price: Amount
    """Payment for an accepted result, micro-credits; 0 for a favour."""
    deadline_ms: Annotated[int, Field(ge=1, le=TASK_MS_MAX)]
    """Milliseconds from the delegation until the result must be accepted."""


class AdvanceTask(Request):
    """Do one step of a task; a repeat of a step with the same content changes nothing."""

    task_id: Identifier
    """Id of the task."""
    step: TaskStep
    """Step of the sender: the taker accepts, declines, reports and delivers, the delegator approves, rejects and cancels."""
    text: TaskText = ""
    """Progress, result, or reason, for the other agent; a report of progress without text keeps the one before."""
    percent: Percent | None = None
    """Part of the task that is done, with a progress; none keeps the one before."""


class Task(Message):
    """A task with its state."""

    task_id: Identifier
    """Id of the task: the delegator and the delegator's own id; also the id of its reservation at the ledger."""
    delegator: Name
    """Agent that delegated the task and pays."""
    taker: Name
    """Agent that does the task and is paid."""
    text: TaskText
    """Description of the task."""
    price: Amount
    """Payment for an accepted result, micro-credits."""
    deadline_ms: Annotated[int, Field(ge=1, le=TASK_MS_MAX)]
    """Milliseconds from the delegation until the result must be accepted."""
    delegated_at: str
    """Time of the delegation: RFC 3339, UTC."""
    deadline_at: str
    """Time when the task expires: RFC 3339, UTC."""
    state: TaskState = TaskState.RESERVING
    """State of the task."""
    progress: TaskText = ""
    """Text of the newest report of progress that has one."""
    percent: Percent | None = None
    """Part of the task that is done, of the newest report that has one."""
    result: TaskText = ""
    """Result that the taker gave."""
    reason: TaskText = ""
    """Reason of the end, for people."""
    code: str = ""
    """Code of the refusal of a task that was never offered."""
    paid: Amount | None = None
    """Micro-credits paid to the taker once the reservation is settled; none before."""
    deadline_tick: Tick | None = None
    """Tick at whose end a hosted agent's task expires, in place of the deadline; none for others."""
