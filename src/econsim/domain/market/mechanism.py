"""The one interface of all market mechanisms, swapped by one word in the scenario (economy.md §2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from econsim.domain.agent.random_draws import Draws
from econsim.schemas.market import Item, Level, OrderCancelled, Quote
from econsim.schemas.orders import Action, OrderKind, Side


@dataclass(slots=True)
class RestingOrder:
    """An order on the book."""

    order_id: str
    """The order."""
    agent: str
    """Whose."""
    side: Side
    """Bid or ask."""
    kind: OrderKind
    """Order type."""
    price: int
    """Limit, micro-credits a unit."""
    quantity: int
    """Units when it was placed."""
    open: int
    """Units still open."""
    place: int = 0
    """Place in the queue of its price: the item that opened it, which may be that of an order it replaced."""


class Mechanism(Protocol):
    """A book: orders in, items out.

    Orders handed to `process` are valid, unique and hold their reservations; the mechanism only
    matches. It changes state solely by `evolve`, so folding the items of the past rebuilds the book.
    """

    def process(self, actions: Sequence[Action], n: int, draws: Draws, *, clear: bool) -> list[Item]:
        """Take the actions in order and return what happened, numbered from `n`.

        `clear` marks the end of a call auction's window. A refused action yields OrderRejected.
        """

    def evolve(self, item: Item) -> None:
        """Apply one item of the past."""

    def empty(self, n: int) -> list[OrderCancelled]:
        """Cancel every open order at the end of a period, reason `period_closed`."""

    def quote(self) -> Quote:
        """Return the best prices and the last price."""

    def depth(self, levels: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Return bids and asks by price, best first, at most `levels` a side."""

    def find(self, order_id: str) -> RestingOrder | None:
        """Return an open order."""

    def of_agent(self, agent: str) -> tuple[RestingOrder, ...]:
        """Return an agent's open orders, oldest first."""

    def open_orders(self, agent: str) -> int:
        """Return how many open orders an agent has."""

    def __len__(self) -> int:
        """Return how many orders are open."""
