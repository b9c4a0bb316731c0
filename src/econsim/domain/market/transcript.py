"""What a mechanism writes while it works: items, numbered, each applied to the book as it is made.

Owns the numbering of items within a batch. Called by the mechanisms only.
"""

from __future__ import annotations

from collections.abc import Callable

from econsim.domain.market.book_side import BID
from econsim.domain.market.mechanism import RestingOrder
from econsim.domain.market.order_terms import rejection
from econsim.schemas.market import Item, OrderAccepted, OrderCancelled, TradeExecuted
from econsim.schemas.orders import Action, Side


class Transcript:
    """The items of one batch."""

    __slots__ = ("_evolve", "_next", "filled", "items")

    def __init__(self, evolve: Callable[[Item], None], n: int) -> None:
        """Start at number `n`; every item is handed to `evolve` before the next is decided."""
        self._evolve = evolve
        self._next = n
        self.items: list[Item] = []
        self.filled: set[str] = set()

    def accept(self, action: Action, side: Side, replaces: str | None = None) -> None:
        """Let an order enter the book, in another's stead if it replaces one."""
        self._write(
            OrderAccepted(
                self._next,
                action.order_id,
                action.agent,
                side,
                action.kind,
                action.price,
                action.quantity,
                replaces,
            )
        )

    def reject(self, action: Action, code: str) -> None:
        """Refuse an order, a cancel or a replace."""
        self._write(rejection(self._next, action, code))

    def trade(self, taker: RestingOrder, standing: RestingOrder, price: int, fill: int) -> int:
        """Fill two orders as far as both are open, and return the units.

        `fill` counts the taker's fills from 1: with the taker's id it makes the trade's.
        """
        quantity = min(taker.open, standing.open)
        bid, ask = (taker, standing) if taker.side is BID else (standing, taker)
        self.filled.update((bid.order_id, ask.order_id))
        trade_id = f"{taker.order_id}.{fill}"
        self._write(
            TradeExecuted(
                self._next,
                trade_id,
                price,
                quantity,
                bid.agent,
                ask.agent,
                bid.order_id,
                ask.order_id,
                taker.side,
            )
        )
        return quantity

    def cancel(self, order: RestingOrder, reason: str) -> None:
        """Take what is left of an order off the book."""
        self._write(OrderCancelled(self._next, order.order_id, order.agent, order.side, order.open, reason))

    def _write(self, item: Item) -> None:
        self._next += 1
        self.items.append(item)
        self._evolve(item)
