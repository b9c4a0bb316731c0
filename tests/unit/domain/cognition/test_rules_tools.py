"""The provider `rules` with tools: what it calls them with, when, and the price that it then goes by."""

from __future__ import annotations

import json

import pytest
from observations import CREDIT, observed, observed_market, shown_prompt

from econsim.domain.cognition.actions import answer_schema, parse_actions
from econsim.domain.cognition.rules import rules_completion
from econsim.domain.cognition.rules_tools import price_note, reference_price
from econsim.schemas.model_call import ChatMessage, ChatRole, FinishReason, ToolCall, ToolDefinition
from econsim.schemas.orders import Side

SEARCH = ToolDefinition(
    "search", "", {"type": "object", "required": ["query"], "properties": {"query": {"type": "string"}}}
)
SUM = ToolDefinition(
    "sum",
    "",
    {
        "type": "object",
        "required": ["a", "b"],
        "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
    },
)
STRANGE = ToolDefinition(
    "draw", "", {"type": "object", "required": ["x"], "properties": {"x": {"type": "array"}}}
)


def market(side=Side.BID, value=3 * CREDIT, **fields):
    return observed_market(side=side, value=value, **fields)


def prompt(*tools, seen=None, results=(), note="", tick_of_period=1, **fields):
    """Return a prompt with these tools, and what each one answered so far."""
    observation = observed(seen or market(), tick_of_period=tick_of_period, holdings={"cpu": 1})
    shown = shown_prompt(observation, answer_schema(observation), after=f"\nAnswer in JSON. {note}", **fields)
    messages = list(shown.messages)
    for number, (tool, arguments, text) in enumerate(results, 1):
        call = ToolCall(f"call_{number}", tool.name, json.dumps(arguments))
        messages.append(ChatMessage(ChatRole.ASSISTANT, "", (call,)))
        messages.append(ChatMessage(ChatRole.TOOL, text, tool_call_id=call.id))
    return shown.model_copy(update={"tools": tools, "messages": tuple(messages)})


def calls(*tools, **fields):
    """Return (tool, arguments) of the calls that the rules make."""
    found = rules_completion(prompt(*tools, **fields)).tool_calls
    return [(call.name, json.loads(call.arguments)) for call in found]


def test_a_text_is_the_name_of_the_market_that_the_agent_trades_on():
    idle = observed_market("gpu")
    asked = prompt(SEARCH)
    found = rules_completion(asked)

    assert calls(SEARCH) == [("search", {"query": "cpu"})]
    assert calls(SEARCH, seen=idle) == []
    assert found.finish_reason is FinishReason.TOOL_CALLS


def test_numbers_are_those_of_the_last_result():
    found = calls(SEARCH, SUM, results=[(SEARCH, {"query": "cpu"}, "between 2.10 and 2.30 credits")])

    assert found == [("sum", {"a": 2.1, "b": 2.3})]


def test_without_a_result_numbers_are_prices_of_the_market():
    quoted = market(best_bid=2 * CREDIT, best_ask=3 * CREDIT)

    assert calls(SUM, seen=quoted) == [("sum", {"a": 2.0, "b": 3.0})]


@pytest.mark.parametrize("tool", [SUM, STRANGE])
def test_a_tool_that_the_rules_cannot_feed_is_not_called(tool):
    assert calls(tool) == []


def test_when_every_tool_was_called_the_rules_answer():
    found = calls(SEARCH, results=[(SEARCH, {"query": "cpu"}, "2.20")])

    assert found == []


@pytest.mark.parametrize(("tick", "called"), [(1, True), (2, False)])
def test_with_a_price_noted_tools_are_called_at_the_start_of_a_period_alone(tick, called):
    noted = f"Your note: {price_note(2_200_000)}"

    assert bool(calls(SEARCH, note=noted, tick_of_period=tick)) is called


def test_the_price_to_go_by_is_the_last_number_of_the_last_result():
    found = prompt(SEARCH, results=[(SEARCH, {"query": "cpu"}, "between 2.10 and 2.30 credits")])

    assert reference_price(found) == 2_300_000


def test_a_result_of_several_numbers_is_their_sum_and_their_mean_counts():
    results = [(SEARCH, {"query": "cpu"}, "2.1 to 2.3"), (SUM, {"a": 2.1, "b": 2.3}, "The sum is 4.4.")]

    assert reference_price(prompt(SEARCH, SUM, results=results)) == 2_200_000


def test_an_error_with_numbers_is_no_price():
    failed = prompt(SEARCH, results=[(SEARCH, {}, "error tool_timed_out: 15 s")])

    assert reference_price(failed) is None
    assert reference_price(prompt(SEARCH, note=f"memory: {price_note(1_500_000)}")) == 1_500_000


def test_the_note_keeps_the_price_for_the_next_thought():
    asked = prompt(SEARCH, results=[(SEARCH, {"query": "cpu"}, "2.20")])

    answer = json.loads(rules_completion(asked).content)

    assert answer["memory"] == "reference price 2.2"
    assert reference_price(prompt(SEARCH, note=answer["memory"])) == 2_200_000


@pytest.mark.parametrize(
    ("side", "value", "told", "price"),
    [
        (Side.BID, 3.0, "2.20", 2_200_000),
        (Side.BID, 3.0, "2.95", 2_850_000),
        (Side.ASK, 2.0, "2.20", 2_200_000),
        (Side.ASK, 2.0, "1.00", 2_100_000),
    ],
)
def test_an_agent_quotes_the_price_told_if_it_is_better_than_its_own(side, value, told, price):
    seen = market(side, int(value * CREDIT))
    asked = prompt(SEARCH, seen=seen, results=[(SEARCH, {"query": "cpu"}, told)])
    observation = observed(seen, tick_of_period=1, holdings={"cpu": 1})

    found = parse_actions(rules_completion(asked).content, observation).actions

    assert [each.price for each in found.get("cpu", ())] == [price]


def test_a_call_that_does_not_fit_into_the_answer_is_not_made():
    assert rules_completion(prompt(SEARCH, max_tokens=3)).tool_calls == ()
