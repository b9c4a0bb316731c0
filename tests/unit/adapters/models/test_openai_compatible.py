"""A server of chat completions over HTTP, and every way in which it can fail: each has its word, its tokens, its repeat."""

import asyncio
import resource

import pytest
from model_server import Endless, body, counted, hang_up, model_server, piece, silence, streamed, whole

from econsim.errors import ProviderFailed
from econsim.schemas.cognition import CallFailure
from econsim.schemas.model_call import (
    Call,
    CallPosition,
    ChatMessage,
    ChatRole,
    FinishReason,
    Prompt,
    TokenUsage,
    ToolCall,
    ToolDefinition,
)
from econsim.schemas.provider_file import OpenAiCompatibleTable

pytest.importorskip("aiohttp")
from econsim.adapters.models.openai_compatible import ANSWER_BYTES_MAX, OpenAiCompatibleProvider

KEY = "sk-0123456789"
SCHEMA = {"type": "object", "properties": {"price": {"type": "integer"}}}


def call(text="What now?", deadline_ms=30_000, **parts):
    prompt = Prompt(messages=(ChatMessage(ChatRole.USER, text),), max_tokens=50, **parts)
    return Call(CallPosition("anna", 1, 1), prompt, deadline_ms)


async def ask(server, asked=None, on_text=None, **table):
    described = OpenAiCompatibleTable(kind="openai_compatible", base_url=server.base_url, **table)
    provider = OpenAiCompatibleProvider("stub", described, KEY)
    try:
        return await provider.complete(asked or call(), on_text)
    finally:
        await provider.close()


async def failure(*answers, asked=None, on_text=None):
    async with model_server(*answers) as server:
        with pytest.raises(ProviderFailed) as failed:
            await ask(server, asked, on_text)
    return failed.value


def told(failed):
    return failed.error_code, failed.is_transient, failed.input_tokens, failed.output_tokens


async def test_an_answer_has_text_tokens_and_an_end():
    async with model_server(whole(body("Buy two.", (12, 3), finish_reason="length"))) as server:
        answer = await ask(server)

    assert (answer.content, answer.usage) == ("Buy two.", TokenUsage(12, 3))
    assert answer.finish_reason is FinishReason.LENGTH


async def test_a_request_has_all_of_the_prompt():
    tool = ToolDefinition("look", "Look up.", SCHEMA)
    asked = call(tools=(tool,), response_schema=SCHEMA, model="quick", temperature=0.5)
    async with model_server(whole(body("{}"))) as server:
        await ask(server, asked, models={"quick": "qwen2.5:0.5b"})

    [request] = server.requests
    assert request["model"] == "qwen2.5:0.5b"
    assert (request["max_tokens"], request["temperature"]) == (50, 0.5)
    assert request["tools"][0]["function"] == {
        "name": "look",
        "description": "Look up.",
        "parameters": SCHEMA,
    }
    assert request["response_format"]["json_schema"] == {"name": "answer", "schema": SCHEMA}
    assert server.keys == [f"bearer {KEY}"]


async def test_a_dialect_names_its_own_length_and_takes_no_temperature():
    async with model_server(whole(body("a"))) as server:
        await ask(server, max_tokens_field="max_completion_tokens", sends_temperature=False)

    assert server.requests[0]["max_completion_tokens"] == 50
    assert not {"max_tokens", "temperature"} & set(server.requests[0])


async def test_calls_of_tools_come_and_go_as_the_model_wrote_them():
    made = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}
    past = (
        ChatMessage(ChatRole.ASSISTANT, "", (ToolCall("c0", "look", "{}"),)),
        ChatMessage(ChatRole.TOOL, "empty", tool_call_id="c0"),
    )
    asked = Call(CallPosition("anna", 1, 1), Prompt(messages=past, max_tokens=5))
    async with model_server(whole(body(None, message={"tool_calls": [made]}))) as server:
        answer = await ask(server, asked)

    assert answer.tool_calls == (ToolCall("c1", "look", '{"a": 1}'),)
    assert answer.finish_reason is FinishReason.TOOL_CALLS
    assert [message["role"] for message in server.requests[0]["messages"]] == ["assistant", "tool"]
    assert server.requests[0]["messages"][1]["tool_call_id"] == "c0"


async def test_a_stream_tells_the_text_as_it_grows():
    texts = []
    pieces = (piece("Buy"), piece(" two."), piece(None, "stop"), counted((12, 3)))
    async with model_server(streamed(*pieces)) as server:
        answer = await ask(server, on_text=texts.append)

    assert texts == ["Buy", "Buy two."]
    assert (answer.content, answer.usage) == ("Buy two.", TokenUsage(12, 3))
    assert server.requests[0]["stream_options"] == {"include_usage": True}


async def test_a_stream_pieces_calls_of_tools_together():
    first = piece(None, tool_calls=[{"index": 0, "id": "c1", "function": {"name": "look", "arguments": ""}}])
    rest = [
        piece(None, tool_calls=[{"index": 0, "function": {"arguments": text}}]) for text in ('{"a"', ": 1}")
    ]
    async with model_server(streamed(first, *rest, piece(None, "tool_calls"))) as server:
        answer = await ask(server, on_text=print)

    assert answer.tool_calls == (ToolCall("c1", "look", '{"a": 1}'),)


async def test_an_answer_without_tokens_has_none():
    async with model_server(whole(body("a", None))) as server:
        answer = await ask(server)

    assert answer.usage is None


@pytest.mark.parametrize("usage", [(-1, 5), (2**63, 5), ("9", 5)])
async def test_tokens_that_are_no_counts_are_none(usage):
    usage = {"prompt_tokens": usage[0], "completion_tokens": usage[1]}
    async with model_server(
        whole(body("a", None)[:-1] + b', "usage": ' + str(usage).replace("'", '"').encode() + b"}")
    ) as server:
        answer = await ask(server)

    assert answer.usage is None


@pytest.mark.parametrize("usage", [(10, 0), (10, 100_000)])
async def test_tokens_that_contradict_the_text_are_handed_on_for_the_charge_to_bound(usage):
    async with model_server(whole(body("Buy two of them.", usage))) as server:
        answer = await ask(server)

    assert answer.usage == TokenUsage(*usage)


async def test_answers_in_another_order_reach_their_own_callers():
    second_is_out = asyncio.Event()

    async def answer(request, writer):
        text = request["messages"][0]["content"]
        if text == "first":
            await second_is_out.wait()
        await whole(body(text))(request, writer)
        second_is_out.set()

    async with model_server(answer) as server:
        answers = await asyncio.gather(ask(server, call("first")), ask(server, call("second")))

    assert [answer.content for answer in answers] == ["first", "second"]


async def test_a_provider_that_does_not_answer_times_out_and_charges_nothing():
    failed = await failure(silence, asked=call(deadline_ms=50))

    assert told(failed) == ("provider_timed_out", True, 0, 0)


@pytest.mark.slow
async def test_a_stream_that_stops_until_the_deadline_is_charged_for_its_text():
    answer = streamed(piece("Buy two of them."), done=False, close=False)

    failed = await failure(answer, asked=call(deadline_ms=1_500), on_text=print)

    assert told(failed)[:2] == ("provider_timed_out", True)
    assert failed.output_tokens == 4
    assert failed.input_tokens > 0


@pytest.mark.parametrize(
    ("status", "word", "is_transient"),
    [
        ("400 Bad Request", CallFailure.PROVIDER_REFUSED, False),
        ("401 Unauthorized", CallFailure.PROVIDER_REFUSED, False),
        ("302 Found", CallFailure.PROVIDER_REFUSED, False),
        ("408 Request Timeout", CallFailure.PROVIDER_FAILED, True),
        ("429 Too Many Requests", CallFailure.PROVIDER_IS_BUSY, True),
        ("500 Internal Server Error", CallFailure.PROVIDER_FAILED, True),
        ("503 Service Unavailable", CallFailure.PROVIDER_FAILED, True),
    ],
)
async def test_a_status_has_its_word_and_charges_nothing(status, word, is_transient):
    failed = await failure(whole(b'{"error": {"message": "No,\\n no."}}', status))

    assert told(failed) == (word.value, is_transient, 0, 0)
    assert status[:3] in str(failed)
    assert "\n" not in str(failed)


async def test_a_busy_provider_says_when_to_come_back():
    failed = await failure(whole(b"{}", "429 Too Many Requests", "Retry-After: 7\r\n"))

    assert failed.retry_after_ms == 7_000


async def test_an_empty_account_is_not_tried_again():
    failed = await failure(whole(b'{"error": {"code": "insufficient_quota"}}', "429 Too Many Requests"))

    assert not failed.is_transient


async def test_a_provider_that_cannot_be_reached_failed():
    async with model_server(silence) as server:
        gone = server.base_url
    provider = OpenAiCompatibleProvider(
        "stub", OpenAiCompatibleTable(kind="openai_compatible", base_url=gone)
    )

    with pytest.raises(ProviderFailed) as failed:
        await provider.complete(call())
    await provider.close()

    assert told(failed.value) == ("provider_failed", True, 0, 0)


async def test_a_connection_closed_before_the_answer_charges_nothing():
    assert told(await failure(hang_up)) == ("provider_failed", True, 0, 0)


@pytest.mark.parametrize(
    "content", [b"<html>", b"[]", b'{"choices": 3}', b"", b'{"choices": [{"message": {"content": 5}}]}']
)
async def test_malformed_output_is_malformed(content):
    failed = await failure(whole(content))

    assert told(failed) == ("answer_is_malformed", False, 0, 0)


async def test_an_error_in_the_body_of_an_answer_counts_as_its_status():
    failed = await failure(whole(b'{"error": {"code": 429, "message": "slow down"}}'))

    assert told(failed) == ("provider_is_busy", True, 0, 0)


@pytest.mark.parametrize("length", [None, 10_000])
async def test_half_an_answer_is_charged_for_the_half_that_came(length):
    whole_body = body("Buy two of them." * 10)
    half = whole_body[: whole_body.index(b"them.") + len(b"them.")]

    failed = await failure(whole(half, length=length))

    assert told(failed)[:2] == ("answer_is_incomplete", True)
    assert failed.output_tokens == 4
    assert failed.input_tokens > 0


@pytest.mark.slow
async def test_an_answer_that_stops_until_the_deadline_is_charged_for_its_text():
    whole_body = body("Buy two of them." * 10)
    half = whole_body[: whole_body.index(b"them.") + len(b"them.")]

    failed = await failure(whole(half, length=10_000, close=False), asked=call(deadline_ms=1_500))

    assert told(failed)[:2] == ("provider_timed_out", True)
    assert failed.output_tokens == 4


async def test_half_a_stream_is_charged_for_the_half_that_came():
    failed = await failure(streamed(piece("Buy two of them."), done=False), on_text=print)

    assert told(failed)[:2] == ("answer_is_incomplete", True)
    assert failed.output_tokens == 4


async def test_a_stream_that_ends_before_its_first_text_charges_nothing():
    assert told(await failure(streamed(done=False), on_text=print))[2:] == (0, 0)


async def test_a_stream_cut_after_its_end_is_whole():
    async with model_server(streamed(piece("a", "stop"), done=False)) as server:
        answer = await ask(server, on_text=print)

    assert answer.content == "a"


async def test_an_error_in_a_stream_breaks_the_answer_off():
    failed = await failure(streamed(piece("Buy"), b'{"error": {"message": "gone"}}'), on_text=print)

    assert told(failed)[0] == "answer_is_incomplete"
    assert "gone" in str(failed)


@pytest.mark.parametrize(
    "broken", [{"message": {"refusal": "I may not."}}, {"finish_reason": "content_filter"}]
)
async def test_a_model_that_refuses_is_charged_for_what_it_counted(broken):
    failed = await failure(whole(body(None, (12, 3), **broken)))

    assert told(failed) == ("provider_refused", False, 12, 3)


@pytest.mark.slow
async def test_an_answer_of_100_megabytes_is_cut_off_while_it_is_read():
    answer = Endless(1_600)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    failed = await failure(answer)

    grown = 1_024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    assert told(failed)[:2] == ("answer_is_too_large", False)
    assert failed.output_tokens > 0
    assert max(grown, answer.sent) < 10 * ANSWER_BYTES_MAX


async def test_a_line_of_a_stream_that_never_ends_is_cut_off():
    failed = await failure(streamed(b"x" * (2 * ANSWER_BYTES_MAX)), on_text=print)

    assert told(failed)[:2] == ("answer_is_too_large", False)


async def test_a_key_that_the_server_repeats_is_not_told():
    failed = await failure(whole(f'{{"error": "bad key {KEY}"}}'.encode(), "401 Unauthorized"))

    assert KEY not in str(failed)
    assert KEY not in repr(failed)


async def test_a_provider_does_not_show_its_key():
    table = OpenAiCompatibleTable(kind="openai_compatible", base_url="http://127.0.0.1/v1")

    assert KEY not in repr(OpenAiCompatibleProvider("stub", table, KEY))
