"""The cost of quotas: one check that waits for nobody, and requests/s of an echo with and without `take`.

The asking client and the echo are two processes. The echo answers on three subjects, one of which checks the
sender's quota first; bursts to both take turns. Agents stay below their limit, as those that work do. On a third subject it
sends a bare increment for each agent and second and does nothing else: what an exact count of each agent costs at least.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from nats.aio.client import Client
from nats.aio.msg import Msg

from benchmarks import rig
from benchmarks.options import Options
from benchmarks.table import Line
from econsim.adapters.jetstream.counters import StreamCounters
from econsim.adapters.jetstream.quota_table import KeyQuotaTable
from econsim.adapters.nats.connection import connect, synchronize
from econsim.domain.admission import quota
from econsim.domain.admission.quota import SECOND_NS, QuotaKind
from econsim.errors import Refused
from econsim.schemas.quota import QuotaUpdate
from econsim.services.gc_tuning import collect_rarely
from econsim.services.quota_meter import QuotaMeter
from econsim.testing import FakeCounters, FakeQuotaTable

REPEATS = 5
CHECKS = 200_000
PAIRS = 40
BURST = 2_000
WINDOW = 64
"""Requests under way at once."""
MANY_REQUESTS, FEW_REQUESTS = 300, 5_000
"""Agents that share the requests: some 50 requests a second each, and two or three."""
RUN = "bench"
PLAIN, CHECKED, FLOOR = "bench.plain", "bench.checked", "bench.floor"
TWIN = "an increment an agent and second, without meter"


@dataclass(frozen=True, slots=True)
class Turn:
    """What one repetition found."""

    rate: float
    """Requests a second of the bare echo."""
    ratio: float
    """The checked echo's rate in those."""
    floor: float
    """The rate in those of an echo that only sends an increment for each agent and second."""
    refused: float
    """Share of the checked requests that were over a quota."""


def run(options: Options) -> list[Line]:
    """Measure a check, then the echo with agents of many requests and with agents of few."""
    repeats, pairs = (1, PAIRS // 4) if options.quick else (REPEATS, PAIRS)
    checks = [asyncio.run(_checks(CHECKS // (10 if options.quick else 1))) for _ in range(repeats)]
    many, few = asyncio.run(_echoes(repeats, pairs))
    refused = median(turn.refused for turn in many)
    return [
        Line("check of a quota", "ns", checks, note="local allowance, no request", at_most=5_000.0),
        Line("bare echo", "requests/s", [turn.rate for turn in many], note=f"{WINDOW} under way at once"),
        Line(
            "echo with quotas in bare echoes",
            "",
            [turn.ratio for turn in many],
            at_least=0.9,
            beside=TWIN,
            beside_values=[turn.floor for turn in many],
            note=f"{MANY_REQUESTS} agents, each at about half of its messages a second; refused: {refused:.1%}",
        ),
        Line(
            f"echo with quotas, {FEW_REQUESTS:,} agents with few requests",
            "",
            [turn.ratio for turn in few],
            at_least=0.9,
            beside=TWIN,
            beside_values=[turn.floor for turn in few],
            note="two or three requests a second each, of units that are common to all agents",
        ),
    ]


async def _checks(times: int) -> float:
    """Return nanoseconds a check takes when allowance is at hand."""
    table = FakeQuotaTable()
    await table.change(RUN, None, QuotaUpdate(max_stream_bytes=10**12))
    meter = QuotaMeter(FakeCounters(), table, time.time_ns)
    left, spent_s = times, 0.0
    while left:
        await meter.take(QuotaKind.STREAM_BYTES, RUN, "ann")
        batch = min(left, 10_000)
        started = perf_counter()
        for _ in range(batch):
            meter.allow(QuotaKind.STREAM_BYTES, RUN, "ann")
        spent_s += perf_counter() - started
        left -= batch
    return spent_s / times * 1e9


async def _echoes(repeats: int, pairs: int) -> tuple[list[Turn], list[Turn]]:
    """Measure with agents of many requests and with agents of few."""
    async with rig.private_server() as (server, client):
        creds = str(rig.superuser(server.trust))
        echo = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.quota", server.url, creds
        )
        try:
            await rig.first_answer(client, f"{CHECKED}.probe", b"")
            many = [await _alternate(client, pairs, MANY_REQUESTS) for _ in range(repeats)]
            few = [await _alternate(client, pairs, FEW_REQUESTS) for _ in range(repeats)]
        finally:
            echo.kill()
            await echo.wait()
    return many, few


async def _alternate(client: Client, pairs: int, agents: int) -> Turn:
    """Send bursts to the echoes in turn, for seconds: allowance is asked for when a second begins."""
    order = (PLAIN, CHECKED, FLOOR)
    seconds, refused = dict.fromkeys(order, 0.0), 0
    for pair in range(pairs):
        for subject in order if pair % 2 else reversed(order):
            started = perf_counter()
            refused += await _burst(client, subject, agents, pair * BURST)
            seconds[subject] += perf_counter() - started
    rate = pairs * BURST / seconds[PLAIN]
    ratio, floor = seconds[PLAIN] / seconds[CHECKED], seconds[PLAIN] / seconds[FLOOR]
    return Turn(rate, ratio, floor, refused / (pairs * BURST))


async def _burst(client: Client, subject: str, agents: int, first: int) -> int:
    """Send a burst; return how many requests were refused."""
    numbers, refused = iter(range(first, first + BURST)), 0

    async def ask() -> None:
        nonlocal refused
        for number in numbers:
            answer = await client.request(f"{subject}.a{number % agents}", b"x", timeout=10)
            refused += answer.data != b"x"

    async with asyncio.TaskGroup() as group:
        for _ in range(WINDOW):
            group.create_task(ask())
    return refused


async def serve(url: str, identity: Path) -> None:
    """Answer every request, on one subject after a check of the sender's quota, until killed."""
    collect_rarely()  # as a service does
    client = await connect(url, identity, "bench-echo")
    counters = StreamCounters(client)
    meter = QuotaMeter(counters, KeyQuotaTable(client), time.time_ns)
    tasks: set[asyncio.Task[None]] = set()
    counted: dict[str, int] = {}  # the second of each agent's newest increment

    async def answer(message: Msg) -> None:
        await message.respond(b"x")

    async def check(message: Msg) -> None:
        agent = message.subject.rpartition(".")[2]
        if meter.allow(QuotaKind.PUBLISH_RATE, RUN, agent):
            await message.respond(b"x")
            return
        # In a task of its own, so that who has allowance does not wait behind who must ask for it.
        task = asyncio.create_task(take(message, agent))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def count(message: Msg) -> None:
        agent, second = message.subject.rpartition(".")[2], time.time_ns() // SECOND_NS
        if counted.get(agent) == second:
            await message.respond(b"x")
            return
        counted[agent] = second
        task = asyncio.create_task(increment(message, agent, second))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def increment(message: Msg, agent: str, second: int) -> None:
        key = quota.counter_key(QuotaKind.PUBLISH_RATE, f"{RUN}_floor", agent, second)
        await counters.add(key, 1)
        await message.respond(b"x")

    async def take(message: Msg, agent: str) -> None:
        try:
            await meter.take(QuotaKind.PUBLISH_RATE, RUN, agent)
        except Refused as refused:
            await message.respond(refused.error_code.encode())
        else:
            await message.respond(b"x")

    await client.subscribe(f"{PLAIN}.*", cb=answer)
    await client.subscribe(f"{CHECKED}.*", cb=check)
    await client.subscribe(f"{FLOOR}.*", cb=count)
    await synchronize(client)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2])))
