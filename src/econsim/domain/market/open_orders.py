"""The open orders of one market, and how each item of the past changes them.

Owns a book's state and its one way to change, `evolve`; the mechanisms (`auction` and its kinds)
decide which items to make. A book is thus its items folded, whichever mechanism made them.
"""

from __future__ import annotations

from econsim.domain.market.book_side import BID, BookSide
from econsim.domain.market.mechanism import RestingOrder
from econsim.schemas.market import Item, Level, OrderAccepted, OrderCancelled, Quote, TradeExecuted
from econsim.schemas.orders import Side


class OpenOrders:
    """Bids and asks in price-time priority; what they are is public, why they came is not its matter."""

    def __init__(self) -> None:
        """Start with an empty book."""
        self.bids = BookSide(Side.BID)
        self.asks = BookSide(Side.ASK)
        self._orders: dict[str, RestingOrder] = {}
        self._by_agent: dict[str, dict[str, RestingOrder]] = {}
        self._last: int | None = None

    def evolve(self, item: Item) -> None:
        """Apply one item: an order enters, fills or leaves; a refusal changes nothing."""
        if isinstance(item, OrderAccepted):
            self._enter(item)
        elif isinstance(item, TradeExecuted):
            self._last = item.price
            self._fill(item.bid_id, item.quantity)
            self._fill(item.ask_id, item.quantity)
        elif isinstance(item, OrderCancelled):
            self._leave(self._orders[item.order_id])

    def quote(self) -> Quote:
        """Return the best prices and the last price."""
        bid, ask = self.bids.best(), self.asks.best()
        return Quote(bid.price if bid else None, ask.price if ask else None, self._last)

    def depth(self, levels: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Return bids and asks by price, best first, at most `levels` a side."""
        return self.bids.depth(levels), self.asks.depth(levels)

    def find(self, order_id: str) -> RestingOrder | None:
        """Return an open order; the caller must not change it."""
        return self._orders.get(order_id)

    def of_agent(self, agent: str) -> tuple[RestingOrder, ...]:
        """Return an agent's open orders, oldest first."""
        return tuple(self._by_agent.get(agent, {}).values())

    def open_orders(self, agent: str) -> int:
        """Return how many open orders an agent has."""
        return len(self._by_agent.get(agent, ()))

    def in_arrival_order(self) -> tuple[RestingOrder, ...]:
        """Return every open order, oldest first."""
        return tuple(self._orders.values())

    def side(self, side: Side) -> BookSide:
        """Return the bids or the asks."""
        return self.bids if side is BID else self.asks

    def __len__(self) -> int:
        """Return how many orders are open."""
        return len(self._orders)

    def __eq__(self, other: object) -> bool:
        """Return whether both books hold the same orders in the same priority, and the same last price."""
        if not isinstance(other, OpenOrders):
            return NotImplemented
        return self._state() == other._state()

    __hash__ = None  # type: ignore[assignment]  # a book changes

    def _state(self) -> tuple[object, ...]:
        return type(self), self._last, self.in_arrival_order(), tuple(self.bids), tuple(self.asks)

    def _enter(self, item: OrderAccepted) -> None:
        order = RestingOrder(
            item.order_id,
            item.agent,
            item.side,
            item.kind,
            item.price,
            item.quantity,
            item.quantity,
            self._place_in_queue(item),
        )
        self._orders[order.order_id] = order
        mine = self._by_agent.get(order.agent)
        if mine is None:
            mine = self._by_agent[order.agent] = {}
        mine[order.order_id] = order
        self.side(order.side).add(order)

    def _place_in_queue(self, item: OrderAccepted) -> int:
        """Return an order's place in the queue: a new one, but for a replacement that asks for nothing more."""
        old = self._orders.get(item.replaces) if item.replaces else None
        if old is None or item.price != old.price or item.quantity > old.open:
            return item.n
        return old.place

    def _fill(self, order_id: str, quantity: int) -> None:
        order = self._orders[order_id]
        order.open -= quantity
        if not order.open:
            self._leave(order)

    def _leave(self, order: RestingOrder) -> None:
        del self._orders[order.order_id]
        mine = self._by_agent[order.agent]
        del mine[order.order_id]
        if not mine:
            del self._by_agent[order.agent]
        self.side(order.side).remove(order)
