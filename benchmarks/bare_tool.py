"""The bare twin of a paid call of a tool: the same messages and flushed writes between as many processes, and no work.

The client stores a command in a work queue. A worker takes it, reads a key, and asks the keeper of `bare_call.py`, which stores a
message and answers; asks the tool's process by its pipes; stores an outcome, replies, stores an event, and acknowledges. That is what
a call takes on this machine before anything is checked, decided or paid; its settlement goes with the next reservation.
`python -m benchmarks.bare_tool work URL CREDS` is the worker.
"""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

from nats.aio.client import Client
from nats.aio.msg import Msg

from benchmarks import bare_call
from econsim.adapters.jetstream.work_queue import SharedConsumer, WorkQueue
from econsim.adapters.nats.connection import connect
from econsim.adapters.server.embedded import EmbeddedServer

CALL, OUTCOME, EVENT = "bare.call", "bare.outcome", "bare.event"
"""First two words of the subjects of commands, outcomes and events."""
QUEUE = "BARE_QUEUE"
RECORD = b"x" * 500
"""Bytes of an outcome, and of an event."""
PLACES = 1_024
STUB = Path(__file__).with_name("tool_stub.py")


class BareCalls:
    """Calls of the twin by one client."""

    def __init__(self, client: Client) -> None:
        """Call by this client; `listen` first."""
        self._client = client
        self._numbers = count()
        self._waiting: dict[str, asyncio.Future[None]] = {}

    async def listen(self) -> None:
        """Receive the replies."""
        self._inbox = self._client.new_inbox()
        await self._client.subscribe(f"{self._inbox}.*", cb=self._receive)

    async def call(self, _: str, text: str) -> None:
        """Make one call."""
        id_ = str(next(self._numbers))
        waiting = self._waiting[id_] = asyncio.get_running_loop().create_future()
        body = {"reply": f"{self._inbox}.{id_}", "text": text}
        await self._client.publish(f"{CALL}.{id_}", json.dumps(body).encode())
        await asyncio.wait_for(waiting, bare_call.WAIT_S)

    async def _receive(self, message: Msg) -> None:
        self._waiting.pop(message.subject.rpartition(".")[2]).set_result(None)


@asynccontextmanager
async def bare_worker(server: EmbeddedServer, client: Client) -> AsyncIterator[BareCalls]:
    """Run the worker, its tool and the keeper for the time of the context."""
    stream = client.jetstream()
    await stream.add_stream(name=QUEUE, subjects=[f"{CALL}.*"], retention="workqueue")
    await stream.add_stream(name="BARE_OUTCOMES", subjects=[f"{OUTCOME}.*"], allow_direct=True)
    await stream.add_stream(name="BARE_LOG", subjects=[f"{EVENT}.*"])
    async with bare_call.bare_processes(server, client, ("bare_tool work", "bare_call keep")):
        calls = BareCalls(client)
        await calls.listen()
        yield calls


class _Tool:
    """The tool's process."""

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, str(STUB), stdin=PIPE, stdout=PIPE
        )
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._numbers = count()
        self._reading = asyncio.create_task(self._read())

    async def call(self, text: str) -> None:
        id_ = next(self._numbers)
        waiting = self._waiting[id_] = asyncio.get_running_loop().create_future()
        params = {"name": "echo", "arguments": {"text": text}}
        line = json.dumps({"jsonrpc": "2.0", "id": id_, "method": "tools/call", "params": params})
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n".encode())
        await waiting

    async def _read(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            self._waiting.pop(json.loads(line)["id"]).set_result(None)


async def _work(url: str, creds: str) -> None:
    client = await connect(url, Path(creds), "bare-tool")
    stream, tool = client.jetstream(), _Tool()
    await tool.start()

    async def handle(message: Msg) -> None:
        body, id_ = json.loads(message.data), message.subject.rpartition(".")[2]
        # No such key: the same question as whether the call has an outcome.
        await client.request(f"$JS.API.DIRECT.GET.BARE_OUTCOMES.{OUTCOME}.{id_}", b"")
        await client.request(bare_call.KEEP, message.data, timeout=bare_call.WAIT_S)
        await tool.call(body["text"])
        await stream.publish(f"{OUTCOME}.{id_}", RECORD)
        await client.publish(body["reply"], RECORD)
        await stream.publish(f"{EVENT}.{id_}", RECORD)

    queue = WorkQueue(client, SharedConsumer(QUEUE, "workers", PLACES), handle, PLACES)
    await queue.start()
    await client.flush()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_work(*sys.argv[2:]))
