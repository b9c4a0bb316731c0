"""`get_balance` beside a bare nats-py echo: alternating requests one at a time, then a paced load.

The ledger service, the echo and the asking client are three processes; both answers have the same size.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

from nats.aio.client import Client
from nats.aio.msg import Msg

from benchmarks import loads, rig
from benchmarks.options import Options
from benchmarks.table import Line
from econsim import subjects
from econsim.adapters.nats.connection import connect, synchronize
from econsim.app import Server
from econsim.runs.launch.processes import spread
from econsim.runs.remote import open_run
from econsim.schemas.ledger import GetBalance

REPEATS = 5
PAIRS = 2_000
RATE = 500
PACED_S = 5.0
ECHO = "admin.bench.echo.bench"
ECHOED = "bare echo of nats-py"
QUESTION = GetBalance().model_dump_json().encode()
BALANCE = subjects.GET_BALANCE(run=rig.RUN, agent="buyer_001")


def run(options: Options) -> list[Line]:
    """Measure round trips and the tail under load."""
    return asyncio.run(_run(1, PAIRS // 5, 1.0) if options.quick else _run(REPEATS, PAIRS, PACED_S))


async def _run(repeats: int, pairs: int, paced_s: float) -> list[Line]:
    async with AsyncExitStack() as stack:
        state = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server, client = await stack.enter_async_context(rig.private_server())
        where = Server(server.url, server.creds)
        services = await stack.enter_async_context(spread(("clock", "ledger"), where, state, print))
        await open_run(client, rig.RUN, loads.externals(100, 10))
        creds = str(rig.superuser(server.trust))
        balance = await rig.first_answer(client, BALANCE, QUESTION)
        echo = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.balance", server.url, creds, str(len(balance))
        )
        stack.callback(echo.kill)
        await rig.first_answer(client, ECHO, QUESTION)
        ledger = services.running["ledger"].pid
        # On one processor both have the same neighbours and caches: on two, their ratio went from 1.2 to 1.7 with where they were.
        for each in (ledger, echo.pid):
            os.sched_setaffinity(each, {max(os.sched_getaffinity(0))})
        costs = [await _costs(client, pairs, ledger, echo.pid) for _ in range(repeats)]
        ours, theirs = zip(*[await _alternate(client, pairs) for _ in range(repeats)], strict=True)
        tails = [await _paced(client, RATE, paced_s) for _ in range(repeats)]
    return [
        Line(
            "get_balance, processor time of the service",
            "µs",
            [mine for mine, _ in costs],
            beside=ECHOED,
            beside_values=[bare for _, bare in costs],
        ),
        Line(
            "get_balance in echoes, processor time of the service",
            "",
            [mine / bare for mine, bare in costs],
            at_most=1.5,
        ),
        Line("get_balance, p50", "ms", ours, beside=ECHOED, beside_values=theirs),
        Line(
            "get_balance in echoes, p50",
            "",
            [mine / bare for mine, bare in zip(ours, theirs, strict=True)],
            at_most=1.5,
        ),
        Line(
            f"get_balance under {RATE} requests/s, p99",
            "ms",
            tails,
            at_most=50.0,
            note=f"paced for {paced_s:g} s",
        ),
    ]


async def _costs(client: Client, pairs: int, ledger: int, echo: int) -> tuple[float, float]:
    """Return the microseconds of processor time that the ledger and the echo take for a request."""
    before = rig.processor_seconds(ledger), rig.processor_seconds(echo)
    await _alternate(client, pairs)
    spent = rig.processor_seconds(ledger) - before[0], rig.processor_seconds(echo) - before[1]
    return spent[0] / pairs * 1e6, spent[1] / pairs * 1e6


async def _alternate(client: Client, pairs: int) -> tuple[float, float]:
    """Ask both in turn; return both medians in milliseconds."""
    ours, theirs = [], []
    for _ in range(pairs):
        ours.append(await _timed(lambda: client.request(BALANCE, QUESTION, timeout=5)))
        theirs.append(await _timed(lambda: client.request(ECHO, QUESTION, timeout=5)))
    return median(ours), median(theirs)


async def _timed(ask: Callable[[], Awaitable[object]]) -> float:
    started = perf_counter()
    await ask()
    return (perf_counter() - started) * 1e3


async def _paced(client: Client, rate: int, seconds: float) -> float:
    """Send requests at a fixed rate whatever the answers do; return the 99th percentile in milliseconds.

    Time counts from when a request was due, so that a stall delays all it held up.
    """
    started, times = perf_counter(), []

    async def ask(due: float) -> None:
        await client.request(BALANCE, QUESTION, timeout=5)
        times.append((perf_counter() - due) * 1e3)

    async with asyncio.TaskGroup() as group:
        for i in range(int(rate * seconds)):
            due = started + i / rate
            await asyncio.sleep(max(0.0, due - perf_counter()))
            group.create_task(ask(due))
    return quantiles(times, n=100)[98]


async def serve(url: str, creds: Path, size: int) -> None:
    """Answer every request with as many bytes as a balance has, until killed."""
    client, reply = await connect(url, creds, "bench-echo"), b"x" * size

    async def answer(message: Msg) -> None:
        await message.respond(reply)

    await client.subscribe(ECHO, cb=answer)
    await synchronize(client)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
