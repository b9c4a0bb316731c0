"""The use of tools by the provider `rules`: what it calls them with, and the price that it reads from their results. Pure.

It knows no tool. At the start of a period, and without a price to go by, it calls the offered tools one after the other. A text
argument gets the name of the market on which the agent trades; numbers get those of the newest result, or the market's best
bid, best ask and last price. The last number of the last result is the price to go by; if the tool was given several numbers, it
is taken for their sum, and their mean counts. The note keeps the price for the next thoughts of the period.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from econsim.domain.cognition.observation import AgentObservation, ObservedMarket
from econsim.schemas.model_call import ChatMessage, ChatRole, Prompt, ToolCall, ToolDefinition
from econsim.schemas.money import format_credits, parse_credits
from econsim.schemas.scenario_tools import OWN_TOOLS

NOTE: Final = "reference price"
"""First words of the note that keeps the price."""

_KEPT: Final = re.compile(rf"{NOTE} ([0-9]{{1,6}}(?:\.[0-9]{{1,6}})?)")
_NUMBER: Final = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})?")
_NUMBER_TYPES: Final = ("number", "integer")
_WITHOUT_PRICE: Final = frozenset(OWN_TOOLS) - {"read_note"}


def traded_market(observation: AgentObservation) -> ObservedMarket | None:
    """Return the first market on which the agent has a unit to trade."""
    return next((each for each in observation.markets if each.side and each.value is not None), None)


def wanted_calls(prompt: Prompt, observation: AgentObservation) -> tuple[ToolCall, ...]:
    """Return the next tool call of an answer; none if every tool was called, or if there is a price to go by."""
    market, results = traded_market(observation), tool_results(prompt)
    if market is None or (kept_price(prompt) is not None and observation.tick_of_period > 1):
        return ()
    for tool in prompt.tools[len(results) :]:
        arguments = _arguments(tool, market.resource, _numbers(results[-1]) if results else _prices(market))
        if arguments is None:
            return ()
        text = json.dumps(arguments, separators=(",", ":"))
        return (ToolCall(f"call_{len(results) + 1}", tool.name, text),)
    return ()


def reference_price(prompt: Prompt) -> int | None:
    """Return the price to go by, micro-credits: of the newest result of a tool, or of the note; None without any."""
    calls = {call.id: call for message in prompt.messages for call in message.tool_calls}
    for result in reversed(tool_results(prompt)):
        call = calls.get(result.tool_call_id or "")
        if call and call.name in _WITHOUT_PRICE:
            continue
        if numbers := _numbers(result):
            given = _numbers_given(call)
            return parse_credits(numbers[-1]) // max(given, 1)
    return kept_price(prompt)


def price_note(price: int) -> str:
    """Return the note that keeps a price."""
    return f"{NOTE} {format_credits(price)}"


def tool_results(prompt: Prompt) -> list[ChatMessage]:
    """Return the results of tools since the last message of the user."""
    found: list[ChatMessage] = []
    for message in reversed(prompt.messages):
        if message.role is ChatRole.USER:
            break
        if message.role is ChatRole.TOOL:
            found.append(message)
    return found[::-1]


def kept_price(prompt: Prompt) -> int | None:
    """Return the price of the note that the agent left itself, micro-credits; None without any."""
    user = next((each for each in reversed(prompt.messages) if each.role is ChatRole.USER), None)
    kept = _KEPT.search(user.content) if user else None
    return parse_credits(kept[1]) if kept else None


def _numbers(result: ChatMessage) -> list[str]:
    return [] if result.content.startswith("error") else _NUMBER.findall(result.content)


def _arguments(tool: ToolDefinition, resource: str, numbers: Iterable[str]) -> dict[str, Any] | None:
    """Return arguments for a tool; None if there are too few numbers for it, or it takes something else."""
    schema = tool.parameters or {}
    properties = schema.get("properties", {})
    left = iter(numbers)
    found: dict[str, Any] = {}
    for name in schema.get("required", properties):
        kind = properties.get(name, {}).get("type")
        if kind == "string":
            found[name] = resource
        elif kind in _NUMBER_TYPES and (number := next(left, None)) is not None:
            found[name] = float(number)
        else:
            return None
    return found


def text_arguments(tool: ToolDefinition, text: str) -> dict[str, Any] | None:
    """Return arguments for a tool that takes texts alone; None for any other."""
    return _arguments(tool, text, ())


def _prices(market: ObservedMarket) -> list[str]:
    prices = (market.best_bid, market.best_ask, market.last_price)
    return [format_credits(price) for price in prices if price is not None]


def _numbers_given(call: ToolCall | None) -> int:
    arguments = json.loads(call.arguments) if call else {}
    return sum(isinstance(value, int | float) for value in arguments.values())
