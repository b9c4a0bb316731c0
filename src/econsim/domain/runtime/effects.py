"""The effects of a cognitive cycle, as data. Pure.

A cycle is a generator: it yields what it wants done, and gets the results sent in. It reads no clock and no network, so
that the live driver, the driver in memory and a replay run the same cycle (decision 0028).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final

from econsim.schemas.base import ErrorBody
from econsim.schemas.cognition import HostedCall, LlmAnswer
from econsim.schemas.immutable import immutable
from econsim.schemas.mcp import CallTool, ToolReply
from econsim.schemas.model_call import Prompt
from econsim.schemas.model_limits import DEADLINE_MS_MAX
from econsim.schemas.orders import Action
from econsim.schemas.social import Question
from econsim.schemas.social_hosted import HostedAction
from econsim.schemas.social_tasks import Task, TaskStep
from econsim.schemas.types import JsonObject
from econsim.schemas.workspace import AppendToFile, FileChanged, FilePart, ReadFile, WriteFile

QUESTION_TICKS: Final = 10
"""Ticks that a question waits unless its asker says otherwise."""

TASK_TICKS: Final = 20
"""Ticks that a task may last unless its delegator says otherwise."""


@immutable
class Think:
    """Ask a model; the result is its answer, or the reason why there is none."""

    prompt: Prompt
    """Prompt of the call."""
    deadline_ms: int = DEADLINE_MS_MAX
    """Milliseconds that the call may take."""


@immutable
class UseTool:
    """Call a tool of an outside server; the result is its reply, with the result or the reason why there is none."""

    server: str
    """Server of the tool."""
    tool: str
    """Name of the tool."""
    params: JsonObject
    """Arguments of the tool."""


@immutable
class WriteNote:
    """Write a file of the agent's own workspace; the result is the change, or the reason why there is none."""

    path: str
    """Path of the file."""
    text: str
    """Text to write."""
    at_end: bool = False
    """True to add the text at the end of the file."""


@immutable
class ReadNote:
    """Read a file of the agent's own workspace; the result is its content, or the reason why there is none."""

    path: str
    """Path of the file."""


@immutable
class AskPerson:
    """Ask a person; the result is the question, and the answer is perceived at a later tick."""

    text: str
    """Text of the question."""
    options: tuple[str, ...] = ()
    """Offered answers; none for any text."""
    default: str | None = None
    """Answer when the deadline passes; none leaves the question without an answer."""
    deadline_ticks: int = QUESTION_TICKS
    """Ticks that the question waits, this one included."""
    person: str | None = None
    """Person who alone may answer; none for anyone."""


@immutable
class Delegate:
    """Delegate a task to another agent; the result is the task, offered or refused."""

    taker: str
    """Agent that is to do the task."""
    text: str
    """Description of the task."""
    price: int
    """Payment for an approved result, micro-credits."""
    deadline_ticks: int = TASK_TICKS
    """Ticks until the result must be approved, this one included."""


@immutable
class AdvanceOwnTask:
    """Do a step of a task; the result is the task.

    A step that ends the task takes effect when the cycles of all agents are complete, and its result is None: it pays an agent.
    """

    task_id: str
    """Id of the task."""
    step: TaskStep
    """Step of the agent."""
    text: str = ""
    """Result or reason."""


@immutable
class Act:
    """Send actions to markets; they take effect when the cycle is complete, and the result is None."""

    actions: Mapping[str, Sequence[Action]]
    """Resource → actions on its market."""


OwnEffect = WriteNote | ReadNote | AskPerson | Delegate | AdvanceOwnTask
"""One effect on files, people or tasks."""

Effect = Think | UseTool | OwnEffect | Act
"""One effect."""

Step = Effect | tuple[Effect, ...]
"""Yield of a cycle: one effect, or several that are done side by side and answered in the order listed."""

Answer = LlmAnswer | ErrorBody
"""Result of a Think."""


@immutable
class HostedToolCall:
    """A call of a tool that a driver makes for an agent."""

    agent: str
    """Agent that calls and pays."""
    server: str
    """Server of the tool."""
    command: CallTool
    """Command of the call."""


@immutable
class HostedFile:
    """A request about a file that a driver makes for an agent."""

    agent: str
    """Agent whose file it is."""
    request: WriteFile | AppendToFile | ReadFile
    """Request of the agent."""


@immutable
class HostedSocial:
    """A question, a task or a step that a driver makes for an agent."""

    agent: str
    """Agent that asks, delegates or works."""
    action: HostedAction
    """Action of the agent."""


Use = HostedToolCall | HostedFile | HostedSocial
"""A request that is no thought; those of one agent are made one after the other."""

Request = HostedCall | Use
"""A call that a driver makes for an agent."""

UseReply = ToolReply | FileChanged | FilePart | Question | Task | ErrorBody
"""Reply to a request that is no thought."""

Reply = Answer | UseReply
"""Reply to a request, and result of the effect that it stands for."""

Cycle = Generator[Step, Any, None]
"""One cognitive cycle of an agent: perceive, think, act."""
