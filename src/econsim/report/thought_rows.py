"""Thoughts, calls of tools, questions, messages and tasks of a run as rows, in the order they happened. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from econsim import subjects
from econsim.domain.audit.describe import describe
from econsim.domain.audit.facts import Fact, Json, Record, facts

TEXT_MAX: Final = 400
"""Characters of a text that are kept: some lines of a wide terminal; the log has the rest."""


class ThoughtRow(NamedTuple):
    """Something an agent thought, asked of a tool or of others, or said."""

    place: int
    """Place of its record in the log."""
    event_id: str
    """Id of the fact."""
    tick: int
    """Logical time."""
    agent: str
    """Agent that did it."""
    kind: str
    """Kind in one word: thought, tool, question, …"""
    text: str
    """Text of what was thought, called or said, TEXT_MAX characters at most, as the agent wrote it."""
    price: int
    """Price paid, micro-credits; 0 for what is free."""


def thought_rows(entry: Record, place: int) -> Iterator[ThoughtRow]:
    """Yield the rows of a record of one of THOUGHT_TYPES."""
    kind, text_of = _ROWS[entry.type]
    for fact in facts(entry):
        if text := text_of(fact):
            agent = fact.data.get("agent") or fact.actor
            price = fact.data.get("price") or 0
            yield ThoughtRow(place, fact.event_id, fact.tick, agent, kind, text[:TEXT_MAX], price)


def _thought(fact: Fact) -> str:
    data = fact.data
    if data["failure"]:
        return f"failed: {data['message'] or data['failure']}"
    calls = [f"{call['name']} {call['arguments']}" for call in data.get("tool_calls") or ()]
    said = [data["content"]] if data.get("content") else []
    return "; ".join(said + calls) or f"answer of {data['usage']['output_tokens']} tokens"


def _tool(fact: Fact) -> str:
    data = fact.data
    asked = f"{fact.entity}.{data['tool']}({_arguments(data['params'])})"
    if failure := data.get("failure"):
        return f"{asked} failed: {data.get('message') or failure}"
    return f"{asked} → {_result(data.get('result') or {})}"


def _arguments(params: Json) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in params.items())[:TEXT_MAX]


def _result(result: Json) -> str:
    blocks = result.get("content") or ()
    texts = [str(block["text"]) for block in blocks if isinstance(block, dict) and "text" in block]
    return " ".join(texts)[:TEXT_MAX] or "answered"


def _set_aside(fact: Fact) -> str:
    return describe(fact) if fact.data.get("failure") else ""


_Made = tuple[str, Callable[[Fact], str]]
_ROWS: Final[dict[str, _Made]] = {
    subjects.LLM_INVOKED.type: ("thought", _thought),
    subjects.COGNITIVE_CYCLES_COMPLETED.type: ("set aside", _set_aside),
    subjects.TOOL_COMPLETED.type: ("tool", _tool),
    subjects.TOOL_FAILED.type: ("tool", _tool),
    subjects.QUESTION_ASKED.type: ("question", describe),
    subjects.QUESTION_ENDED.type: ("answer", describe),
    subjects.MESSAGE_POSTED.type: ("message", describe),
    subjects.TASK_DELEGATED.type: ("task", describe),
    subjects.TASK_REFUSED.type: ("task", describe),
    subjects.TASK_ADVANCED.type: ("task", describe),
    subjects.TASK_SETTLED.type: ("task", describe),
}
"""Type of an event → kind of its rows, and their text; an empty text makes no row."""

THOUGHT_TYPES: Final = frozenset(_ROWS)
"""Types of the events that have rows."""
