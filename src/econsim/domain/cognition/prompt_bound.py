"""The upper bound of a prompt's tokens for a model whose tokenizer is not at hand. Pure.

Tokenizers of language models work on bytes, and a token has a byte or more, so a text has no more tokens than bytes. A
chat template adds tokens around each message, and some providers add instructions of their own to calls with tools.
"""

from __future__ import annotations

import json
from typing import Final

from econsim.schemas.model_call import ChatMessage, Prompt, ToolDefinition

TOKENS_PER_PROMPT: Final = 64
"""Tokens that a chat template adds to a prompt: a default instruction, and the beginning of the answer."""

TOKENS_PER_MESSAGE: Final = 16
"""Tokens that a chat template adds to a message or a tool: its author, its beginning and its end."""

TOKENS_FOR_TOOLS: Final = 600
"""Tokens that providers add to a prompt with tools, to tell the model how to call one; the most told by any is 530."""


def prompt_bound(prompt: Prompt) -> int:
    """Return the most tokens that a prompt can have: messages, tools and schema together."""
    tokens = TOKENS_PER_PROMPT + sum(map(_message_bound, prompt.messages))
    if prompt.tools:
        tokens += TOKENS_FOR_TOOLS + sum(map(_tool_bound, prompt.tools))
    if prompt.response_schema is not None:
        tokens += TOKENS_PER_MESSAGE + _size(json.dumps(prompt.response_schema))
    return tokens


def _message_bound(message: ChatMessage) -> int:
    calls = sum(TOKENS_PER_MESSAGE + _size(call.id, call.name, call.arguments) for call in message.tool_calls)
    return TOKENS_PER_MESSAGE + _size(message.content, message.tool_call_id or "") + calls


def _tool_bound(tool: ToolDefinition) -> int:
    return TOKENS_PER_MESSAGE + _size(tool.name, tool.description, json.dumps(tool.parameters or {}))


def _size(*texts: str) -> int:
    return sum(len(text.encode(errors="replace")) for text in texts)
