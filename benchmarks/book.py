"""Measure the limit order book alone: orders a second, and cost an order by depth of the book.

Places, crosses and cancels around a book that keeps about the given number of resting orders, in
processor time; building the actions is not measured.
"""

from __future__ import annotations

import gc
import random
from time import process_time

from benchmarks.options import Options
from benchmarks.table import Line
from econsim.domain.market.batch_items import BatchItems
from econsim.domain.market.matching import process
from econsim.domain.market.open_orders import OpenOrders
from econsim.schemas.orders import Action, Verb
from econsim.schemas.scenario import Market

BATCH = 1_000
DEPTHS = (10, 1_000, 100_000)
MIDDLE = 200_000
TICK = 100
AGENTS = [f"agent_{i:03}" for i in range(100)]
REPEATS = 5
RATE_MIN = 100_000
FLAT_MAX = 2.0
"""Cost an order at the deepest book over the shallowest: the rest is caches, not the algorithm."""


def run(options: Options) -> list[Line]:
    """Measure at each depth."""
    repeats, orders = (1, 20_000) if options.quick else (REPEATS, 100_000)
    # Depths take turns, so that the ratio of two is of the same minute.
    rounds = [{depth: measure(depth, orders, seed) for depth in DEPTHS} for seed in range(repeats)]
    lines = [
        Line(
            f"book alone, {depth:,} resting",
            "orders/s",
            [1e6 / costs[depth] for costs in rounds],
            at_least=RATE_MIN,
            note="places, trades and cancels in batches of 1 000",
        )
        for depth in DEPTHS
    ]
    flat = [costs[DEPTHS[-1]] / costs[DEPTHS[0]] for costs in rounds]
    return [*lines, Line("book: cost at 100 000 resting over 10", "", flat, at_most=FLAT_MAX)]


def resting(count: int, rng: random.Random) -> list[Action]:
    """Return quotes of three units that do not cross, up to 1 000 prices either side of the middle."""
    actions = []
    for i in range(count):
        verb, sign = (Verb.BID, -1) if i % 2 else (Verb.ASK, 1)
        price = MIDDLE + sign * TICK * rng.randint(1, 1_000)
        actions.append(Action(verb, rng.choice(AGENTS), f"rest_{i}", price, 3))
    return actions


def mix(count: int, stem: str, rng: random.Random) -> list[Action]:
    """Return a steady mix: half rest within the book, a quarter trade three units, a quarter cancel."""
    actions: list[Action] = []
    for i in range(0, count, 4):
        first, second = (Verb.BID, Verb.ASK) if i % 8 else (Verb.ASK, Verb.BID)
        sign = -1 if first is Verb.BID else 1
        owner = rng.choice(AGENTS)
        deep, top = (MIDDLE + sign * TICK * rng.randint(1, far) for far in (1_000, 3))
        actions += [
            Action(first, owner, f"{stem}_{i}_deep", deep, 3),
            Action(first, rng.choice(AGENTS), f"{stem}_{i}_top", top, 3),
            Action(second, "crosser", f"{stem}_{i}_cross", MIDDLE + sign * TICK * 1_000, 3),
            Action(Verb.CANCEL, owner, f"{stem}_{i}_deep"),
        ]
    return actions


def measure(depth: int, orders: int, seed: int) -> float:
    """Return microseconds an order, quotes read once a batch, for a book of about `depth` orders."""
    rng = random.Random(seed)  # noqa: S311  # a load, not a secret
    market, orders_on_book = Market(resource="cpu"), OpenOrders()
    process(market, BatchItems(orders_on_book, 1), resting(depth, rng))
    batches = [mix(BATCH, f"mix_{k}", rng) for k in range(orders // BATCH)]
    n = 1
    gc.collect()
    gc.freeze()  # the load is not the book's to collect
    started = process_time()
    for batch in batches:
        written = BatchItems(orders_on_book, n)
        process(market, written, batch)
        n += len(written.items)
        orders_on_book.quote()
    elapsed = process_time() - started
    gc.unfreeze()
    return elapsed / (len(batches) * BATCH) * 1e6
