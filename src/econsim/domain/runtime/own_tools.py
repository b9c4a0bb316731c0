"""The tools that econsim itself offers models: notes, people and tasks. Their definitions, and a model's calls as effects. Pure.

What a call may do follows from the observation and the calls before it in the cycle, and not from what the services say: so a
cycle that is repeated after a crash has the same replies, although the services then know of its later calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from econsim.domain.cognition.observation import AgentObservation
from econsim.domain.runtime.effects import (
    QUESTION_TICKS,
    TASK_TICKS,
    AdvanceOwnTask,
    AskPerson,
    Delegate,
    OwnEffect,
    ReadNote,
    WriteNote,
)
from econsim.domain.runtime.own_requests import is_ending, own_request, step_request
from econsim.domain.social.limits import QUESTIONS_OPEN
from econsim.domain.social.tasks import STEPS
from econsim.errors import Refused
from econsim.schemas.model_call import ToolDefinition
from econsim.schemas.money import parse_credits
from econsim.schemas.scenario_tools import OWN_TOOLS
from econsim.schemas.social import QuestionState
from econsim.schemas.social_tasks import TaskStep

DEADLINE_TICKS_MAX: Final = 1_000_000
"""Ticks that a question or a task may wait: longer than any period."""

_TEXT: Final = {"type": "string"}
_TICKS: Final = {"type": "integer", "minimum": 1, "maximum": DEADLINE_TICKS_MAX}
_CREDITS: Final = {"type": "string", "pattern": r"^[0-9]{1,6}(\.[0-9]{1,6})?$"}

_DESCRIPTIONS: Final[Mapping[str, tuple[str, dict[str, Any], int]]] = {
    "write_note": (
        "Write a file of your own, which you keep for later ticks",
        {"path": _TEXT, "text": _TEXT},
        2,
    ),
    "append_note": ("Add text at the end of a file of your own", {"path": _TEXT, "text": _TEXT}, 2),
    "read_note": ("Read a file of your own", {"path": _TEXT}, 1),
    "ask_person": (
        "Ask a person; you see the answer among your questions at a later tick",
        {
            "question": _TEXT,
            "options": {"type": "array", "items": _TEXT},
            "default": _TEXT,
            "deadline_ticks": _TICKS,
        },
        1,
    ),
    "delegate_task": (
        "Delegate a task to another agent; you pay the price, in credits, when you approve the result",
        {"taker": _TEXT, "task": _TEXT, "price": _CREDITS, "deadline_ticks": _TICKS},
        3,
    ),
    "accept_task": ("Accept a task that is offered to you", {"task_id": _TEXT}, 1),
    "deliver_result": (
        "Deliver the result of a task that you accepted",
        {"task_id": _TEXT, "result": _TEXT},
        2,
    ),
    "approve_result": ("Approve the result of your task, and pay for it", {"task_id": _TEXT}, 1),
    "reject_result": (
        "Reject the result of your task, and do not pay",
        {"task_id": _TEXT, "reason": _TEXT},
        1,
    ),
}
"""Tool → its description, its parameters, and how many of them are required."""

_STEPS: Final = {
    "accept_task": TaskStep.ACCEPT,
    "deliver_result": TaskStep.DELIVER,
    "approve_result": TaskStep.APPROVE,
    "reject_result": TaskStep.REJECT,
}


def own_definitions(names: Sequence[str], takers: Sequence[str]) -> tuple[ToolDefinition, ...]:
    """Return the definitions of econsim's own tools among these; tasks can be delegated to these takers."""
    return tuple(_definition(name, takers) for name in names if name in OWN_TOOLS)


class OwnCalls:
    """The calls of econsim's own tools in one agent's cycle."""

    def __init__(self, observation: AgentObservation, takers: Sequence[str]) -> None:
        """Start with what the agent perceives at the tick."""
        self._agent, self._tick = observation.agent, observation.tick
        self._takers = takers
        self._tasks = {task.task_id: task for task in observation.tasks or ()}
        self._waiting = sum(each.state is QuestionState.WAITING for each in observation.questions or ())

    def effect(self, name: str, arguments: Mapping[str, Any]) -> OwnEffect | str:
        """Return the effect of a call, or the reason why it has none."""
        try:
            found = _EFFECTS[name](name, arguments)
            if isinstance(found, AdvanceOwnTask) and is_ending(found.step):
                step_request(found)
            else:
                own_request(self._agent, self._tick, 1, found)
        except KeyError as missing:
            return f"error: {name} needs {missing.args[0]!r}"
        except (Refused, TypeError, ValueError) as error:
            return f"error: {error}"
        return self._refusal(found) or found

    def _refusal(self, effect: OwnEffect) -> str:
        """Return why an effect is not allowed now, empty if it is; note it otherwise."""
        match effect:
            case AskPerson():
                if self._waiting >= QUESTIONS_OPEN.most:
                    return f"error: at most {QUESTIONS_OPEN.most} of your questions may wait for an answer"
                self._waiting += 1
            case Delegate(taker=taker) if taker not in self._takers:
                return f"error: there is nobody {taker!r} to delegate to; there are {', '.join(self._takers)}"
            case AdvanceOwnTask():
                return self._advance(effect)
        return ""

    def _advance(self, effect: AdvanceOwnTask) -> str:
        task = self._tasks.get(effect.task_id)
        if task is None:
            return f"error: there is no task {effect.task_id!r} of yours"
        party = task.delegator if is_ending(effect.step) else task.taker
        following = STEPS.get((task.state, effect.step))
        if party != self._agent or following is None:
            return f"error: {effect.task_id} is {task.state.value}; you cannot {effect.step.value} it"
        self._tasks[effect.task_id] = task._replace(state=following)
        return ""


def _definition(name: str, takers: Sequence[str]) -> ToolDefinition:
    description, properties, required = _DESCRIPTIONS[name]
    if name == "delegate_task":
        properties = {**properties, "taker": {"type": "string", "enum": [*takers]}}
    schema = {"type": "object", "properties": properties, "required": [*properties][:required]}
    return ToolDefinition(name, description, schema)


def _note(name: str, arguments: Mapping[str, Any]) -> OwnEffect:
    if name == "read_note":
        return ReadNote(arguments["path"])
    return WriteNote(arguments["path"], arguments["text"], at_end=name == "append_note")


def _ask(_: str, arguments: Mapping[str, Any]) -> OwnEffect:
    options = tuple(arguments.get("options", ()))
    return AskPerson(
        arguments["question"], options, arguments.get("default"), _ticks(arguments, QUESTION_TICKS)
    )


def _delegate(_: str, arguments: Mapping[str, Any]) -> OwnEffect:
    price = parse_credits(str(arguments["price"]))
    return Delegate(arguments["taker"], arguments["task"], price, _ticks(arguments, TASK_TICKS))


def _step(name: str, arguments: Mapping[str, Any]) -> OwnEffect:
    text = arguments["result"] if name == "deliver_result" else arguments.get("reason", "")
    return AdvanceOwnTask(arguments["task_id"], _STEPS[name], text)


def _ticks(arguments: Mapping[str, Any], default: int) -> int:
    ticks = arguments.get("deadline_ticks", default)
    if not isinstance(ticks, int) or not 1 <= ticks <= DEADLINE_TICKS_MAX:
        message = f"deadline_ticks is a whole number from 1 to {DEADLINE_TICKS_MAX}"
        raise ValueError(message)
    return ticks


_EFFECTS: Final[Mapping[str, Callable[[str, Mapping[str, Any]], OwnEffect]]] = {
    **dict.fromkeys(("write_note", "append_note", "read_note"), _note),
    "ask_person": _ask,
    "delegate_task": _delegate,
    **dict.fromkeys(_STEPS, _step),
}
