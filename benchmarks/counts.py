"""Deterministic counts of a small lock-step run: what an order costs in messages, whatever the machine.

`benchmarks/baseline.json` holds them, `make bench` and a test compare exactly. A change that is meant to alter them
updates the file with `python -m benchmarks.counts --update` and says why in its commit.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

from nats.aio.client import Client

from benchmarks import loads, rig
from benchmarks.options import Options
from benchmarks.table import Line
from benchmarks.trace import EXPECTED, PRICES, STATE, Sent, recording
from econsim import subjects
from econsim.adapters.jetstream.provision import subject_counts
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.runs.remote import open_run, run_events
from econsim.schemas.market import TickCleared

BASELINE = Path(__file__).parent / "baseline.json"
SCENARIO = loads.crowd(agents=20, ticks=10)
"""Twenty agents, ten ticks, one market: small enough for every test run, and of every kind of message.

One market, because how settlements of several fall into group commits depends on their timing.
"""

KEPT = (subjects.AUDIT, "KV_agent_state", "KV_market_prices")
"""Streams that keep what a run writes."""
REMEDY = (
    "a change altered what a run stores or sends; if it was meant to, accept the new counts with "
    "`python -m benchmarks.counts --update` and say why in the commit"
)
"""What to do about a count that is not the baseline's."""

Counts = dict[str, float]


def run(options: Options) -> list[Line]:  # noqa: ARG001 - it is as quick as can be
    """Count, and hold against the baseline."""
    known, found = baseline(), asyncio.run(_alone())
    return [
        Line(name.replace("_", " "), "", [value], exactly=known.get(name, 0.0), remedy=REMEDY)
        for name, value in found.items()
        if "_per_" in name
    ]


def baseline() -> Counts:
    """Return the counts that are expected."""
    found: Counts = json.loads(BASELINE.read_text())
    return found


async def counted(server: EmbeddedServer, client: Client, run: str) -> Counts:
    """Run the scenario on a server with all streams, and count."""
    totals: Counter[str] = Counter()
    async with recording(server) as sent, rig.all_services(server):
        await open_run(client, run, SCENARIO)
        async for addressed in run_events(client, run):
            if isinstance(addressed.event.data, TickCleared):
                totals["orders"] += addressed.event.data.orders
                totals["trades"] += addressed.event.data.trades
                totals["ticks"] += 1
    totals["events_in_log"] = sum((await subject_counts(client, subjects.AUDIT, f"*.*.*.{run}")).values())
    totals["transfers_in_log"] = sum(
        (await subject_counts(client, subjects.AUDIT, f"market.ledger.*.{run}")).values()
    )
    totals["state_writes"] = sum((await subject_counts(client, "KV_agent_state", f"{STATE}{run}.>")).values())
    return _with_ratios(totals + _published(sent, run))


def _published(sent: list[Sent], run: str) -> Counter[str]:
    """Count what the streams do not tell; a repeat after a time-out counts once."""
    of_run = [message for message in sent if run in message.subject.split(".")]
    state = [message for message in of_run if message.subject.startswith(STATE)]
    sequences = {
        message.headers.get("Nats-Batch-Id") or f"{message.subject} {message.headers[EXPECTED]}"
        for message in state
    }
    kinds = {
        "atomic_batches": sequences,
        "price_writes": {m.payload for m in of_run if m.subject.startswith(PRICES)},
        "commands_queued": {m.payload for m in of_run if m.action in ("place_orders", "close_tick")},
        "requests": {m.payload for m in of_run if m.action == "submit"},
    }
    return Counter({name: len(found) for name, found in kinds.items()})


def _with_ratios(totals: Counter[str]) -> Counts:
    """Add the ratios people ask for.

    Transfers reach the log as the server's copies: writes of the disk, but no round trips.
    """
    stored = ("events_in_log", "state_writes", "price_writes", "commands_queued")
    writes = sum(totals[name] for name in stored)
    asked = ("events_in_log", "price_writes", "commands_queued", "requests", "atomic_batches")
    trips = sum(totals[name] for name in asked) - totals["transfers_in_log"]
    return {
        **dict(totals),
        "log_messages_per_trade": round(totals["events_in_log"] / totals["trades"], 3),
        "stream_writes_per_order": round(writes / totals["orders"], 3),
        "events_per_tick": round(totals["events_in_log"] / totals["ticks"], 3),
        "round_trips_per_tick": round(trips / totals["ticks"], 3),
        "requests_per_tick": round(totals["requests"] / totals["ticks"], 3),
        "atomic_batches_per_tick": round(totals["atomic_batches"] / totals["ticks"], 3),
    }


async def _alone() -> Counts:
    """Count on a server of its own, where numbers in messages have as many digits each time: their bytes count too."""
    async with rig.private_server() as (server, client):
        before = await _kept_bytes(client)
        found = await counted(server, client, rig.RUN)
        kept = await _kept_bytes(client) - before
        return {**found, "kept_bytes": kept, "bytes_per_order": round(kept / found["orders"], 3)}


async def _kept_bytes(client: Client) -> int:
    """Return the bytes of the messages that the server keeps, with subjects and headers."""
    infos = [await client.jetstream().stream_info(stream) for stream in KEPT]
    return sum(info.state.bytes for info in infos)


if __name__ == "__main__":
    text = json.dumps(asyncio.run(_alone()), indent=1) + "\n"
    if "--update" in sys.argv:
        BASELINE.write_text(text)
    print(text, end="")
