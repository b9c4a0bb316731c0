"""Measure the ledger: chains a second of the pure rules, transfers a second made durable by the writer.

The writer commits to a private nats-server with file storage that
flushes every write (`sync_interval: always`); both share this machine's processors.
"""

from __future__ import annotations

import asyncio
import uuid
from time import perf_counter, process_time
from typing import Final

from benchmarks.options import Options
from benchmarks.rig import private_server
from benchmarks.table import Line
from econsim.adapters.jetstream.state_store import JetStreamStateStore
from econsim.adapters.nats.connection import connect
from econsim.domain.ledger.journal import Journal
from econsim.domain.ledger.ledger import Ledger
from econsim.schemas.ledger import CREDITS, TREASURY, Chain, Kind, Submit, Transfer
from econsim.services.ledger.writer import LedgerWriter
from econsim.testing import FakeKeyTable, FakeWallClock

AGENTS: Final = 100
CHAINS: Final = 100_000
REPEATS: Final = 3
OPENING: Final = tuple(
    Chain(
        f"open-{i}", "open", (Transfer(f"open-{i}", Kind.TRANSFER, TREASURY, f"agent_{i}", CREDITS, 10**9),)
    )
    for i in range(AGENTS)
)


def payments(count: int, stem: str) -> list[Chain]:
    """Return chains of one transfer each, round robin over the agents."""
    return [
        Chain(
            f"{stem}-{i}",
            "bench",
            (
                Transfer(
                    f"{stem}-{i}",
                    Kind.TRANSFER,
                    f"agent_{i % AGENTS}",
                    f"agent_{(i + 1) % AGENTS}",
                    CREDITS,
                    5,
                ),
            ),
        )
        for i in range(count)
    ]


def pure() -> float:
    """Return chains a second of the rules alone, in batches of 100."""
    ledger, chains = Ledger(), payments(CHAINS, "p")
    ledger.apply(OPENING)
    start = process_time()
    for first in range(0, CHAINS, 100):
        ledger.apply(chains[first : first + 100])
    return CHAINS / (process_time() - start)


def with_journal() -> float:
    """Return chains a second of the rules and the journal's hash chain."""
    ledger, journal, chains = Ledger(), Journal(), payments(CHAINS, "p")
    ledger.apply(OPENING)
    start = process_time()
    for first in range(0, CHAINS, 100):
        journal.append(ledger.apply(chains[first : first + 100]))
    return CHAINS / (process_time() - start)


async def durable(store: JetStreamStateStore, submissions: int, chains: int, callers: int) -> float:
    """Return transfers a second made durable by concurrent callers, each waiting for its answers."""
    writer = LedgerWriter(f"bench-{uuid.uuid4().hex[:8]}", "salt", store, FakeWallClock(), FakeKeyTable())
    await writer.submit(Submit(command_id="open", tick=0, chains=OPENING))
    waiting = [
        Submit(command_id=f"s{i}", tick=1, chains=tuple(payments(chains, f"s{i}")))
        for i in range(submissions)
    ]

    async def call() -> None:
        while waiting:
            await writer.submit(waiting.pop())

    start = perf_counter()
    await asyncio.gather(*(call() for _ in range(callers)))
    return submissions * chains / (perf_counter() - start)


async def over_nats(repeats: int) -> list[Line]:
    """Return the writer's rates on a private server."""
    lines = []
    async with private_server() as (server, _):
        client = await connect(server.url, server.creds("ledger"), "bench-ledger")
        store = JetStreamStateStore(client)
        for submissions, chains, callers in ((300, 1, 1), (5_000, 1, 300), (300, 100, 1), (600, 100, 8)):
            rates = [await durable(store, submissions, chains, callers) for _ in range(repeats)]
            note = f"{callers} callers, {chains} transfers a submission"
            lines.append(Line("ledger: transfers made durable", "1/s", rates, note=note))
        await client.close()
    return lines


def run(options: Options) -> list[Line]:
    """Measure the rules alone, with the journal, and durable."""
    repeats = 1 if options.quick else REPEATS
    return [
        Line("ledger: rules alone", "chains/s", [pure() for _ in range(repeats)]),
        Line("ledger: rules and journal", "chains/s", [with_journal() for _ in range(repeats)]),
        *asyncio.run(over_nats(repeats)),
    ]
