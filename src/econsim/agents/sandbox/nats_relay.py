"""Relay between a sandbox's loopback and the NATS server: the only connection out of a sandbox.

The socket listens inside the sandbox's network, but this process accepts its connections and copies bytes to the server
and back. The relay neither reads nor changes them: TLS and credentials are between the agent and the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from econsim.adapters.cancellation import cancel_until_done
from econsim.errors import SetupError

CONNECTIONS_MAX: Final = 4
"""Connections of one agent at once: a client uses one, and a second while it reconnects."""

BUFFER_BYTES: Final = 64 * 2**10
"""Bytes buffered in each direction of a connection; a slower reader slows the writer down (backpressure)."""

CONNECT_S: Final = 5.0
"""Seconds to wait for the server; the client in the sandbox retries by itself."""

FLUSH_S: Final = 1.0
"""Seconds the last bytes may take after one side has closed the connection."""

CANCEL_AGAIN_S: Final = 1.0
"""Pause before the relay of a connection is cancelled again."""

NATS_PORT: Final = 4222
"""Port of a server whose URL names none."""

_STREAMS: Final = ("nats", "tls")


def address(url: str) -> tuple[str, int]:
    """Return host and port of a server; raises SetupError for a URL whose scheme is no byte stream of NATS."""
    try:
        # The relay connects to one node: an agent cannot reach the other nodes of a cluster.
        url = url.partition(",")[0].strip()
        parts = urlsplit(url if "//" in url else f"nats://{url}")
        host, port = parts.hostname, parts.port or NATS_PORT
    except ValueError:
        host, port = None, NATS_PORT
    if not host or parts.scheme not in _STREAMS:
        message = f"an agent cannot be connected to {url}; give the server as nats://HOST:PORT"
        raise SetupError(message)
    return host, port


class Relay:
    """Serve a listening socket from another network for the time of the context."""

    def __init__(self, listener: socket.socket, url: str) -> None:
        """Take over the listening socket; raises SetupError for an unusable URL."""
        self.refused = 0
        """Connections refused because CONNECTIONS_MAX were open."""
        self._listener = listener
        self._address = address(url)
        self._open: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Begin to accept connections."""
        self._server = await asyncio.start_server(self._accept, sock=self._listener, limit=BUFFER_BYTES)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections and the listening socket."""
        self._server.close()
        await cancel_until_done(tuple(self._open), CANCEL_AGAIN_S)
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= CONNECTIONS_MAX:
            self.refused += 1
            writer.transport.abort()
            return
        task = asyncio.create_task(self._relay_connection(reader, writer), name="relay")
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _relay_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with _closing(writer):
            try:
                connecting = asyncio.open_connection(*self._address, limit=BUFFER_BYTES)
                from_server, to_server = await asyncio.wait_for(connecting, CONNECT_S)
            except (OSError, TimeoutError):
                return
            async with _closing(to_server):
                await _either(_pump(reader, to_server), _pump(from_server, writer))


@asynccontextmanager
async def _closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Close a writer after its last bytes; at once if nobody takes them, or after an error."""
    writer.transport.set_write_buffer_limits(high=BUFFER_BYTES)
    try:
        yield
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(writer.wait_closed(), FLUSH_S)
    finally:
        writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(BUFFER_BYTES):
            writer.write(data)
            await writer.drain()


async def _either(*pumps: Coroutine[Any, Any, None]) -> None:
    """Run both directions until one ends; NATS does not use half-open connections."""
    tasks = [asyncio.create_task(pump) for pump in pumps]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
