"""The count of tokens of the deterministic providers: four bytes of text are a token, and each message costs four more. Pure.

Real tokenizers give three to four bytes of English a token, so prices of `rules` have the size of a real model's. The
count is exact by definition: the bound that is reserved for a prompt is what the prompt costs.
"""

from __future__ import annotations

from typing import Any, Final

from econsim.schemas.model_call import ChatMessage, Prompt
from econsim.schemas.shared_schema import schema_text

BYTES_PER_TOKEN: Final = 4
"""Bytes of text in one token; a token that is begun counts."""

MESSAGE_TOKENS: Final = 4
"""Tokens of a message beside its text: its role and its end."""


def count_tokens(text: str) -> int:
    """Return the tokens of a text."""
    size = len(text) if text.isascii() else len(text.encode(errors="replace"))
    return -(-size // BYTES_PER_TOKEN)


def count_prompt_tokens(prompt: Prompt) -> int:
    """Return the tokens of a prompt: messages, tools and schema together."""
    tokens = sum(map(_message_tokens, prompt.messages))
    for tool in prompt.tools:
        tokens += MESSAGE_TOKENS + count_tokens(tool.name) + count_tokens(tool.description)
        tokens += _json_tokens(tool.parameters)
    return tokens + _json_tokens(prompt.response_schema)


def cut_to_tokens(text: str, tokens: int) -> str:
    """Return the beginning of a text that has at most these tokens; a character is never cut in two."""
    if count_tokens(text) <= tokens:
        return text
    return text.encode(errors="replace")[: tokens * BYTES_PER_TOKEN].decode(errors="ignore")


def _message_tokens(message: ChatMessage) -> int:
    tokens = MESSAGE_TOKENS + count_tokens(message.content)
    for call in message.tool_calls:
        tokens += MESSAGE_TOKENS + count_tokens(call.name) + count_tokens(call.arguments)
    return tokens


def _json_tokens(schema: dict[str, Any] | None) -> int:
    return 0 if schema is None else -(-len(schema_text(schema)) // BYTES_PER_TOKEN)
