"""The use of notes, people and tasks by the provider `rules`: it has others look a price up, once a person has agreed. Pure.

An agent that can delegate asks a person once, delegates one task, approves what comes back, and keeps the price in a file, which
it reads at the start of each later period. An agent that takes tasks accepts them, calls the outside tools that take a text, and
delivers the price to go by at its next thought. All of it in one round of calls a cycle.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from econsim.domain.cognition.observation import AgentObservation, ObservedTask
from econsim.domain.cognition.rules_tools import kept_price, price_note, text_arguments, tool_results
from econsim.schemas.model_call import Prompt, ToolCall
from econsim.schemas.money import format_credits, parse_credits
from econsim.schemas.scenario_tools import OWN_TOOLS
from econsim.schemas.social import NO, YES
from econsim.schemas.social_tasks import TaskState

NOTE_PATH: Final = "notes/price.md"
"""File that keeps the price."""

FEE: Final = 250_000
"""Price of a task, micro-credits: what a look-up and the thoughts about it cost in the shipped scenarios, and a gain."""

_OPEN: Final = (TaskState.OFFERED, TaskState.ACCEPTED)
_USEFUL: Final = (*_OPEN, TaskState.DELIVERED, TaskState.APPROVED)
_PRICE: Final = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})?")

_Call = tuple[str, dict[str, Any]]


def has_work(prompt: Prompt) -> bool:
    """Return whether a prompt offers tools for notes, people or tasks."""
    return any(tool.name in OWN_TOOLS for tool in prompt.tools)


def work_calls(prompt: Prompt, observation: AgentObservation) -> tuple[ToolCall, ...]:
    """Return the calls of an answer; none once the cycle has results."""
    if tool_results(prompt):
        return ()
    offered = {tool.name for tool in prompt.tools}
    wanted = [*_calls_of_taker(prompt, observation), *_calls_of_delegator(prompt, observation)]
    return tuple(
        ToolCall(f"call_{number}", name, json.dumps(arguments, separators=(",", ":")))
        for number, (name, arguments) in enumerate((each for each in wanted if each[0] in offered), 1)
    )


def delivered_price(observation: AgentObservation) -> int | None:
    """Return the price in a result that was delivered to the agent; None without any."""
    for task in observation.tasks or ():
        numbers = _PRICE.findall(task.result)
        if task.delegator == observation.agent and task.state is TaskState.DELIVERED and numbers:
            return parse_credits(numbers[-1])
    return None


def _calls_of_taker(prompt: Prompt, observation: AgentObservation) -> Iterator[_Call]:
    """Yield the calls about tasks that the agent may work on."""
    price = kept_price(prompt)
    tasks = [
        task for task in observation.tasks or () if task.taker == observation.agent and task.state in _OPEN
    ]
    for task in tasks:
        if task.state is TaskState.OFFERED:
            yield "accept_task", {"task_id": task.task_id}
        if price is not None:
            yield "deliver_result", {"task_id": task.task_id, "result": price_note(price)}
    if tasks and price is None:
        for tool in prompt.tools:
            arguments = text_arguments(tool, _market(tasks[0], observation))
            if tool.name not in OWN_TOOLS and arguments is not None:
                yield tool.name, arguments


def _market(task: ObservedTask, observation: AgentObservation) -> str:
    """Return the market that a task is about: one that its text names, else the first."""
    resources = [market.resource for market in observation.markets]
    return next((each for each in resources if each in task.text), resources[0])


def _calls_of_delegator(prompt: Prompt, observation: AgentObservation) -> Iterator[_Call]:
    """Yield the calls about tasks that the agent delegates."""
    own = [task for task in observation.tasks or () if task.delegator == observation.agent]
    for task in own:
        if task.state is TaskState.DELIVERED:
            yield "approve_result", {"task_id": task.task_id}
            yield "write_note", {"path": NOTE_PATH, "text": task.result}
    if any(task.state is TaskState.APPROVED for task in own) and observation.tick_of_period == 1:
        yield "read_note", {"path": NOTE_PATH}
    if not any(task.state in _USEFUL for task in own):
        yield from _first_steps(prompt, observation)


def _first_steps(prompt: Prompt, observation: AgentObservation) -> Iterator[_Call]:
    """Yield the question whether a task may be delegated, or the delegation once the answer is yes."""
    takers = next((_takers(tool.parameters) for tool in prompt.tools if tool.name == "delegate_task"), ())
    if not takers:
        return
    resource, questions = observation.markets[0].resource, observation.questions or ()
    if not questions and any(tool.name == "ask_person" for tool in prompt.tools):
        text = f"May I pay {format_credits(FEE)} credits to have the price of {resource} looked up?"
        yield "ask_person", {"question": text, "options": [YES, NO], "default": NO}
    elif not questions or questions[-1].answer == YES:
        number = int(re.sub(r"\D", "", observation.agent) or 0)
        task = {"taker": takers[number % len(takers)], "task": f"Look up the price of {resource}."}
        yield "delegate_task", {**task, "price": format_credits(FEE)}


def _takers(parameters: dict[str, Any] | None) -> tuple[str, ...]:
    found = (parameters or {}).get("properties", {}).get("taker", {}).get("enum", ())
    return tuple(found)
