"""Measure the limit order book alone: orders a second, and cost an order by depth of the book.

Places, crosses and cancels around a book that keeps about the given number of resting orders, in
processor time; building the actions is not measured. `memory` prints it.
"""

from __future__ import annotations

import gc
import random
from time import process_time

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
