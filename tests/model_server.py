"""A server of chat completions on the loopback address that answers in turn as it is told, rightly or wrongly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

HEAD: dict[str, Any] = {"id": "1", "model": "stub", "created": 1, "object": "chat.completion"}
PIECE_HEAD = HEAD | {"object": "chat.completion.chunk"}

Answer = Callable[[dict[str, Any], asyncio.StreamWriter], Awaitable[None]]


@dataclass
class ModelServer:
    """A running server."""

    base_url: str
    answers: list[Answer]
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    encodings: set[str] = field(default_factory=set)


@asynccontextmanager
async def model_server(*answers: Answer) -> AsyncIterator[ModelServer]:
    """Serve these answers, one a request; the last one answers all further requests."""
    running = ModelServer("", list(answers))
    writers = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                headers = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if line)
                request = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or "{}")
                running.requests.append(request)
                running.keys.append(headers.get("authorization", ""))
                running.encodings.add(headers.get("accept-encoding", ""))
                answer = running.answers.pop(0) if len(running.answers) > 1 else running.answers[0]
                await answer(request, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client is done
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    running.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield running
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)


def body(text: str | None, usage: tuple[int, int] | None = (10, 5), **choice: Any) -> bytes:
    """Return the body of an answer with a text."""
    message = {"role": "assistant", "content": text} | choice.pop("message", {})
    answer: dict[str, Any] = HEAD | {
        "choices": [{"index": 0, "finish_reason": "stop", "message": message} | choice]
    }
    return json.dumps(answer | _usage(usage)).encode()


def piece(text: str | None, finish: str | None = None, **delta: Any) -> bytes:
    """Return one piece of a streamed answer."""
    choice = {"index": 0, "delta": {"content": text} | delta, "finish_reason": finish}
    return json.dumps(PIECE_HEAD | {"choices": [choice]}).encode()


def counted(usage: tuple[int, int]) -> bytes:
    """Return the last piece of a streamed answer, with its tokens."""
    return json.dumps(PIECE_HEAD | {"choices": []} | _usage(usage)).encode()


def whole(
    content: bytes,
    status: str = "200 OK",
    headers: str = "",
    length: int | None = None,
    *,
    close: bool = True,
) -> Answer:
    """Answer with a body; a `length` above its own announces more than comes before the connection is closed."""

    async def answer(_: object, writer: asyncio.StreamWriter) -> None:
        size = len(content) if length is None else length
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n{headers}\r\n"
        )
        writer.write(head.encode() + content)
        if size > len(content) and close:
            writer.close()

    return answer


def streamed(*pieces: bytes, done: bool = True, close: bool = True) -> Answer:
    """Answer with a stream of pieces; without `done` it breaks off after the last one, without `close` it stops there."""

    async def answer(_: object, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for each in (*pieces, *((b"[DONE]",) if done else ())):
            line = b"data: " + each + b"\n\n"
            writer.write(b"%x\r\n%b\r\n" % (len(line), line))
            await writer.drain()
        if done:
            writer.write(b"0\r\n\r\n")
        elif close:
            writer.close()

    return answer


@dataclass
class Endless:
    """An answer with a text of so many chunks in one JSON string, as fast as the client reads."""

    chunks: int
    chunk: bytes = b"x" * 2**16
    sent: int = 0
    """Bytes that were sent until the client closed the connection."""

    async def __call__(self, _: object, writer: asyncio.StreamWriter) -> None:
        start = b'{"choices": [{"message": {"content": "'
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        writer.write(head % (len(start) + self.chunks * len(self.chunk)) + start)
        for _ in range(self.chunks):
            writer.write(self.chunk)
            await writer.drain()
            self.sent += len(self.chunk)


async def silence(_: object, writer: asyncio.StreamWriter) -> None:
    """Do not answer."""


async def hang_up(_: object, writer: asyncio.StreamWriter) -> None:
    """Close the connection without an answer."""
    writer.close()


def _usage(usage: tuple[int, int] | None) -> dict[str, Any]:
    if usage is None:
        return {}
    return {"usage": {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}}
