"""The call auction: quotes are collected over a window, then cleared at one uniform price.

Owns the choice of the price (`clearing_price`) and of the orders that trade at the margin. It takes limit orders of any
quantity. Quotes last for one window: those that do not trade when it is cleared are cancelled. Until then the book may be
crossed. A quote that crosses one of its own agent's is accepted, then cancelled, so no clearing price can match an agent
with itself. Called through the table in `matching`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate

from econsim.domain.agent.random_draws import Draws
from econsim.domain.market.batch_items import BatchItems
from econsim.domain.market.book_side import RestingOrder
from econsim.domain.market.open_orders import OpenOrders
from econsim.schemas.orders import Action, OrderKind, Side
from econsim.schemas.scenario import Market, Rationing


def kind_refusal(orders: OpenOrders, action: Action | RestingOrder, side: Side) -> str | None:  # noqa: ARG001  # the mechanisms' common form
    """Refuse every order type but limit."""
    return None if action.kind is OrderKind.LIMIT else "market_takes_limit_orders_only"


def prevent_self_trade(batch: BatchItems, order: RestingOrder) -> None:
    """Cancel a quote that crosses one of its own agent's; every other quote waits for the end of the window."""
    if batch.orders.crosses_own(order, order.side):
        batch.cancel(order, "self_trade_prevented")


def trade_at_one_price(batch: BatchItems, market: Market, draws: Draws) -> None:
    """Trade the quotes of a window at its clearing price, then cancel the rest."""
    orders = batch.orders
    price = clearing_price(orders.bids, orders.asks, market.tick_size)
    if price is not None:
        bids = _trading_order([bid for bid in orders.bids if bid.price >= price], market.rationing, draws)
        asks = _trading_order([ask for ask in orders.asks if ask.price <= price], market.rationing, draws)
        _pair(bids, asks, price, batch)
    for order in orders.in_arrival_order():
        batch.cancel(order, "not_cleared")


def clearing_price(bids: Iterable[RestingOrder], asks: Iterable[RestingOrder], tick_size: int) -> int | None:
    """Return the price that trades most units, then leaves the least imbalance, then lies midway.

    The prices equally good by the first two are neighbours; their midpoint is rounded down to the
    tick grid. None if nothing can trade.
    """
    demand = sorted((bid.price, bid.open) for bid in bids)
    supply = sorted((ask.price, ask.open) for ask in asks)
    bid_prices, ask_prices = [p for p, _ in demand], [p for p, _ in supply]
    wanted_below = [0, *accumulate(units for _, units in demand)]
    offered = [0, *accumulate(units for _, units in supply)]

    def merit(price: int) -> tuple[int, int]:
        demanded = wanted_below[-1] - wanted_below[bisect_left(bid_prices, price)]
        supplied = offered[bisect_right(ask_prices, price)]
        return min(demanded, supplied), -abs(demanded - supplied)

    # Demand and supply change only here, so the best prices' first and last are among these.
    edges = {
        *bid_prices,
        *ask_prices,
        *(p + tick_size for p in bid_prices),
        *(p - tick_size for p in ask_prices),
    }
    merits = {price: merit(price) for price in edges}
    best = max(merits.values(), default=(0, 0))
    if not best[0]:
        return None
    low, high = (pick(p for p, m in merits.items() if m == best) for pick in (min, max))
    return low + (high - low) // 2 // tick_size * tick_size


def _trading_order(orders: list[RestingOrder], rationing: Rationing, draws: Draws) -> list[RestingOrder]:
    """Return the orders in the order they trade: better prices first, ties by arrival or by lot.

    A lot is of the agent and the place among its own orders: what others order changes it as little as what an order is called.
    """
    if rationing is Rationing.PRICE_TIME:
        return orders
    better_first, drawn = -1 if orders[0].side is Side.BID else 1, Counter[str]()

    def lot(order: RestingOrder) -> tuple[int, int]:
        drawn[order.agent] += 1
        own = draws.within(order.side.value, order.agent, drawn[order.agent])
        return order.price * better_first, own.bits()

    return sorted(orders, key=lot)


def _pair(bids: list[RestingOrder], asks: list[RestingOrder], price: int, batch: BatchItems) -> None:
    """Fill bids with asks in turn until one side is used up; a bid's fills are counted from 1."""
    supply = iter(asks)
    ask = next(supply, None)
    for bid in bids:
        left, fill = bid.open, 0
        while left and ask is not None:
            fill += 1
            left -= batch.trade(bid, ask, price, fill)
            if not ask.open:
                ask = next(supply, None)
