"""One side of a book: open orders by price, then by arrival.

Owns the data structure alone: adding, removing and finding the best are O(1) amortised but for a
heap step when a price is new. Called by `open_orders`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Final

from econsim.schemas.market import Level
from econsim.schemas.orders import OrderKind, Side

BID: Final = Side.BID
ASK: Final = Side.ASK
"""Read several times an order; a module's name costs a third of an enum's member on Python 3.11."""

EMPTY_LEVELS_MAX: Final = 64
"""Emptied price levels kept before a sweep is considered: small, and rarely reached by honest books."""


@dataclass(slots=True)
class RestingOrder:
    """An order on the book."""

    order_id: str
    """Id of the order."""
    agent: str
    """Agent that placed the order."""
    side: Side
    """Side of the book: bid or ask."""
    kind: OrderKind
    """Order type."""
    price: int
    """Limit, micro-credits a unit."""
    quantity: int
    """Units when the order was placed."""
    open: int
    """Units still open."""
    place: int = 0
    """Place in the queue of its price: number of the item that opened it, which may be that of an order it replaced."""


class BookSide:
    """The bids or the asks of one book.

    Levels are keyed so that the smallest key is the best price (bids by their negative). A key is in
    the heap exactly as long as it is in the dict, so a level that emptied and fills again is not
    queued twice. Emptied levels go when they come to the top, or in a sweep when they outnumber the rest.
    """

    __slots__ = ("_best", "_best_key", "_empty", "_heap", "_levels", "_sign")

    def __init__(self, side: Side) -> None:
        """Start with no orders."""
        self._sign = -1 if side is BID else 1
        # OrderedDict rather than dict: finding the first entry stays O(1) after many removals in front.
        self._levels: dict[int, OrderedDict[int, RestingOrder]] = {}
        self._heap: list[int] = []
        self._empty = 0
        # The best order, as long as it is known: most orders neither are it nor become it, and each asks for it.
        self._best: RestingOrder | None = None
        self._best_key = 0

    def add(self, order: RestingOrder) -> None:
        """Put an order behind all others of its price, or in the place it takes over."""
        key = order.price * self._sign
        level = self._levels.get(key)
        if level is None:
            level = self._levels[key] = OrderedDict()
            heappush(self._heap, key)
        elif not level:
            self._empty -= 1
        level[order.place] = order
        best = self._best
        if best is not None and (key < self._best_key or best.place == order.place):
            self._best, self._best_key = order, key

    def remove(self, order: RestingOrder) -> None:
        """Take out an order of this side, unless another has taken over its place."""
        if self._best is order:
            self._best = None
        level = self._levels[order.price * self._sign]
        if level.get(order.place) is not order:
            return
        del level[order.place]
        if not level:
            self._empty += 1
            if self._empty > EMPTY_LEVELS_MAX and self._empty * 2 > len(self._levels):
                self._sweep()

    def best(self) -> RestingOrder | None:
        """Return the order that trades next."""
        if self._best is not None:
            return self._best
        heap, levels = self._heap, self._levels
        while heap:
            level = levels[heap[0]]
            if level:
                self._best, self._best_key = next(iter(level.values())), heap[0]
                return self._best
            del levels[heappop(heap)]
            self._empty -= 1
        return None

    def levels(self) -> Iterator[OrderedDict[int, RestingOrder]]:
        """Yield the orders of each price, best price first; the book must not change meanwhile.

        Reads the heap without taking it apart, so the first k levels cost O(k log k) however deep the book.
        """
        heap = self._heap
        frontier = [(heap[0], 0)] if heap else []
        while frontier:
            key, at = heappop(frontier)
            if level := self._levels[key]:
                yield level
            for child in range(2 * at + 1, min(2 * at + 3, len(heap))):
                heappush(frontier, (heap[child], child))

    def __iter__(self) -> Iterator[RestingOrder]:
        """Yield every order by price, then by arrival; the book must not change meanwhile."""
        for level in self.levels():
            yield from level.values()

    def depth(self, count: int) -> tuple[Level, ...]:
        """Return the open units of the best `count` prices."""
        found = zip(range(count), self.levels(), strict=False)
        return tuple(_summarise(level) for _, level in found)

    def _sweep(self) -> None:
        self._levels = {key: level for key, level in self._levels.items() if level}
        self._heap = list(self._levels)
        heapify(self._heap)
        self._empty = 0


def _summarise(level: OrderedDict[int, RestingOrder]) -> Level:
    orders = list(level.values())
    return Level(orders[0].price, sum(order.open for order in orders), len(orders))
