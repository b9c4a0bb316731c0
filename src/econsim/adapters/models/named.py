"""The provider of a vendor that pydantic-ai knows by name, through its direct API: one request, no agent loop.

The library is asked for translation alone. Its prices are not read (it prices every server that speaks OpenAI's protocol
as OpenAI), neither are its names of models, and its clients repeat nothing. It reads an answer whole, however long, so a
server that is not trusted belongs to kind `openai_compatible`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from pydantic_ai import messages
from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.exceptions import (
    ContentFilterError,
    ModelAPIError,
    ModelHTTPError,
    UnexpectedModelBehavior,
    UserError,
)
from pydantic_ai.models import Model, infer_model
from pydantic_ai.providers import Provider, infer_provider_class

from econsim.adapters.models.failures import MILLISECONDS, error_reason, provider_failure, status_failure
from econsim.adapters.models.named_messages import (
    named_completion,
    named_messages,
    named_parameters,
    named_settings,
)
from econsim.domain.cognition.prompt_bound import prompt_bound
from econsim.domain.cognition.token_count import count_prompt_tokens, count_tokens
from econsim.errors import ProviderFailed
from econsim.ports import OnText
from econsim.schemas.cognition import CallFailure
from econsim.schemas.model_call import Call, Completion, Prompt
from econsim.schemas.provider_file import NamedTable

_LIBRARY_ERRORS: Final = (ModelAPIError, UnexpectedModelBehavior, UserError)


class NamedProvider:
    """The provider of one vendor's models; belongs to the event loop of its first call."""

    def __init__(
        self, name: str, table: NamedTable, key: str | None = None, make: Callable[[str], Model] | None = None
    ) -> None:
        """Ask the vendor of the operator's table; `make` builds the library's model of a name, by default the vendor's."""
        self.name = name
        self.calls_max = table.calls_max
        self._table = table
        self._key = key
        self._make = make or self._vendor_model
        self._vendor: Provider[object] | None = None
        self._models: dict[str, Model] = {}

    def count_input(self, prompt: Prompt) -> int:
        """Return the most tokens that the prompt can have: the vendor's tokenizer is not known."""
        return prompt_bound(prompt)

    async def complete(self, call: Call, on_text: OnText | None = None) -> Completion:
        """Answer a call once, as a stream if `on_text` is given; raises ProviderFailed, at the deadline too."""
        came = _Text(on_text)
        try:
            async with asyncio.timeout(call.deadline_ms / MILLISECONDS):
                response = await self._ask(call.prompt, came)
        except TimeoutError:
            message = f"the provider did not answer within {call.deadline_ms} ms"
            raise _charged_failure(
                call, came, provider_failure(CallFailure.PROVIDER_TIMED_OUT, message)
            ) from None
        except _LIBRARY_ERRORS as error:
            raise _charged_failure(call, came, library_failure(error)) from None
        except Exception as error:
            # The clients of vendors raise what they like; the caller is owed a typed answer all the same.
            message = f"the provider's client failed: {type(error).__name__}"
            raise _charged_failure(
                call, came, provider_failure(CallFailure.PROVIDER_FAILED, message)
            ) from error
        return named_completion(response)

    async def close(self) -> None:
        """Close the connections to the vendor."""
        if self._vendor is not None:
            # The library closes the connections of its own client when it is left.
            async with self._vendor:
                pass

    async def _ask(self, prompt: Prompt, came: _Text) -> messages.ModelResponse:
        name = self._table.models.get(prompt.model, prompt.model)
        model = self._models.get(name) or self._models.setdefault(name, self._make(name))
        parts = named_messages(prompt.messages)
        settings, parameters = named_settings(prompt), named_parameters(prompt)
        if came.on_text is None:
            return await model_request(
                model, parts, model_settings=settings, model_request_parameters=parameters
            )
        async with model_request_stream(
            model, parts, model_settings=settings, model_request_parameters=parameters
        ) as stream:
            async for event in stream:
                came.add(event)
            return stream.get()

    def _vendor_model(self, name: str) -> Model:
        return infer_model(f"{self._table.vendor}:{name}", self._open_vendor)

    def _open_vendor(self, vendor: str) -> Provider[object]:
        """Return the vendor, made once, whose client repeats nothing."""
        if self._vendor is None:
            make: Callable[..., Provider[object]] = infer_provider_class(vendor)
            self._vendor = make(api_key=self._key) if self._key is not None else make()
            client = self._vendor.client
            if hasattr(client, "max_retries"):
                client.max_retries = 0
        return self._vendor


class _Text:
    """The text of an answer as far as it has come, handed on as it grows."""

    def __init__(self, on_text: OnText | None) -> None:
        self.on_text = on_text
        self.text = ""

    def add(self, event: object) -> None:
        match event:
            case messages.PartStartEvent(part=messages.TextPart(content=piece)):
                self.text += piece
            case messages.PartDeltaEvent(delta=messages.TextPartDelta(content_delta=piece)):
                self.text += piece
            case _:
                return
        if self.on_text is not None and self.text:
            self.on_text(self.text)


def library_failure(error: Exception) -> ProviderFailed:
    """Return the failure that an error of the library stands for."""
    match error:
        case ModelHTTPError(status_code=status, body=body, headers=headers):
            told = body.get("error", body) if isinstance(body, dict) else body
            return status_failure(status, told, (headers or {}).get("retry-after", ""))
        case ModelAPIError():
            return provider_failure(
                CallFailure.PROVIDER_FAILED, f"the provider cannot be reached: {error_reason(error)}"
            )
        case ContentFilterError() | UserError():
            return provider_failure(
                CallFailure.PROVIDER_REFUSED, f"the request is refused: {error_reason(error)}"
            )
        case _:
            return provider_failure(
                CallFailure.ANSWER_IS_MALFORMED, f"the answer is malformed: {error_reason(error)}"
            )


def _charged_failure(call: Call, came: _Text, failed: ProviderFailed) -> ProviderFailed:
    """Return the failure with the tokens of the text that came: a stream that is left early counts none itself."""
    if not came.text:
        return failed
    code = CallFailure(failed.error_code)
    return provider_failure(
        CallFailure.ANSWER_IS_INCOMPLETE if code is CallFailure.PROVIDER_FAILED else code,
        str(failed),
        input_tokens=count_prompt_tokens(call.prompt),
        output_tokens=count_tokens(came.text),
    )
