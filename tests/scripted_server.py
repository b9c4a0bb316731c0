"""A NATS server that follows a script: what it answers to each line of a client, for tests without a real server.

It answers every PING, so `flush` works. It cannot catch what depends on a real server's checks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

INFO = b'INFO {"nonce":"abc","max_payload":1000}\r\n'

Script = Callable[[bytes], bytes]
"""Line of the client → bytes of the answer; empty for none, with `QUIT` at its end to hang up after it."""


@asynccontextmanager
async def scripted_server(
    script: Script = lambda _: b"", *, session: Callable[[], Script] | None = None
) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve one script to all connections, or one of its own to each; yield the url and the lines that clients sent."""
    lines: list[bytes] = []
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(INFO)
        answers = session() if session else script
        while line := await reader.readline():
            lines.append(line.rstrip(b"\r\n"))
            answer = b"PONG\r\n" if line == b"PING\r\n" else answers(lines[-1])
            writer.write(answer.removesuffix(b"QUIT"))
            if answer.endswith(b"QUIT"):
                break
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        try:
            yield f"nats://127.0.0.1:{port}", lines
        finally:
            # From Python 3.12 on a server's end waits until its last connection is closed.
            for writer in writers:
                writer.close()
