"""The items of one batch of one book: numbered, and applied to the open orders one by one.

Owns the numbering. The loop in `matching` and the mechanisms write here, and nowhere else: an item that is written
has happened, so the next decision sees its effect.
"""

from __future__ import annotations

from econsim.domain.market.book_side import BID, RestingOrder
from econsim.domain.market.open_orders import OpenOrders
from econsim.domain.market.order_terms import rejection
from econsim.schemas.market import Item, OrderAccepted, OrderCancelled, TradeExecuted
from econsim.schemas.orders import Action, Side


class BatchItems:
    """The items of one batch, and the open orders that they change."""

    __slots__ = ("_next", "filled", "items", "orders")

    def __init__(self, orders: OpenOrders, n: int) -> None:
        """Start without items; the first one gets number `n`."""
        self._next = n
        self.orders = orders
        self.items: list[Item] = []
        self.filled: set[str] = set()

    def accept(self, action: Action, side: Side, replaces: str | None = None) -> RestingOrder:
        """Enter an order into the book, in another's stead if it replaces one; return the order."""
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
        return self.orders.by_id[action.order_id]

    def reject(self, action: Action, code: str) -> None:
        """Refuse an order, a cancel or a replace."""
        self._write(rejection(self._next, action, code))

    def trade(self, taker: RestingOrder, standing: RestingOrder, price: int, fill: int) -> int:
        """Fill two orders as far as both are open, and return the units.

        `fill` counts the taker's fills from 1: with the taker's id it makes the trade's id.
        """
        quantity = min(taker.open, standing.open)
        bid, ask = (taker, standing) if taker.side is BID else (standing, taker)
        self.filled.update((bid.order_id, ask.order_id))
        self._write(
            TradeExecuted(
                self._next,
                f"{taker.order_id}.{fill}",
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
        """Take the open units of an order off the book."""
        self._write(OrderCancelled(self._next, order.order_id, order.agent, order.side, order.open, reason))

    def _write(self, item: Item) -> None:
        self._next += 1
        self.items.append(item)
        self.orders.evolve(item)
