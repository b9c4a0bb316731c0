"""The prompt at a tick, and the calls in a host's answer.

The answer is one JSON object, so that an answer that was cut is seen: it does not parse.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError

from econsim.agents.toolset.catalogue import TOOLS, instructions
from econsim.errors import InvalidMessage
from econsim.schemas.base import Message, validation_message

CALLS_MAX: Final = 16
"""Calls in one answer."""

PLACES_MAX: Final = 20
"""Places in an answer at which its object is looked for."""

SHOWN_MAX: Final = 2_000
"""Characters of one result that the next prompt shows."""

WITHHELD: Final = frozenset({"wait_for_tick", "get_outcome", "take_outcomes"})
"""Tools that the bridge itself uses: a host is asked once a tick."""

OFFERED: Final = {tool.name: tool for tool in TOOLS if tool.name not in WITHHELD}
"""Name → tool that a host may call."""


_DECODER: Final = json.JSONDecoder()


class ToolRequest(Message):
    """One call of a tool."""

    tool: Annotated[str, Field(max_length=64)]
    """Name of the tool."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Arguments of the tool."""


class HostAnswer(Message):
    """Calls of a host in one tick."""

    calls: Annotated[tuple[ToolRequest, ...], Field(max_length=CALLS_MAX)]
    """Calls in the order in which they are made."""


def tick_prompt(run: str, agent: str, state: Mapping[str, object], results: Sequence[str]) -> str:
    """Return the prompt at a tick: who the host acts for, what is known, the results of its last calls, and its tools."""
    tools = "\n".join(
        f"- {tool.name}({', '.join(tool.arguments.model_fields)}): {tool.description}"
        for tool in OFFERED.values()
    )
    return (
        f"{instructions(run, agent)}\nYou are asked once a tick and answer with calls of tools, as one JSON object and nothing "
        'else: {"calls": [{"tool": "place_bid", "arguments": {"resource": "cpu", "price": "1.25", "quantity": 1}}]}; '
        f'{{"calls": []}} waits.\n\nTools:\n{tools}\n\nState: {json.dumps(state)}\n'
        f"Results of your last calls: {json.dumps([result[:SHOWN_MAX] for result in results])}"
    )


def parse_answer(text: str) -> tuple[ToolRequest, ...]:
    """Return the calls in an answer, which may have prose around its JSON; raises InvalidMessage without any."""
    found = next((value for value in _objects(text) if "calls" in value), None)
    if found is None:
        message = f"the answer has no complete JSON object with calls: {text[:60]!r}"
        raise InvalidMessage(message)
    try:
        return HostAnswer.model_validate_json(json.dumps(found)).calls
    except ValidationError as error:
        raise InvalidMessage(validation_message(error)) from None


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects that begin at the first braces of a text."""
    for brace in islice(re.finditer(r"\{", text), PLACES_MAX):
        # A text that is nested too deep is no answer.
        with suppress(ValueError, RecursionError):
            yield _DECODER.raw_decode(text, brace.start())[0]
