"""Between a model's tool call and the gateway: what the model names wrongly is told to it and never sent."""

from __future__ import annotations

import pytest
from observations import observed
from tool_builders import offered, offered_tools, result, tool_reply

from econsim.domain.runtime.effects import UseTool
from econsim.domain.runtime.own_tools import OwnCalls
from econsim.domain.runtime.tool_use import TEXT_LENGTH_MAX, Toolbox, reply_text, tool_messages
from econsim.schemas.base import ErrorBody
from econsim.schemas.mcp import ToolReply, ToolResult
from econsim.schemas.model_call import ToolCall

TOOLS = offered_tools(offered("look"), offered("add", server="sums"))


def use(name="look", arguments="{}"):
    return effect(ToolCall("call_1", name, arguments))


def effect(call):
    return Toolbox(TOOLS).effect(call, OwnCalls(observed(), ()))


def test_a_call_goes_to_the_server_of_its_tool():
    assert use("add", '{"a": 1}') == UseTool("sums", "add", {"a": 1})


def test_a_tool_that_is_not_offered_is_told_with_those_that_are():
    assert use("subtract") == "error: there is no tool 'subtract'; there are look, add"


@pytest.mark.parametrize("arguments", ["", "{", "[1]", "7", '"x"', "[" * 100_000])
def test_arguments_that_are_no_object_are_told(arguments):
    assert use("look", arguments) == "error: the arguments of 'look' are no JSON object"


def test_each_call_gets_its_own_message_in_the_order_asked():
    calls = [ToolCall(f"call_{n}", name, "{}") for n, name in enumerate(["look", "gone", "add"])]
    uses = [effect(call) for call in calls]

    messages = tool_messages(calls, uses, [tool_reply(text="one"), tool_reply(text="two")])

    assert [(each.tool_call_id, each.content) for each in messages] == [
        ("call_0", "one"),
        ("call_1", "error: there is no tool 'gone'; there are look, add"),
        ("call_2", "two"),
    ]


def test_a_model_is_shown_the_beginning_of_a_long_reply():
    call = ToolCall("call_1", "look", "{}")

    (message,) = tool_messages([call], [use()], [tool_reply(text="x" * (TEXT_LENGTH_MAX + 1))])

    assert message.content == "x" * TEXT_LENGTH_MAX


def test_a_refusal_is_shown_with_its_code():
    body = ErrorBody(code="tool_timed_out", message="it was silent")

    assert reply_text(tool_reply(error=body)) == "error tool_timed_out: it was silent"


def test_an_error_of_the_tool_itself_is_shown_as_one():
    failed = tool_reply().model_copy(update={"result": result("no such book", is_error=True)})

    assert reply_text(failed) == "error: no such book"


def test_pictures_are_left_out_of_the_text():
    parts = ({"type": "image", "data": "…"}, {"type": "text", "text": "a"}, {"type": "text", "text": "b"})
    reply = ToolReply(msg_id="1", server="library", correlation_id="run", result=ToolResult(parts))

    assert reply_text(reply) == "a\nb"
