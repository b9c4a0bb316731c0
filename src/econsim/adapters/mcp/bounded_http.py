"""Answers over HTTP within a limit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2


class BoundedTransport(httpx2.AsyncHTTPTransport):
    """Connections whose answers end with an error once they are too large: the library reads a body to its end."""

    def __init__(self, bytes_max: int) -> None:
        """Take at most so many bytes of one answer."""
        super().__init__()
        self._bytes_max = bytes_max

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; a stream of events has a limit of the library's own for each event."""
        response = await super().handle_async_request(request)
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            response.stream = _BoundedStream(response.stream, self._bytes_max)
        return response


class _BoundedStream(httpx2.AsyncByteStream):
    """A body that ends with an error once it is too large."""

    def __init__(self, inner: Any, bytes_max: int) -> None:  # noqa: ANN401 - the library's own stream
        self._inner = inner
        self._bytes_max = bytes_max

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self._inner:
            size += len(part)
            if size > self._bytes_max:
                message = f"the answer has more than {self._bytes_max} bytes"
                raise httpx2.ReadError(message)
            yield part

    async def aclose(self) -> None:
        await self._inner.aclose()
