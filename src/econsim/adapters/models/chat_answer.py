"""The answer of a server that speaks the protocol of OpenAI's chat completions, whole or piece by piece.

Charging rule of a broken answer: a provider that began to answer charges for it. Its own count is taken if it came;
else the prompt and the text that came are counted as `rules` counts them. Without any text nothing is charged.
"""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from econsim.adapters.models.failures import body_failure, error_reason, provider_failure
from econsim.adapters.models.tool_calls import checked_tool_calls
from econsim.domain.cognition.token_count import count_prompt_tokens, count_tokens
from econsim.errors import ProviderFailed
from econsim.schemas.cognition import CallFailure
from econsim.schemas.model_call import Completion, FinishReason, Prompt, TokenUsage

_FINISH: Final = {
    "length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
}
_FILTER: Final = "content_filter"


class ChatFunction(BaseModel):
    """The function of a tool call, or a piece of it."""

    name: str | None = None
    arguments: str | None = None


class ChatToolCall(BaseModel):
    """A tool call, or a piece of it."""

    index: int | None = None
    id: str | None = None
    function: ChatFunction | None = None


class ChatText(BaseModel):
    """The message of an answer, or a piece of it."""

    content: str | None = None
    refusal: str | None = None
    tool_calls: list[ChatToolCall] | None = None


class ChatChoice(BaseModel):
    """One of the answers: a whole message, or a piece (`delta`)."""

    message: ChatText | None = None
    delta: ChatText | None = None
    finish_reason: str | None = None


class ChatAnswer(BaseModel):
    """The body of an answer, or of a piece of it. Fields of the protocol that nobody here reads are let through."""

    choices: list[ChatChoice] | None = None
    usage: object = None
    error: object = None


class PartialAnswer:
    """The answer to a prompt as far as it has come."""

    def __init__(self, prompt: Prompt) -> None:
        """Start with nothing."""
        self.text = ""
        """Text so far."""
        self.is_whole = False
        """True if all of the answer has come."""
        self._prompt = prompt
        self._refusal = ""
        self._finish = ""
        self._usage: TokenUsage | None = None
        self._tool_calls: dict[int, list[str]] = {}

    def add(self, body: bytes) -> None:
        """Add the body of an answer, or of a piece; raises ProviderFailed for an error, and for what is no such body."""
        try:
            answer = ChatAnswer.model_validate_json(body)
        except ValidationError as error:
            message = f"the provider's answer is no chat completion: {error.errors()[0]['msg']}"
            raise self.failure(CallFailure.ANSWER_IS_MALFORMED, message) from None
        self._add(answer)
        if answer.error is not None and not self.text:
            raise body_failure(answer.error)
        if answer.error is not None:
            message = f"the answer broke off: {error_reason(answer.error)}"
            raise self.failure(CallFailure.ANSWER_IS_INCOMPLETE, message)

    def add_broken(self, body: bytes) -> bool:
        """Add as much as can be read of a body that broke off; return whether it has any of the answer."""
        try:
            answer = ChatAnswer.model_validate(from_json(body, allow_partial="trailing-strings"))
        except ValueError:
            return False
        self._add(answer)
        self.is_whole = False
        return bool(answer.choices)

    def end(self) -> None:
        """Note that the provider closed the stream as it should."""
        self.is_whole = True

    def completion(self) -> Completion:
        """Return the completion; raises ProviderFailed if the answer is not whole, a refusal, or malformed."""
        if not self.is_whole:
            raise self.failure(CallFailure.ANSWER_IS_INCOMPLETE, "the provider's answer broke off")
        if self._refusal or self._finish == _FILTER:
            reason = error_reason(self._refusal or "its content filter stopped the answer")
            raise self.failure(CallFailure.PROVIDER_REFUSED, f"the provider refused to answer: {reason}")
        calls = [
            (id_ or f"call_{place}", name, arguments or "{}")
            for place, (id_, name, arguments) in sorted(self._tool_calls.items())
        ]
        try:
            tool_calls = checked_tool_calls(calls)
        except ValidationError as error:
            message = f"the model's call of a tool is malformed: {error.errors()[0]['msg']}"
            raise self.failure(CallFailure.ANSWER_IS_MALFORMED, message) from None
        finish = FinishReason.TOOL_CALLS if tool_calls else FinishReason.STOP
        return Completion(self.text, self._usage, tool_calls, _FINISH.get(self._finish, finish))

    def failure(self, code: CallFailure, message: str) -> ProviderFailed:
        """Return the failure of a call whose answer came this far, with the tokens that are charged for it."""
        came = self.text + "".join(part for call in self._tool_calls.values() for part in call[1:])
        charged = self._usage or TokenUsage(0, 0)
        if came and self._usage is None:
            charged = TokenUsage(count_prompt_tokens(self._prompt), count_tokens(came))
        return provider_failure(
            code, message, input_tokens=charged.input_tokens, output_tokens=charged.output_tokens
        )

    def _add(self, answer: ChatAnswer) -> None:
        self._usage = token_usage(answer.usage) or self._usage
        for choice in (answer.choices or [])[:1]:
            text = choice.message or choice.delta or ChatText()
            self.text += text.content or ""
            self._refusal += text.refusal or ""
            for place, call in enumerate(text.tool_calls or []):
                self._add_tool_call(place if call.index is None else call.index, call)
            self._finish = choice.finish_reason or self._finish
            self.is_whole = self.is_whole or bool(choice.message or choice.finish_reason)

    def _add_tool_call(self, place: int, piece: ChatToolCall) -> None:
        call = self._tool_calls.setdefault(place, ["", "", ""])
        function = piece.function or ChatFunction()
        call[0] = call[0] or piece.id or ""
        call[1] += function.name or ""
        call[2] += function.arguments or ""


def token_usage(usage: object) -> TokenUsage | None:
    """Return the tokens that a provider counted; None if it counted none, or if they are no counts."""
    if not isinstance(usage, dict):
        return None
    counted = [usage.get(field) for field in ("prompt_tokens", "completion_tokens")]
    counts = [count for count in counted if type(count) is int and 0 <= count < 2**31]
    return TokenUsage(*counts) if len(counts) == len(counted) else None
