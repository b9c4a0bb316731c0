"""The open orders and the trades of agents on one market, folded from the batches of its book. Pure.

Life cycles::

    collection   holds                              added by        removed by               bound
    _open        agent -> order id -> open order    OrderAccepted   fill, cancel, period     open_orders_max an agent
    _traded      agent -> units traded              TradeExecuted   open_period              agents
    _batch       items of the batch under way       collect         clear                    items of one batch
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from operator import attrgetter

from econsim.domain.cognition.observation import ObservedOrder
from econsim.schemas.market import Item, OrderAccepted, OrderCancelled, Quote, TickCleared, TradeExecuted

OnTrade = Callable[[TradeExecuted], None]
"""Callback for each trade, once."""


class OwnOrders:
    """The orders of some agents on one market."""

    def __init__(self, agents: Collection[str], on_trade: OnTrade) -> None:
        """Start without orders; `on_trade` gets each trade of these agents."""
        self.quote = Quote()
        """Best prices and last price after the newest batch."""
        self._on_trade = on_trade
        self._open: dict[str, dict[str, ObservedOrder]] = {agent: {} for agent in agents}
        self._traded: Counter[str] = Counter()
        self._batch: list[Item] = []
        self._applied = 0

    def open_orders(self, agent: str) -> tuple[ObservedOrder, ...]:
        """Return the open orders of an agent, oldest first."""
        return tuple(self._open[agent].values())

    def traded_units(self, agent: str) -> int:
        """Return the units that an agent traded in this period."""
        return self._traded[agent]

    def open_period(self) -> None:
        """Forget the period before: its book was emptied."""
        self._traded.clear()
        for orders in self._open.values():
            orders.clear()

    def collect(self, items: Iterable[Item]) -> None:
        """Keep the items about these agents until the batch is complete."""
        for item in items:
            if isinstance(item, TradeExecuted):
                if item.buyer in self._open or item.seller in self._open:
                    self._batch.append(item)
            elif item.agent in self._open:
                self._batch.append(item)

    def clear(self, cleared: TickCleared) -> None:
        """Apply a complete batch in book order; a batch repeated after a crash may have an item twice."""
        self.quote = cleared.quote
        for item in sorted(self._batch, key=attrgetter("n")):
            if item.n > self._applied:
                self._apply(item)
                self._applied = item.n
        self._batch.clear()

    def _apply(self, item: Item) -> None:
        match item:
            case OrderAccepted():
                orders = self._open[item.agent]
                if item.replaces is not None:
                    orders.pop(item.replaces, None)
                orders[item.order_id] = ObservedOrder(item.order_id, item.side, item.price, item.quantity)
            case OrderCancelled():
                self._open[item.agent].pop(item.order_id, None)
            case TradeExecuted():
                self._fill(item.buyer, item.bid_id, item.quantity)
                self._fill(item.seller, item.ask_id, item.quantity)
                self._on_trade(item)

    def _fill(self, agent: str, order_id: str, quantity: int) -> None:
        orders = self._open.get(agent)
        if orders is None:
            return
        self._traded[agent] += quantity
        order = orders.pop(order_id, None)
        if order is not None and order.quantity > quantity:
            orders[order_id] = order._replace(quantity=order.quantity - quantity)
