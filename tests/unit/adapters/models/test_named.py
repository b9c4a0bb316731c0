"""Vendors by name: the library translates, and nothing of its own (prices, names, repeats) comes through."""

import pytest
from model_server import body, model_server, piece, silence, streamed, whole

from econsim.errors import ProviderFailed
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
from econsim.schemas.provider_file import NamedTable

pytest.importorskip("pydantic_ai")
from pydantic_ai import messages
from pydantic_ai.exceptions import UserError
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.models.test import TestModel
from pydantic_ai.usage import RequestUsage

from econsim.adapters.models.named import NamedProvider

pytestmark = pytest.mark.slow
TABLE = NamedTable(kind="named", vendor="openai-chat")
USAGE = RequestUsage(input_tokens=12, output_tokens=3)


def call(*conversation, deadline_ms=30_000, **parts):
    conversation = conversation or (ChatMessage(ChatRole.USER, "What now?"),)
    return Call(
        CallPosition("anna", 1, 1), Prompt(messages=conversation, max_tokens=50, **parts), deadline_ms
    )


def provider(answer):
    """A provider whose model answers by a function of the library's messages and settings."""
    return NamedProvider("vendor", TABLE, make=lambda _: FunctionModel(answer))


async def failure(answer, on_text=None):
    with pytest.raises(ProviderFailed) as failed:
        await provider(answer).complete(call(), on_text)
    return failed.value


async def test_a_text_comes_with_its_tokens():
    answer = messages.ModelResponse([messages.TextPart("Buy.")], usage=USAGE, finish_reason="length")

    completion = await provider(lambda *_: answer).complete(call())

    assert (completion.content, completion.usage) == ("Buy.", TokenUsage(12, 3))
    assert completion.finish_reason is FinishReason.LENGTH


async def test_the_model_of_the_table_is_asked():
    asked = []

    def make(name):
        asked.append(name)
        return TestModel()

    table = NamedTable(kind="named", vendor="openai-chat", models={"default": "gpt-5"})
    vendor = NamedProvider("vendor", table, make=make)
    await vendor.complete(call())
    await vendor.complete(call())

    assert asked == ["gpt-5"]


async def test_all_of_a_prompt_reaches_the_model():
    seen = []

    def answer(conversation, info):
        seen.append((conversation, info))
        return messages.ModelResponse([messages.TextPart("a")])

    await provider(answer).complete(
        call(
            ChatMessage(ChatRole.SYSTEM, "Be brief."),
            ChatMessage(ChatRole.USER, "Look."),
            ChatMessage(ChatRole.ASSISTANT, "", (ToolCall("c0", "look", "{}"),)),
            ChatMessage(ChatRole.TOOL, "empty", tool_call_id="c0"),
            tools=(ToolDefinition("look", "Look up."),),
        )
    )

    [(conversation, info)] = seen
    kinds = [[part.part_kind for part in message.parts] for message in conversation]
    assert kinds == [["system-prompt", "user-prompt"], ["tool-call"], ["tool-return"]]
    assert conversation[2].parts[0].tool_name == "look"
    assert [tool.name for tool in info.function_tools] == ["look"]
    assert info.model_settings == {"max_tokens": 50, "temperature": 0.0}


async def test_arguments_that_are_no_json_stay_as_the_model_wrote_them():
    part = messages.ToolCallPart("look", "{a", "c1")

    completion = await provider(lambda *_: messages.ModelResponse([part])).complete(call())

    assert completion.tool_calls == (ToolCall("c1", "look", "{a"),)


async def test_a_count_that_never_came_is_none_and_not_0():
    completion = await NamedProvider("v", TABLE, make=lambda _: Uncounted()).complete(call())

    assert completion.usage is None


class Uncounted(TestModel):
    """A model that counts no tokens."""

    async def request(self, *_):
        return messages.ModelResponse([messages.TextPart("a")])


async def test_a_stream_tells_the_text_as_it_grows():
    async def answer(*_):
        yield "Buy"
        yield " two."

    texts = []
    streaming = NamedProvider("v", TABLE, make=lambda _: FunctionModel(stream_function=answer))
    completion = await streaming.complete(call(), texts.append)

    assert completion.content == "Buy two."
    assert texts == ["Buy", "Buy two."]


async def test_a_stream_that_breaks_off_is_charged_for_its_text():
    async def answer(*_):
        yield "Buy two of them."
        message = "gone"
        raise ConnectionError(message)

    streaming = NamedProvider("v", TABLE, make=lambda _: FunctionModel(stream_function=answer))
    with pytest.raises(ProviderFailed) as failed:
        await streaming.complete(call(), print)

    assert failed.value.error_code == "answer_is_incomplete"
    assert failed.value.output_tokens == 4


def refuse(*_):
    message = "this model takes no schema"
    raise UserError(message)


def crash(*_):
    message = "oh"
    raise KeyError(message)


@pytest.mark.parametrize(("answer", "word"), [(refuse, "provider_refused"), (crash, "provider_failed")])
async def test_whatever_the_library_raises_is_a_typed_failure(answer, word):
    assert (await failure(answer)).error_code == word


async def test_a_content_filter_is_a_refusal_that_costs():
    filtered = messages.ModelResponse([], usage=USAGE, finish_reason="content_filter")

    failed = await failure(lambda *_: filtered)

    assert (failed.error_code, failed.input_tokens) == ("provider_refused", 12)


@pytest.mark.parametrize(
    ("status", "word", "is_transient"),
    [
        ("400 Bad Request", "provider_refused", False),
        ("429 Too Many Requests", "provider_is_busy", True),
        ("500 Internal Server Error", "provider_failed", True),
    ],
)
async def test_a_failed_call_of_a_real_client_is_one_request(status, word, is_transient, monkeypatch):
    pytest.importorskip("openai")
    async with model_server(whole(b'{"error": {"message": "no"}}', status)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        vendor = NamedProvider("v", TABLE, "sk-0123456789")
        with pytest.raises(ProviderFailed) as failed:
            await vendor.complete(call())
        await vendor.close()

    assert (failed.value.error_code, failed.value.is_transient) == (word, is_transient)
    assert len(server.requests) == 1


async def test_a_real_client_answers_and_streams(monkeypatch):
    pytest.importorskip("openai")
    texts = []
    stream = streamed(piece("Buy"), piece(" two.", "stop"))
    async with model_server(whole(body("Buy.", (12, 3))), stream) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        vendor = NamedProvider("v", TABLE, "sk-0123456789")
        answers = [await vendor.complete(call()), await vendor.complete(call(), texts.append)]
        await vendor.close()

    assert [answer.content for answer in answers] == ["Buy.", "Buy two."]
    assert [answer.usage for answer in answers] == [TokenUsage(12, 3), None]
    assert texts[-1] == "Buy two."


async def test_a_real_client_ends_at_the_deadline(monkeypatch):
    pytest.importorskip("openai")
    async with model_server(silence) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        vendor = NamedProvider("v", TABLE, "sk-0123456789")
        with pytest.raises(ProviderFailed) as failed:
            await vendor.complete(call(deadline_ms=200))
        await vendor.close()

    assert failed.value.error_code == "provider_timed_out"
    assert len(server.requests) <= 1
