"""A cycle of a model: it may call tools a few rounds, then it has to answer; its tools cost the agent and end no cycle."""

from __future__ import annotations

import json

from observations import CREDIT, observed, observed_market
from tool_builders import offered, offered_tools, tool_reply

from econsim.domain.runtime.cycle_run import TOOL_CALLS_PER_CYCLE_MAX, CycleRun
from econsim.domain.runtime.effects import HostedToolCall
from econsim.domain.runtime.llm_policy import ROUNDS_MAX, llm_cycle
from econsim.domain.runtime.tool_use import Toolbox
from econsim.schemas.base import ErrorBody
from econsim.schemas.cognition import HostedCall, LlmAnswer
from econsim.schemas.model_call import ChatRole, TokenUsage, ToolCall
from econsim.schemas.orders import Side, Verb
from econsim.schemas.scenario_cognition import Thinking

TOOLS = offered_tools(offered("look"), offered("add", server="sums"))
BID = json.dumps({"actions": [{"verb": "bid", "resource": "cpu", "price": 2, "quantity": 1}]})


def answered(call, content="", *names, arguments="{}", price=7):
    calls = tuple(ToolCall(f"call_{n}", name, arguments) for n, name in enumerate(names, 1))
    return LlmAnswer(
        receipt="llm.x",
        cycle=call.cycle,
        ordinal=call.ordinal,
        model="default",
        provider="rules",
        content=content,
        usage=TokenUsage(3, 2),
        price=price,
        tool_calls=calls,
    )


def started(tools=TOOLS):
    """Return a cycle of a buyer with these tools, and its first call of a model."""
    observation = observed(observed_market(side=Side.BID, value=3 * CREDIT))
    run = CycleRun("ana", 5, llm_cycle(Thinking(), observation, (), Toolbox(tools)))
    (call,) = run.start()
    return run, call


def test_a_model_is_offered_the_tools_of_its_group():
    _, call = started()

    assert [tool.name for tool in call.prompt.tools] == ["look", "add"]


def test_tools_that_are_called_have_ids_of_cycle_and_ordinal():
    run, call = started()
    first = run.resume([answered(call, "", "look", "add")])
    (again,) = run.resume([tool_reply(each.command.msg_id) for each in first])
    second = run.resume([answered(again, "", "look")])

    assert [(each.server, each.command.msg_id) for each in (*first, *second)] == [
        ("library", "5.1"),
        ("sums", "5.2"),
        ("library", "5.3"),
    ]


def test_the_model_sees_its_calls_and_their_replies_and_then_acts():
    run, call = started()
    (look,) = run.resume([answered(call, "let me see", "look")])
    (again,) = run.resume([tool_reply(look.command.msg_id, "2.20", price=50)])
    left = run.resume([answered(again, BID)])

    *_, asked, told = again.prompt.messages
    assert (asked.role, asked.content, asked.tool_calls[0].name) == (ChatRole.ASSISTANT, "let me see", "look")
    assert (told.role, told.content, told.tool_call_id) == (ChatRole.TOOL, "2.20", "call_1")
    assert (left, [each.verb for each in run.actions["cpu"]]) == ((), [Verb.BID])


def test_the_report_has_the_price_of_thoughts_and_tools():
    run, call = started()
    (look,) = run.resume([answered(call, "", "look")])
    (again,) = run.resume([tool_reply(look.command.msg_id, price=50)])
    run.resume([answered(again, BID)])

    assert (run.report().price, run.report().tokens, run.report().steps) == (64, 10, 4)


def test_a_tool_that_is_not_offered_is_no_request_and_the_model_goes_on():
    run, call = started()

    (again,) = run.resume([answered(call, "", "gone")])

    assert isinstance(again, HostedCall)
    assert again.prompt.messages[-1].content.startswith("error: there is no tool 'gone'")


def test_a_failed_tool_does_not_end_the_cycle():
    run, call = started()
    (look,) = run.resume([answered(call, "", "look")])
    failed = tool_reply(look.command.msg_id, error=ErrorBody(code="tool_timed_out", message="silent"))

    (again,) = run.resume([failed])
    run.resume([answered(again, BID)])

    assert (list(run.actions), run.failure) == (["cpu"], "")


def test_after_the_last_round_a_model_has_no_tools_and_its_calls_are_not_made():
    run, call = started()
    for _ in range(ROUNDS_MAX):
        (look,) = run.resume([answered(call, "", "look")])
        (call,) = run.resume([tool_reply(look.command.msg_id)])

    assert call.prompt.tools == ()
    assert (run.resume([answered(call, BID, "look")]), list(run.actions)) == ((), ["cpu"])


def test_an_agent_that_floods_tools_is_set_aside():
    run, call = started()

    requests = run.resume([answered(call, "", *["look"] * (TOOL_CALLS_PER_CYCLE_MAX + 1))])

    assert (requests, run.failure) == (
        (),
        f"ValueError: more than {TOOL_CALLS_PER_CYCLE_MAX} calls of tools in one cycle",
    )


def test_as_many_calls_as_are_allowed_are_made():
    run, call = started()

    requests = run.resume([answered(call, "", *["look"] * TOOL_CALLS_PER_CYCLE_MAX)])

    assert all(isinstance(each, HostedToolCall) for each in requests)
    assert len({each.command.msg_id for each in requests}) == TOOL_CALLS_PER_CYCLE_MAX


def test_without_an_answer_no_tool_is_called():
    run, _ = started()

    assert run.resume([ErrorBody(code="service_is_unavailable", message="away")]) == ()
    assert (run.actions, run.failure) == ({}, "")
