"""The bound of a prompt's tokens grows with all that is sent, and is above what tokenizers count."""

import pytest

from econsim.domain.cognition.prompt_bound import prompt_bound
from econsim.schemas.model_call import ChatMessage, ChatRole, Prompt, ToolCall, ToolDefinition

PROMPT = Prompt(messages=(ChatMessage(ChatRole.USER, "Say hello in five words."),), max_tokens=1)


def test_it_is_above_what_a_model_counted():
    # SmolLM2 counts 36 tokens: the text, its template, and a default instruction of its own.
    assert prompt_bound(PROMPT) >= 36


@pytest.mark.parametrize(
    "more",
    [
        {"messages": (*PROMPT.messages, ChatMessage(ChatRole.ASSISTANT, ""))},
        {"messages": (ChatMessage(ChatRole.USER, "Say hello in five wörds."),)},
        {"messages": (ChatMessage(ChatRole.USER, PROMPT.messages[0].content, (ToolCall("1", "a", "{}"),)),)},
        {"tools": (ToolDefinition("a"),)},
        {"tools": (ToolDefinition("a", "b", {"type": "object"}),)},
        {"response_schema": {"type": "object"}},
    ],
)
def test_every_part_of_a_prompt_counts(more):
    assert prompt_bound(PROMPT.model_copy(update=more)) > prompt_bound(PROMPT)


def test_a_lone_surrogate_is_counted():
    assert prompt_bound(Prompt(messages=(ChatMessage(ChatRole.USER, "\ud800"),), max_tokens=1))
