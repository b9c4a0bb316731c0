"""Parts that benchmarks share: a private server, services in this process, processor time, memory, children."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import clock_gettime, perf_counter, process_time
from typing import Any, Final

from nats.aio.client import Client
from nats.js import JetStreamContext

from econsim import subjects
from econsim.adapters.jetstream import provision
from econsim.adapters.jetstream.audit_log import last_event
from econsim.adapters.nats.connection import connect
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.app import Server, running
from econsim.identity.nats_jwt import Key, NkeyKind, creds, user_jwt
from econsim.identity.trust_root import Trust, write
from econsim.routers import SERVICES

RUN = "bench"
CLOCK_OF_PROCESS: Final = 2
"""Low bits of the id that Linux gives to the clock of a process's processor time (`clock_getcpuclockid`)."""

WINDOW = 256
"""Publishes under way at once, for everybody who publishes single orders."""


@asynccontextmanager
async def private_server() -> AsyncIterator[tuple[EmbeddedServer, Client]]:
    """Start a server that flushes every write, with all streams, and connect to it as a superuser."""
    async with AsyncExitStack() as stack:
        state = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = await stack.enter_async_context(EmbeddedServer(state))
        client = await connect(server.url, superuser(server.trust), "bench")
        stack.push_async_callback(client.close)
        await provision.apply(client)
        yield server, client


def superuser(trust: Trust) -> Path:
    """Return the creds file of a user who may do everything in account SIM; nothing in econsim makes one."""
    path = trust.directory / "creds" / "superuser.creds"
    if not path.exists():
        user = Key(NkeyKind.USER)
        write(path, creds(user_jwt(trust.sim, user.public, "superuser", issued=trust.now()), user.seed))
    return path


@asynccontextmanager
async def all_services(server: EmbeddedServer, without: Collection[str] = ()) -> AsyncIterator[None]:
    """Run every service in this process, but those left out."""
    names = tuple(name for name in SERVICES if name not in without)
    async with running(names, Server(server.url, server.creds)):
        yield


@dataclass(slots=True)
class Watch:
    """Time and processor time from now on, of this process, its server and its services."""

    server: EmbeddedServer
    """The server."""
    started: float
    """`perf_counter` at the start."""
    client_s: float
    """Processor seconds of this process and of the services before."""
    server_s: float
    """Processor seconds of the server before."""
    services: Collection[int] = ()
    """Processes of services that are not in this one."""

    @classmethod
    def start(cls, server: EmbeddedServer, services: Collection[int] = ()) -> Watch:
        """Start watching."""
        clients_s = process_time() + sum(map(processor_seconds, services))
        return cls(server, perf_counter(), clients_s, processor_seconds(server.pid), services)

    def read(self) -> dict[str, float]:
        """Return seconds passed, and processor seconds of the clients and of the server."""
        return {
            "seconds": perf_counter() - self.started,
            "client_cpu_s": process_time() + sum(map(processor_seconds, self.services)) - self.client_s,
            "server_cpu_s": processor_seconds(self.server.pid) - self.server_s,
        }


def processor_seconds(pid: int) -> float:
    """Return a process's processor time so far, by its own clock: `/proc` counts hundredths of a second, a tenth of what some turns take."""
    return clock_gettime((~pid << 3) | CLOCK_OF_PROCESS)


def peak_mebibytes(*pids: int | str) -> float:
    """Return the sum of processes' largest resident sizes so far."""
    sizes = 0
    for pid in pids:
        status = Path(f"/proc/{pid}/status").read_text()
        sizes += int(status.partition("VmHWM:")[2].split()[0])
    return sizes / 1024


async def journal_in_log(client: Client, complete: Callable[[bytes], bool]) -> None:
    """Wait until the newest transfer in the log satisfies the condition."""
    subject = subjects.TRANSFER_POSTED(run=RUN)
    while (stored := await last_event(client, subject)) is None or not complete(stored.payload):
        await asyncio.sleep(0.005)


def has_sequence(sequence: int) -> Callable[[bytes], bool]:
    """Return the condition that a transfer is the journal's entry of this sequence or later."""
    return lambda payload: json.loads(payload)["data"]["sequence"] >= sequence


async def pour(stream: JetStreamContext, messages: list[tuple[str, bytes, str]]) -> None:
    """Publish messages in order, a sliding window under way, until all are acknowledged."""
    waiting: list[asyncio.Future[Any]] = []
    for subject, payload, id_ in messages:
        if len(waiting) >= WINDOW:
            await waiting.pop(0)
        waiting.append(await stream.publish_async(subject, payload, headers={"Nats-Msg-Id": id_}))
    await asyncio.gather(*waiting)


async def first_answer(client: Client, subject: str, payload: bytes) -> bytes:
    """Return the answer to a request, once the service that answers it has started."""
    while True:
        with suppress(Exception):
            answer = await client.request(subject, payload, timeout=1)
            data: bytes = answer.data
            return data
        await asyncio.sleep(0.05)


def child(module: str, *arguments: str | int) -> dict[str, Any]:
    """Run `python -m benchmarks.<module>` in a process of its own; return the JSON it prints last."""
    return asyncio.run(_child(module, *arguments))


async def _child(module: str, *arguments: str | int) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    if process.returncode:
        message = f"benchmarks.{module} {arguments} ended with status {process.returncode}"
        raise RuntimeError(message)
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found
