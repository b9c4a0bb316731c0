"""A provider that answers every chat completion with the same text after the same delay, in a process of its own.

`python -m benchmarks.stub` prints its port and serves until killed. The delay is far below a real model's, which takes
hundreds of milliseconds to its first token.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

PROVIDER = "stub"
DELAY_S = 0.1
INPUT_TOKENS, OUTPUT_TOKENS = 150, 20
"""Tokens of every call, as the stub counts them: far fewer than the worst case."""
CONNECTIONS_MAX = 1_000
ANSWER = json.dumps(
    {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "default",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": '{"actions": [], "memory": "wait"}'},
            }
        ],
        "usage": {
            "prompt_tokens": INPUT_TOKENS,
            "completion_tokens": OUTPUT_TOKENS,
            "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        },
    }
).encode()
REPLY = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(ANSWER)
) + ANSWER


@asynccontextmanager
async def provider_file(directory: Path) -> AsyncIterator[Path]:
    """Run the stub for the time of the context; yield an operator's file that has it as a provider."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.stub", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout
        port = int(await process.stdout.readline())
        path = directory / "providers.toml"
        lines = (
            f"[providers.{PROVIDER}]",
            'kind = "openai_compatible"',
            f'base_url = "http://127.0.0.1:{port}/v1"',
            f"calls_max = {CONNECTIONS_MAX}",
        )
        path.write_text("\n".join(lines) + "\n")
        yield path
    finally:
        process.kill()
        await process.wait()


async def serve() -> None:
    """Answer until killed."""
    server = await asyncio.start_server(_answer, "127.0.0.1", 0, backlog=CONNECTIONS_MAX)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].split(maxsplit=1)[0])
            await reader.readexactly(length)
            await asyncio.sleep(DELAY_S)
            writer.write(REPLY)
    writer.close()


if __name__ == "__main__":
    asyncio.run(serve())
