"""The provider `rules` with notes, people and tasks: it asks once, delegates once, keeps the price, and serves those who delegate."""

from __future__ import annotations

import json

from observations import CREDIT, observed, observed_market, observed_question, observed_task, shown_prompt

from econsim.domain.cognition.actions import answer_schema, parse_actions
from econsim.domain.cognition.rules import rules_completion
from econsim.domain.runtime.own_tools import own_definitions
from econsim.schemas.model_call import ChatMessage, ChatRole, ToolCall, ToolDefinition
from econsim.schemas.orders import Side
from econsim.schemas.social_tasks import TaskState

MINE, HERS = "task.lab_001.1-1", "task.eve.1-1"
DELEGATOR = own_definitions(
    ["ask_person", "delegate_task", "approve_result", "write_note", "read_note"], ["aide"]
)
SEARCH = ToolDefinition(
    "search", "", {"type": "object", "required": ["query"], "properties": {"query": {"type": "string"}}}
)
TAKER = (SEARCH, *own_definitions(["accept_task", "deliver_result"], []))
OFFER = observed_task(HERS, delegator="eve", taker="lab_001")


def prompt(tools, *tasks, questions=(), note="", tick_of_period=2, **fields):
    market = observed_market(side=Side.BID, value=3 * CREDIT)
    seen = observed(market, tasks=tasks, questions=questions, tick_of_period=tick_of_period)
    shown = shown_prompt(seen, answer_schema(seen), after=f"\nAnswer in JSON. {note}", **fields)
    return shown.model_copy(update={"tools": tools})


def calls(*args, **fields):
    found = rules_completion(prompt(*args, **fields)).tool_calls
    return [(call.name, json.loads(call.arguments)) for call in found]


def names(*args, **fields):
    return [name for name, _ in calls(*args, **fields)]


def test_a_person_is_asked_before_anything_is_delegated():
    ((name, arguments),) = calls(DELEGATOR)

    assert name == "ask_person"
    assert (arguments["options"], arguments["default"]) == (["yes", "no"], "no")


def test_nobody_is_asked_twice_whatever_the_answer_is():
    assert names(DELEGATOR, questions=[observed_question()]) == []
    assert names(DELEGATOR, questions=[observed_question(answer="no")]) == []


def test_a_task_is_delegated_once_the_person_agrees():
    ((name, arguments),) = calls(DELEGATOR, questions=[observed_question(answer="yes")])

    assert (name, arguments) == (
        "delegate_task",
        {"taker": "aide", "task": "Look up the price of cpu.", "price": "0.25"},
    )


def test_a_second_task_is_delegated_only_if_the_first_came_to_nothing():
    yes = [observed_question(answer="yes")]

    assert names(DELEGATOR, observed_task(), questions=yes) == []
    assert names(DELEGATOR, observed_task(state=TaskState.EXPIRED), questions=yes) == ["delegate_task"]


def test_a_result_is_approved_kept_and_gone_by():
    asked = prompt(DELEGATOR, observed_task(state=TaskState.DELIVERED, result="reference price 2.3"))
    found = rules_completion(asked)
    later = asked.model_copy(update={"messages": (*asked.messages, *_done(found.tool_calls))})
    (order,) = _actions(later)

    assert [call.name for call in found.tool_calls] == ["approve_result", "write_note"]
    assert order.price == 2_300_000


def test_the_note_is_read_at_the_start_of_a_later_day():
    approved = observed_task(state=TaskState.APPROVED, result="reference price 2.3")

    assert names(DELEGATOR, approved, tick_of_period=1) == ["read_note"]
    assert names(DELEGATOR, approved) == []


def test_a_taker_accepts_and_looks_up_what_the_task_is_about():
    assert calls(TAKER, OFFER) == [("accept_task", {"task_id": HERS}), ("search", {"query": "cpu"})]


def test_a_taker_delivers_the_price_that_it_kept():
    accepted = OFFER._replace(state=TaskState.ACCEPTED)

    assert calls(TAKER, accepted, note="Your note: reference price 2.3") == [
        ("deliver_result", {"task_id": HERS, "result": "reference price 2.3"})
    ]


def test_a_taker_without_a_task_looks_nothing_up():
    assert names(TAKER, OFFER._replace(state=TaskState.APPROVED)) == []


def test_calls_that_do_not_fit_into_the_answer_are_left_for_the_next_tick():
    assert names(TAKER, OFFER, max_tokens=20) == ["accept_task"]


def _done(tool_calls: tuple[ToolCall, ...]) -> list[ChatMessage]:
    """Return the messages of calls that were done."""
    replies = [ChatMessage(ChatRole.TOOL, f"done: {MINE}", tool_call_id=call.id) for call in tool_calls]
    return [ChatMessage(ChatRole.ASSISTANT, "", tool_calls), *replies]


def _actions(asked):
    seen = observed(observed_market(side=Side.BID, value=3 * CREDIT))
    return parse_actions(rules_completion(asked).content, seen).actions["cpu"]
