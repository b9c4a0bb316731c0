"""The limit order book alone, and the whole in-process driver: agents, ledger, journal, book, events."""

from __future__ import annotations

from statistics import median
from time import process_time

from benchmarks import loads
from benchmarks.book import DEPTHS, measure
from benchmarks.table import Line
from econsim.domain.audit.canonical_log import CanonicalLog
from econsim.domain.execution import in_memory
from econsim.schemas.market import TickCleared

REPEATS = 5
RATE_MIN = 100_000
FLAT_MAX = 2.0
"""Cost an order at the deepest book over the shallowest: the rest is caches, not the algorithm."""
AGENTS, TICKS = 1_000, 20


def run(*, quick: bool) -> list[Line]:
    """Measure both, in processor time of one core."""
    repeats, orders = (1, 20_000) if quick else (REPEATS, 100_000)
    costs = {depth: [measure(depth, orders, seed) for seed in range(repeats)] for depth in DEPTHS}
    lines = [
        Line(
            f"book alone, {depth:,} resting",
            "orders/s",
            [1e6 / cost for cost in costs[depth]],
            at_least=RATE_MIN,
            note="places, trades and cancels in batches of 1 000",
        )
        for depth in DEPTHS
    ]
    flat = [deep / shallow for shallow, deep in zip(costs[DEPTHS[0]], costs[DEPTHS[-1]], strict=True)]
    lines.append(Line("book: cost at 100 000 resting over 10", "", flat, at_most=FLAT_MAX))
    pairs = [whole(AGENTS, 5 if quick else TICKS) for _ in range(repeats)]
    lines.append(
        Line(
            "whole driver: agents, ledger, journal, book, events",
            "orders/s",
            [rate for rate, _ in pairs],
            note=f"{AGENTS} zi_c agents",
        )
    )
    lines.append(
        Line(
            "canonical hash of its events",
            "µs/order",
            [hashing for _, hashing in pairs],
            note="on top of that",
        )
    )
    return lines


def whole(agents: int, ticks: int) -> tuple[float, float]:
    """Return the driver's orders a second, and microseconds an order that the canonical hash takes."""
    scenario = loads.crowd(agents, ticks)
    started = process_time()
    events = list(in_memory.run(scenario))
    seconds = process_time() - started
    orders = sum(e.event.data.orders for e in events if isinstance(e.event.data, TickCleared))
    started, canonical = process_time(), CanonicalLog()
    for event in events:
        canonical.add(event)
    canonical.hexdigest()
    return orders / seconds, (process_time() - started) / orders * 1e6


if __name__ == "__main__":
    print(median(whole(AGENTS, TICKS)[0] for _ in range(REPEATS)))
