"""Whatever a server sends as its answer, there is a completion or a typed failure, and no token that it did not send."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_server import body, piece

from econsim.adapters.models.chat_answer import PartialAnswer
from econsim.errors import ProviderFailed
from econsim.schemas.model_call import ChatMessage, ChatRole, Completion, Prompt, TokenUsage

PROMPT = Prompt(messages=(ChatMessage(ChatRole.USER, "What now?"),), max_tokens=50)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
FIELDS = st.sampled_from(
    ["choices", "message", "delta", "content", "tool_calls", "function", "usage", "error", "index"]
)
ANSWERS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=3),
    max_leaves=10,
)


def ending(answer, content):
    """Return the completion of one body, or its failure."""
    try:
        answer.add(content)
        return answer.completion()
    except ProviderFailed as failed:
        return failed


@given(st.binary() | ANSWERS.map(lambda value: json.dumps(value).encode()))
def test_any_body_ends_in_a_completion_or_a_typed_failure(content):
    assert isinstance(ending(PartialAnswer(PROMPT), content), Completion | ProviderFailed)


@given(st.integers(0, len(body("Buy two of them."))))
def test_any_beginning_of_a_body_has_the_beginning_of_its_text(cut):
    answer = PartialAnswer(PROMPT)

    answer.add_broken(body("Buy two of them.", None)[:cut])

    assert not answer.is_whole
    assert "Buy two of them.".startswith(answer.text)


def test_a_count_that_came_before_the_break_is_taken():
    answer = PartialAnswer(PROMPT)
    answer.add(piece("Buy")[:-1] + b', "usage": {"prompt_tokens": 12, "completion_tokens": 3}}')

    with pytest.raises(ProviderFailed) as failed:
        answer.completion()

    assert TokenUsage(failed.value.input_tokens, failed.value.output_tokens) == TokenUsage(12, 3)


def test_json_nested_without_end_is_malformed():
    failed = ending(PartialAnswer(PROMPT), b'{"usage": ' + b"[" * 100_000)

    assert failed.error_code == "answer_is_malformed"
