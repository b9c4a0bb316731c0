"""Answers over HTTP within a limit: one that is too large fails its own call, and the session goes on.

The library reads an answer to its end, unpacks it, and takes the session for lost if it breaks off. It passes on an error of the
protocol, so such an error is put in the place of an answer that cannot be taken. Nothing may be compressed: bytes that
are counted before they are unpacked say nothing.

| What comes | What the library gets |
| --- | --- |
| a body above the limit, a line above the limit in a stream of events | error TOO_LARGE |
| status 429 | error TOO_MANY_CALLS |
| a compressed answer | error COMPRESSED |
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx2

from econsim.adapters.mcp.bounded_lines import TOO_LARGE, BoundedLines, LongLine

TOO_MANY_CALLS: Final = -32_091
"""Code of our own error in the place of status 429."""

COMPRESSED: Final = -32_092
"""Code of our own error in the place of a compressed answer."""


class BoundedTransport(httpx2.AsyncHTTPTransport):
    """Connections whose answers are within a limit."""

    def __init__(self, bytes_max: int) -> None:
        """Take at most so many bytes of one answer, or of one line in a stream of events."""
        super().__init__()
        self._bytes_max = bytes_max

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; the response is read, unless it is a stream of events."""
        request.headers["Accept-Encoding"] = "identity"
        response = await super().handle_async_request(request)
        is_plain = response.headers.get("content-encoding", "identity") == "identity"
        if is_plain and response.headers.get("content-type", "").startswith("text/event-stream"):
            response.stream = _BoundedEvents(response.stream, self._bytes_max)
            return response
        try:
            if response.status_code == httpx2.codes.TOO_MANY_REQUESTS:
                return _refusal(TOO_MANY_CALLS, "the server has too many calls")
            if response.is_success and not is_plain:
                return _refusal(COMPRESSED, "the answer is compressed, which was not asked for")
            return await self._read(response)
        finally:
            await response.aclose()

    async def _read(self, response: httpx2.Response) -> httpx2.Response:
        content = bytearray()
        async for part in response.aiter_raw():
            content += part
            if len(content) > self._bytes_max:
                return _refusal(TOO_LARGE, "the answer was cut off", len(content))
        return httpx2.Response(response.status_code, headers=response.headers, content=bytes(content))


class _BoundedEvents(httpx2.AsyncByteStream):
    """A stream of events in which an error stands for a line that is too long."""

    def __init__(self, inner: Any, bytes_max: int) -> None:  # noqa: ANN401 - the library's own stream
        self._inner = inner
        self._bytes_max = bytes_max

    async def __aiter__(self) -> AsyncIterator[bytes]:
        lines = BoundedLines(self._bytes_max)
        async for part in self._inner:
            for line in lines.feed(part):
                yield (_event(line) if isinstance(line, LongLine) else line) + b"\n"

    async def aclose(self) -> None:
        await self._inner.aclose()


def _refusal(code: int, message: str, size: int | None = None) -> httpx2.Response:
    """Return the response with an error; the library gives it the id of the request."""
    return httpx2.Response(httpx2.codes.BAD_GATEWAY, json=_error(None, code, message, size))


def _event(line: LongLine) -> bytes:
    """Return the line of an event that stands for a longer one; empty if nobody knows whose answer it is."""
    if line.request_id is None:
        return b""
    return (
        b"data: "
        + json.dumps(_error(line.request_id, TOO_LARGE, "the answer was cut off", line.size)).encode()
    )


def _error(id_: int | None, code: int, message: str, size: int | None) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id_, "error": {"code": code, "message": message, "data": size}}
