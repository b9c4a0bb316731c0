"""The provider of any server that speaks OpenAI's chat completions over HTTP: hosted ones, Ollama, vLLM, llama.cpp.

An answer is read in pieces and cut off at a limit, so a server that never stops costs no memory. Nothing is repeated
here: `limits.py` decides about that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
from pydantic_core import from_json, to_json

from econsim.adapters.models.chat_answer import PartialAnswer
from econsim.adapters.models.chat_body import chat_body
from econsim.adapters.models.failures import MILLISECONDS, status_failure
from econsim.domain.cognition.prompt_bound import prompt_bound
from econsim.errors import ProviderFailed
from econsim.ports import OnText
from econsim.schemas.cognition import CallFailure
from econsim.schemas.model_call import Call, Completion, Prompt
from econsim.schemas.provider_file import OpenAiCompatibleTable

ANSWER_BYTES_MAX: Final = 4 * 2**20
"""Bytes of an answer, and of one line of a stream: eight times the text of the longest answer that may be asked for."""

STREAM_BYTES_MAX: Final = 64 * 2**20
"""Bytes of a stream: the longest answer, token by token, with half a kilobyte of JSON around each."""

ERROR_BYTES_MAX: Final = 64 * 2**10
"""Bytes read of the body of a refusal."""

_DATA: Final = b"data:"
_DONE: Final = b"[DONE]"
_OK: Final = 200


class OpenAiCompatibleProvider:
    """The provider of one server's models; belongs to the event loop of its first call."""

    def __init__(self, name: str, table: OpenAiCompatibleTable, key: str | None = None) -> None:
        """Ask the server of the operator's table; the key is sent to it and told to nobody else."""
        self.name = name
        self.calls_max = table.calls_max
        self._table = table
        self._key = key
        self._session: aiohttp.ClientSession | None = None

    def count_input(self, prompt: Prompt) -> int:
        """Return the most tokens that the prompt can have: the server's tokenizer is not known."""
        return prompt_bound(prompt)

    async def complete(self, call: Call, on_text: OnText | None = None) -> Completion:
        """Answer a call once, as a stream if `on_text` is given; raises ProviderFailed, at the deadline too."""
        answer = PartialAnswer(call.prompt)
        try:
            async with asyncio.timeout(call.deadline_ms / MILLISECONDS):
                await self._ask(call.prompt, answer, on_text)
        except ProviderFailed as failed:
            raise _without_key(failed, self._key) from None
        except TimeoutError:
            message = f"the provider did not answer within {call.deadline_ms} ms"
            raise answer.failure(CallFailure.PROVIDER_TIMED_OUT, message) from None
        except (aiohttp.ClientError, OSError) as error:
            if answer.is_whole:
                return answer.completion()
            if answer.text or isinstance(error, aiohttp.ClientPayloadError):
                message = "the provider closed the connection in the middle of its answer"
                raise answer.failure(CallFailure.ANSWER_IS_INCOMPLETE, message) from None
            message = f"the provider cannot be reached: {type(error).__name__}"
            raise answer.failure(CallFailure.PROVIDER_FAILED, message) from None
        return answer.completion()

    async def close(self) -> None:
        """Close the connections to the server."""
        if self._session is not None:
            await self._session.close()

    async def _ask(self, prompt: Prompt, answer: PartialAnswer, on_text: OnText | None) -> None:
        body = self._body(prompt, is_streamed=on_text is not None)
        async with self._open_session().post(
            f"{self._table.base_url}/chat/completions", data=to_json(body), allow_redirects=False
        ) as response:
            if response.status != _OK:
                await _refuse(response)
            if response.content_type == "text/event-stream":
                await _read_stream(response, answer, on_text)
            else:
                await _read_body(response, answer)
                if on_text is not None:
                    on_text(answer.text)

    def _body(self, prompt: Prompt, *, is_streamed: bool) -> dict[str, object]:
        """Return the body of a request in the dialect of this server."""
        model = self._table.models.get(prompt.model, prompt.model)
        body = chat_body(prompt, model, is_streamed=is_streamed)
        body[self._table.max_tokens_field] = body.pop("max_tokens")
        if not self._table.sends_temperature:
            del body["temperature"]
        return body

    def _open_session(self) -> aiohttp.ClientSession:
        """Return the session, made at the first call: it belongs to the loop that runs then."""
        if self._session is None:
            # Compressed answers are not asked for and not unpacked: a few bytes could become any number.
            headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
            if self._key is not None:
                headers["Authorization"] = f"Bearer {self._key}"
            self._session = aiohttp.ClientSession(
                headers=headers,
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
            )
        return self._session


async def _read_body(response: aiohttp.ClientResponse, answer: PartialAnswer) -> None:
    """Read a whole answer, or as much of it as comes."""
    body, is_read = bytearray(), False
    try:
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > ANSWER_BYTES_MAX:
                break
        else:
            is_read = body.rstrip().endswith(b"}")
    finally:
        # The deadline and a broken connection come through here too, and are charged for what came.
        is_begun = not is_read and answer.add_broken(bytes(body))
    if len(body) > ANSWER_BYTES_MAX:
        raise _too_large(answer, response)
    if is_begun:
        raise answer.failure(CallFailure.ANSWER_IS_INCOMPLETE, "the provider's answer is cut off")
    answer.add(bytes(body))


async def _read_stream(
    response: aiohttp.ClientResponse, answer: PartialAnswer, on_text: OnText | None
) -> None:
    """Read a stream of server-sent events, and hand on the text as it grows."""
    async for line in _lines(response, answer):
        payload = line.removeprefix(_DATA).strip()
        if payload == _DONE:
            answer.end()
            return
        if not line.startswith(_DATA):
            continue
        known = len(answer.text)
        answer.add(payload)
        if len(answer.text) > ANSWER_BYTES_MAX:
            raise _too_large(answer, response)
        if on_text is not None and len(answer.text) > known:
            on_text(answer.text)


async def _lines(response: aiohttp.ClientResponse, answer: PartialAnswer) -> AsyncIterator[bytes]:
    """Yield the lines of a stream; raises ProviderFailed for one that is too long, and for too many."""
    rest, size = b"", 0
    async for piece in response.content.iter_any():
        size += len(piece)
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line
        if len(rest) > ANSWER_BYTES_MAX or size > STREAM_BYTES_MAX:
            raise _too_large(answer, response)
    if rest:
        yield rest


async def _refuse(response: aiohttp.ClientResponse) -> None:
    """Raise ProviderFailed for an answer that is no 200."""
    body = b""
    while len(body) < ERROR_BYTES_MAX and (piece := await response.content.read(ERROR_BYTES_MAX)):
        body += piece
    try:
        error: object = from_json(body)
    except ValueError:
        error = body.decode(errors="replace")
    if isinstance(error, dict):
        error = error.get("error", error)
    raise status_failure(response.status, error, response.headers.get("Retry-After", ""))


def _without_key(failed: ProviderFailed, key: str | None) -> ProviderFailed:
    """Return a failure that does not tell the key: some servers repeat it."""
    if key is not None:
        failed.args = (str(failed).replace(key, "…"),)
    return failed


def _too_large(answer: PartialAnswer, response: aiohttp.ClientResponse) -> ProviderFailed:
    """Return the failure of an answer that is too large; what is still to come of it is never read."""
    response.close()
    message = f"the provider's answer is longer than {ANSWER_BYTES_MAX} bytes"
    return answer.failure(CallFailure.ANSWER_IS_TOO_LARGE, message)
