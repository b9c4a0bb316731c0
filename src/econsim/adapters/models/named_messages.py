"""Prompts and answers in the words of pydantic-ai, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable

from pydantic import ValidationError
from pydantic_ai import messages
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition as NamedTool

from econsim.adapters.models.chat_body import ANSWER_SCHEMA_NAME, NO_ARGUMENTS
from econsim.adapters.models.failures import provider_failure
from econsim.adapters.models.tool_calls import checked_tool_calls
from econsim.errors import ProviderFailed
from econsim.schemas.cognition import CallFailure
from econsim.schemas.model_call import (
    ChatMessage,
    ChatRole,
    Completion,
    FinishReason,
    Prompt,
    TokenUsage,
)


def named_messages(prompt: Iterable[ChatMessage]) -> list[messages.ModelMessage]:
    """Return the messages of a prompt: an assistant's are responses, those between them one request each."""
    found: list[messages.ModelMessage] = []
    tools: dict[str, str] = {}
    for message in prompt:
        if message.role is ChatRole.ASSISTANT:
            tools |= {call.id: call.name for call in message.tool_calls}
            found.append(_response(message))
            continue
        part = _request_part(message, tools)
        last = found[-1] if found else None
        before = last.parts if isinstance(last, messages.ModelRequest) else []
        if before:
            found.pop()
        found.append(messages.ModelRequest(parts=[*before, part]))
    return found


def named_settings(prompt: Prompt) -> ModelSettings:
    """Return the settings of a request."""
    return ModelSettings(max_tokens=prompt.max_tokens, temperature=prompt.temperature)


def named_parameters(prompt: Prompt) -> ModelRequestParameters:
    """Return the tools and the schema of a request."""
    tools = [
        NamedTool(
            name=tool.name,
            description=tool.description or None,
            parameters_json_schema=tool.parameters or NO_ARGUMENTS,
        )
        for tool in prompt.tools
    ]
    if prompt.response_schema is None:
        return ModelRequestParameters(function_tools=tools)
    schema = OutputObjectDefinition(prompt.response_schema, name=ANSWER_SCHEMA_NAME)
    return ModelRequestParameters(function_tools=tools, output_mode="native", output_object=schema)


def named_completion(response: messages.ModelResponse) -> Completion:
    """Return the completion; raises ProviderFailed for a refusal, and for an answer that is malformed."""
    text = "".join(part.content for part in response.parts if isinstance(part, messages.TextPart))
    if response.finish_reason == "content_filter":
        raise _failure(response, CallFailure.PROVIDER_REFUSED, "the content filter stopped the answer")
    if response.finish_reason == "error":
        raise _failure(
            response, CallFailure.PROVIDER_FAILED, "the provider failed in the middle of its answer"
        )
    calls = [
        (part.tool_call_id, part.tool_name, _arguments(part))
        for part in response.parts
        if isinstance(part, messages.ToolCallPart)
    ]
    try:
        tool_calls = checked_tool_calls(calls)
    except ValidationError as error:
        message = f"the model's call of a tool is malformed: {error.errors()[0]['msg']}"
        raise _failure(response, CallFailure.ANSWER_IS_MALFORMED, message) from None
    finish = FinishReason.TOOL_CALLS if tool_calls else FinishReason.STOP
    if response.finish_reason == "length":
        finish = FinishReason.LENGTH
    return Completion(text, _usage(response), tool_calls, finish)


def _response(message: ChatMessage) -> messages.ModelResponse:
    parts: list[messages.ModelResponsePart] = [messages.TextPart(message.content)] if message.content else []
    parts += [messages.ToolCallPart(call.name, call.arguments, call.id) for call in message.tool_calls]
    return messages.ModelResponse(parts=parts)


def _request_part(message: ChatMessage, tools: dict[str, str]) -> messages.ModelRequestPart:
    match message.role:
        case ChatRole.SYSTEM:
            return messages.SystemPromptPart(message.content)
        case ChatRole.TOOL:
            id_ = message.tool_call_id or ""
            return messages.ToolReturnPart(tools.get(id_, ""), message.content, id_)
        case _:
            return messages.UserPromptPart(message.content)


def _arguments(part: messages.ToolCallPart) -> str:
    """Return the arguments as the model wrote them; the library's own text hides what is no JSON in an object."""
    return part.args if isinstance(part.args, str) else json.dumps(part.args or {})


def _usage(response: messages.ModelResponse) -> TokenUsage | None:
    """Return the tokens that the provider counted; the library says 0 for a count that never came."""
    counted = response.usage.input_tokens, response.usage.output_tokens
    return TokenUsage(*counted) if counted[0] and all(0 <= each < 2**31 for each in counted) else None


def _failure(response: messages.ModelResponse, failure: CallFailure, message: str) -> ProviderFailed:
    usage = _usage(response) or TokenUsage(0, 0)
    return provider_failure(
        failure, message, input_tokens=usage.input_tokens, output_tokens=usage.output_tokens
    )
