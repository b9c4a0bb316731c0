"""The bare twin of a paid call: the same requests and flushed writes between as many processes, and no work.

The client asks a payer. The payer asks a keeper, which stores a message and answers; waits as long as a provider does; stores a
message; and answers. That is what a reservation, a call and its outcome take on this machine before anything is checked, decided
or read. `python -m benchmarks.bare_call pay|keep URL CREDS` is one of its processes.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from nats.aio.client import Client
from nats.aio.msg import Msg

from benchmarks import rig, stub
from econsim.adapters.nats.connection import connect
from econsim.adapters.server.embedded import EmbeddedServer

PAY, KEEP = "bare.pay", "bare.keep"
"""Subjects of the two processes' requests."""
RESERVATION, OUTCOME = b"x" * 700, b"x" * 1_800
"""Bytes stored for a reservation and for an outcome, as many as econsim stores."""
WAIT_S = 60.0


@asynccontextmanager
async def bare_processes(
    server: EmbeddedServer, client: Client, programs: Sequence[str] = ("bare_call pay", "bare_call keep")
) -> AsyncIterator[None]:
    """Run programs of twins, each a module and a role, for the time of the context: the payer and the keeper."""
    stream = client.jetstream()
    await stream.add_stream(name="BARE", subjects=["bare.stored.*"])
    creds = str(rig.superuser(server.trust))
    started = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *f"benchmarks.{program}".split(), server.url, creds),
            stdout=asyncio.subprocess.PIPE,
        )
        for program in programs
    ]
    try:
        for process in started:
            assert process.stdout
            await process.stdout.readline()
        yield
    finally:
        for process in started:
            process.kill()
            await process.wait()


async def bare_call(client: Client, payload: bytes) -> None:
    """Make one call."""
    await client.request(PAY, payload, timeout=WAIT_S)


async def _serve(role: str, url: str, creds: str) -> None:
    client = await connect(url, Path(creds), f"bare-{role}")
    stream = client.jetstream()
    under_way: set[asyncio.Task[None]] = set()

    async def keep(message: Msg) -> None:
        await stream.publish("bare.stored.reservation", RESERVATION)
        await message.respond(b"{}")

    async def pay(message: Msg) -> None:
        await client.request(KEEP, message.data, timeout=WAIT_S)
        await asyncio.sleep(stub.DELAY_S)
        await stream.publish("bare.stored.outcome", OUTCOME)
        await message.respond(b"{}")

    async def receive(message: Msg) -> None:
        task = asyncio.create_task((pay if role == "pay" else keep)(message))
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    await client.subscribe(f"bare.{role}", cb=receive)
    await client.flush()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:]))
