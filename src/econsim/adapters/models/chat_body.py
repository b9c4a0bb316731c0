"""The body of a request in the protocol of OpenAI's chat completions, which most servers of models speak."""

from __future__ import annotations

from typing import Final

from econsim.schemas.model_call import ChatMessage, ChatRole, Prompt, ToolDefinition

ANSWER_SCHEMA_NAME: Final = "answer"
"""Name of the schema of a structured answer; the protocol wants one."""

NO_ARGUMENTS: Final = {"type": "object", "properties": {}}
"""JSON Schema of the arguments of a tool without any."""


def chat_body(prompt: Prompt, model: str, *, is_streamed: bool) -> dict[str, object]:
    """Return the body of the request that asks a server's model for an answer."""
    body: dict[str, object] = {
        "model": model,
        "messages": [_message(message) for message in prompt.messages],
        "max_tokens": prompt.max_tokens,
        "temperature": prompt.temperature,
    }
    if prompt.tools:
        body["tools"] = [_tool(tool) for tool in prompt.tools]
    if prompt.response_schema is not None:
        schema = {"name": ANSWER_SCHEMA_NAME, "schema": prompt.response_schema}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    if is_streamed:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


def _message(message: ChatMessage) -> dict[str, object]:
    body: dict[str, object] = {"role": message.role.value, "content": message.content}
    if message.role is ChatRole.TOOL:
        body["tool_call_id"] = message.tool_call_id or ""
    if message.tool_calls:
        body["content"] = message.content or None
        body["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    return body


def _tool(tool: ToolDefinition) -> dict[str, object]:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters or NO_ARGUMENTS,
    }
    return {"type": "function", "function": function}
