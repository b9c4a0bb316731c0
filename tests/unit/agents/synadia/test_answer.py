"""The calls in a host's answer: a cut answer is seen, a wrong one names its fault."""

import json

import pytest

from econsim.agents.synadia.answer import OFFERED, parse_answer, tick_prompt
from econsim.agents.synadia.host_name import HostName, parse_host_name
from econsim.errors import InvalidMessage

ANSWER = {"calls": [{"tool": "place_bid", "arguments": {"resource": "cpu", "price": "1.5", "quantity": 2}}]}


@pytest.mark.parametrize(
    ("before", "after"),
    [("", ""), ("Here it is:\n```json\n", "\n```\nGood luck."), ('{not json} {"a": 1} ', "")],
)
def test_calls_are_read_with_or_without_prose(before, after):
    (call,) = parse_answer(before + json.dumps(ANSWER) + after)

    assert (call.tool, call.arguments["quantity"]) == ("place_bid", 2)


def test_an_answer_that_was_cut_anywhere_is_no_answer():
    text = json.dumps(ANSWER)

    for length in range(len(text)):
        with pytest.raises(InvalidMessage):
            parse_answer(text[:length])


@pytest.mark.parametrize(
    "answer",
    [
        {"calls": "all"},
        {"calls": [{"tool": 1}]},
        {"calls": [{"tool": "x", "agent": "bert"}]},
        {"calls": [], "run": "other"},
        {"calls": [{"tool": "x"}] * 17},
    ],
)
def test_a_wrong_answer_names_its_fault(answer):
    with pytest.raises(InvalidMessage, match=r"calls|run"):
        parse_answer(json.dumps(answer))


@pytest.mark.parametrize("text", ["{" * 100_000, "[" * 100_000, "", "\0", '{"calls": ' + "[" * 50_000])
def test_a_hostile_text_is_no_answer(text):
    with pytest.raises(InvalidMessage, match="no complete JSON object"):
        parse_answer(text)


def test_the_prompt_shows_the_state_the_results_and_the_offered_tools():
    prompt = tick_prompt("demo", "ana", {"tick": 7}, ["x" * 5_000])

    assert 'State: {"tick": 7}' in prompt
    assert f'["{"x" * 2_000}"]' in prompt
    assert all(f"- {name}(" in prompt for name in OFFERED)
    assert "- wait_for_tick(" not in prompt


def test_a_host_is_named_by_three_tokens():
    assert parse_host_name("claude-code.ana.desk_1") == HostName("claude-code", "ana", "desk_1")
    assert str(HostName("a", "b", "c")) == "a.b.c"
    for wrong in ("", "a", "a.b", "a.b.c.d", "A.b.c", "a.*.c", "a..c"):
        with pytest.raises(InvalidMessage, match=r"AGENT\.OWNER\.SESSION"):
            parse_host_name(wrong)
