"""Live spans: what they cost an order in lock-step, and how many a second the bridge sends to a collector.

Shares take turns, each run in processes of its own. The bridge gets spans of a real run from a publisher in another process, and its
collector answers at once, so its processor time is its own.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import process_time

from nats.aio.client import Client

from benchmarks import rig
from benchmarks.options import Options
from benchmarks.sides import Reading, Side, in_turn
from benchmarks.table import Line
from econsim import subjects
from econsim.adapters.nats.connection import connect
from econsim.adapters.otlp import OtlpSender
from econsim.config import environment
from econsim.domain.execution.in_memory import run as run_in_memory
from econsim.domain.tracing.derivation import SpanMaker
from econsim.domain.tracing.wire import completed_json
from econsim.runs.scenario_file import load
from econsim.services.context import ServiceContext
from econsim.services.trace.bridge import QUEUE_MAX, SpanBridge

AGENTS, TICKS = 1_000, 20
"""Agents and ticks of the run in lock-step."""
SHARE = 0.02
"""Share of the ticks that are traced where somebody watches."""
COST_MAX = 1.03
"""Processor time of an order with spans over without, at most."""
SPANS = 40_000
"""Spans that the bridge sends in a round: fewer than its queue holds, so none is dropped."""
SPANS_MIN = 20_000
"""Spans in a second of the bridge's processor time, at least."""

COLLECTOR = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Collector(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
print(server.server_address[1], flush=True)
server.serve_forever()
"""
"""Program of a collector that takes whatever comes."""


def run(options: Options) -> list[Line]:
    """Measure orders at three shares in turn, and the bridge."""
    ticks = TICKS // 4 if options.quick else TICKS
    sides = [Side(str(share), partial(_order, share, ticks)) for share in (0.0, SHARE, 1.0)]
    found = {
        name: [each.value for each in readings] for name, readings in in_turn(sides, options.turns).items()
    }
    none, some, all_ = found.values()
    rates = [asyncio.run(_bridge(SPANS // 4 if options.quick else SPANS)) for _ in range(options.turns)]
    return [
        Line(f"{AGENTS:,} agents: an order, nothing traced", "µs", none),
        Line(f"an order, {SHARE:.0%} of ticks traced, over none", "", _over(some, none), at_most=COST_MAX),
        Line("an order, all ticks traced, over none", "", _over(all_, none)),
        Line(
            "spans from NATS to a collector, a second of the bridge's processor time",
            "1/s",
            rates,
            at_least=SPANS_MIN,
        ),
    ]


def _over(these: list[float], those: list[float]) -> list[float]:
    return [this / that for this, that in zip(these, those, strict=True)]


def _order(share: float, ticks: int) -> Reading:
    """Run in lock-step at a share; return the processor time of an order."""
    with _setting("ECONSIM_TRACE_SAMPLE", str(share)):
        found = rig.child("real", "crowd", AGENTS, ticks)
    spent = found["client_cpu_s"] + found["server_cpu_s"]
    return Reading(spent / found["orders"] * 1e6, spent, found["seconds"])


@contextmanager
def _setting(name: str, value: str) -> Iterator[None]:
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]


async def _bridge(count: int) -> float:
    """Send spans of a run through the bridge; return how many in a second of its processor time."""
    async with rig.private_server() as (server, _), _collector() as port:
        broker = _Connected(await connect(server.url, server.creds("trace"), "trace"))
        context = ServiceContext("trace", broker)  # type: ignore[arg-type]  # as much of a broker as the bridge uses
        bridge = SpanBridge(context, OtlpSender(f"http://127.0.0.1:{port}", environment()))
        await bridge.start()
        await context.client.flush()
        command = [
            sys.executable,
            "-m",
            "benchmarks.spans",
            server.url,
            str(rig.superuser(server.trust)),
            str(count),
        ]
        publisher = await asyncio.create_subprocess_exec(*command)
        while not bridge.sent:
            await asyncio.sleep(0.01)
        before, early = process_time(), bridge.sent
        while bridge.sent < count and not bridge.dropped:
            await asyncio.sleep(0.01)
        spent = process_time() - before
        await publisher.wait()
        await bridge.stop()
        await context.client.close()
    if bridge.dropped:
        message = f"the bridge dropped {bridge.dropped} of {count} spans, and its queue holds {QUEUE_MAX}"
        raise RuntimeError(message)
    return (count - early) / spent


@dataclass(frozen=True, slots=True)
class _Connected:
    """As much of a broker as the bridge uses."""

    connection: Client


@asynccontextmanager
async def _collector() -> AsyncIterator[int]:
    """Run the collector in a process of its own; yield its port."""
    collector = await asyncio.create_subprocess_exec(sys.executable, "-c", COLLECTOR, stdout=subprocess.PIPE)
    try:
        assert collector.stdout
        yield int(await collector.stdout.readline())
    finally:
        collector.kill()
        await collector.wait()


async def _publish(url: str, creds: str, count: int) -> None:
    """Publish so many spans of a run with agents that think, as fast as they go."""
    maker = SpanMaker()
    spans = [span for event in run_in_memory(load("studio")) for span in maker.add(event)]
    payloads = [completed_json(span) for span in spans]
    client = await connect(url, Path(creds), "bench-publisher")
    subject = subjects.SPAN_COMPLETED(service="market", entity="cpu")
    for number in range(count):
        await client.publish(subject, payloads[number % len(payloads)])
    await client.flush()
    await client.close()


if __name__ == "__main__":
    asyncio.run(_publish(sys.argv[1], sys.argv[2], int(sys.argv[3])))
