"""Recorded answers stand in for a server: equal arguments get the answer, others a failure that names the remedy."""

import pytest
from tool_builders import answer, offered, offered_tools

from econsim.domain.mcp.recorded import RecordedTools, recorded_servers
from econsim.domain.mcp.request import canonical_json
from econsim.domain.mcp.terms import require_terms
from econsim.errors import ToolCallFailed


def recorded(*answers, **fields):
    return RecordedTools("library", offered_tools(offered("look", *answers, **fields)))


def test_the_order_of_keys_makes_no_other_arguments():
    tools = recorded(answer("both", params={"a": 1, "b": 2}))

    found = tools.answer("look", canonical_json({"b": 2, "a": 1}))

    assert found.content == ({"type": "text", "text": "both"},)


def test_a_whole_number_and_a_decimal_are_other_arguments():
    tools = recorded(answer(params={"a": 1}))

    with pytest.raises(ToolCallFailed):
        tools.answer("look", canonical_json({"a": 1.5}))


def test_arguments_without_an_answer_are_named_with_the_remedy():
    with pytest.raises(ToolCallFailed) as failed:
        recorded(answer(params={"a": 1})).answer("look", '{"a":2}')

    assert failed.value.error_code == "tool_answer_is_not_recorded"
    assert str(failed.value) == (
        "the scenario has no answer of 'look' of 'library' to {\"a\":2}; record it, or run with `--live-tools`"
    )


def test_an_error_of_the_tool_and_an_object_are_recorded_too():
    found = recorded(answer("no such book", is_error=True, structured={"n": 0})).answer("look", "{}")

    assert (found.is_error, found.structured) == (True, {"n": 0})


def test_a_price_of_the_scenario_is_the_price_of_the_call():
    tools = recorded(answer(), price=0.05)

    terms = require_terms("library", tools.table, "look")

    assert (terms.price, terms.may_repeat) == (50_000, True)


def test_tools_of_one_server_are_one_server_whatever_stands_between_them():
    tools = offered_tools(
        offered("a", answer()), offered("b", answer(), server="other"), offered("c", answer())
    )

    servers = recorded_servers(tools)

    assert {name: sorted(server.tools) for name, server in servers.items()} == {
        "library": ["a", "c"],
        "other": ["b"],
    }


def test_a_tool_without_answers_is_asked_at_its_server():
    assert recorded_servers(offered_tools(offered("look"))) == {}
