"""The open orders of one market, and how each item of the past changes them.

Owns the state of a market's orders and its one way to change, `evolve`; `matching` and the mechanisms decide which items
to make. The open orders are thus the items folded, whichever mechanism made them (event sourcing).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from operator import attrgetter

from econsim.domain.market.book_side import BID, BookSide, RestingOrder
from econsim.schemas.market import Item, Level, OrderAccepted, OrderCancelled, Quote, TradeExecuted
from econsim.schemas.orders import Action, Side


class OpenOrders:
    """Bids and asks in price-time priority, under every mechanism."""

    def __init__(self) -> None:
        """Start with an empty book."""
        self.bids = BookSide(Side.BID)
        self.asks = BookSide(Side.ASK)
        self.by_id: dict[str, RestingOrder] = {}
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
            self._leave(self.by_id[item.order_id])

    def copies(self) -> tuple[RestingOrder, ...]:
        """Return copies of the open orders, oldest first."""
        return tuple(map(replace, self.by_id.values()))

    def restore(self, orders: Iterable[RestingOrder], last: int | None) -> None:
        """Take in the orders of another book, oldest first, and its last price; this one has none."""
        self._last = last
        for order in orders:
            self.by_id[order.order_id] = order
            self._by_agent.setdefault(order.agent, {})[order.order_id] = order
        # Those of one price stand in the order of their places, which is not that of arrival if one was replaced.
        for order in sorted(self.by_id.values(), key=attrgetter("place")):
            self.side(order.side).add(order)

    def quote(self) -> Quote:
        """Return the best prices and the last price."""
        return Quote(*self.prices())

    def prices(self) -> tuple[int | None, int | None, int | None]:
        """Return best bid, best ask and last price."""
        bid, ask = self.bids.best(), self.asks.best()
        return bid.price if bid else None, ask.price if ask else None, self._last

    def depth(self, levels: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Return bids and asks by price, best first, at most `levels` a side."""
        return self.bids.depth(levels), self.asks.depth(levels)

    def find(self, order_id: str) -> RestingOrder | None:
        """Return an open order; the caller must not change it."""
        return self.by_id.get(order_id)

    def agent_orders(self, agent: str) -> tuple[RestingOrder, ...]:
        """Return an agent's open orders, oldest first."""
        return tuple(self._by_agent.get(agent, {}).values())

    def open_order_count(self, agent: str) -> int:
        """Return how many open orders an agent has."""
        return len(self._by_agent.get(agent, ()))

    def crosses_own(self, new: Action | RestingOrder, side: Side) -> bool:
        """Return whether an order's limit crosses that of an open order of its own agent."""
        sign = 1 if side is BID else -1
        return any(
            own.side is not side and own.price * sign <= new.price * sign
            for own in self.agent_orders(new.agent)
        )

    def in_arrival_order(self) -> tuple[RestingOrder, ...]:
        """Return every open order, oldest first."""
        return tuple(self.by_id.values())

    def side(self, side: Side) -> BookSide:
        """Return the bids or the asks."""
        return self.bids if side is BID else self.asks

    def __len__(self) -> int:
        """Return how many orders are open."""
        return len(self.by_id)

    def __eq__(self, other: object) -> bool:
        """Return whether both have the same orders in the same priority, and the same last price."""
        if not isinstance(other, OpenOrders):
            return NotImplemented
        return self._state() == other._state()

    __hash__ = None  # type: ignore[assignment]  # a book changes

    def _state(self) -> tuple[object, ...]:
        return self._last, self.in_arrival_order(), tuple(self.bids), tuple(self.asks)

    def _enter(self, item: OrderAccepted) -> None:
        order = RestingOrder(
            item.order_id,
            item.agent,
            item.side,
            item.kind,
            item.price,
            item.quantity,
            item.quantity,
            self._queue_place(item),
        )
        self.by_id[order.order_id] = order
        mine = self._by_agent.get(order.agent)
        if mine is None:
            mine = self._by_agent[order.agent] = {}
        mine[order.order_id] = order
        self.side(order.side).add(order)

    def _queue_place(self, item: OrderAccepted) -> int:
        """Return an order's place in the queue: its own number, or the old order's place if a replacement asks for no more."""
        old = self.by_id.get(item.replaces) if item.replaces else None
        if old is None or item.price != old.price or item.quantity > old.open:
            return item.n
        return old.place

    def _fill(self, order_id: str, quantity: int) -> None:
        order = self.by_id[order_id]
        order.open -= quantity
        if not order.open:
            self._leave(order)

    def _leave(self, order: RestingOrder) -> None:
        del self.by_id[order.order_id]
        mine = self._by_agent[order.agent]
        del mine[order.order_id]
        if not mine:
            del self._by_agent[order.agent]
        self.side(order.side).remove(order)
