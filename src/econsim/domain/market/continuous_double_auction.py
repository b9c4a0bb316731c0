"""The continuous double auction: a limit order book in price-time priority.

Owns the rules of its order types: limit, market, immediate-or-cancel, fill-or-kill and post-only. An incoming order trades
at each standing order's price, best first, until its limit, its quantity or an order of its own agent stops it. A market
order carries a limit that protects its reservation, so it matches like immediate-or-cancel. Fill-or-kill is accepted, then
filled whole by other agents' orders or cancelled whole. Called through the table in `matching`.
"""

from __future__ import annotations

from typing import Final

from econsim.domain.market.batch_items import BatchItems
from econsim.domain.market.book_side import BID, BookSide, RestingOrder
from econsim.domain.market.open_orders import OpenOrders
from econsim.schemas.orders import Action, OrderKind, Side

LIMIT: Final = OrderKind.LIMIT
POST_ONLY: Final = OrderKind.POST_ONLY
FILL_OR_KILL: Final = OrderKind.FILL_OR_KILL
RESTING: Final = (OrderKind.LIMIT, OrderKind.POST_ONLY)
"""Order types of which the remainder stays on the book."""


def post_only_refusal(orders: OpenOrders, action: Action | RestingOrder, side: Side) -> str | None:
    """Refuse a post-only order that would trade; every other order may enter."""
    if action.kind is not POST_ONLY:
        return None
    opposite, sign = _opposite(orders, side)
    best = opposite.best()
    if best is not None and best.price * sign <= action.price * sign:
        return "post_only_order_would_cross"
    return None


def trade_best_first(batch: BatchItems, order: RestingOrder) -> None:
    """Trade an order with the best standing orders in turn; rest or cancel the remainder by its type."""
    orders = batch.orders
    if order.kind is FILL_OR_KILL and not _fills_whole(orders, order):
        batch.cancel(order, "fill_or_kill_not_filled")
        return
    opposite, sign = (orders.asks, 1) if order.side is BID else (orders.bids, -1)
    limit, left, fill = order.price * sign, order.open, 0
    while left and (best := opposite.best()) and best.price * sign <= limit:
        if best.agent == order.agent:
            batch.cancel(order, "self_trade_prevented")
            return
        fill += 1
        left -= batch.trade(order, best, best.price, fill)
    if left and order.kind is not LIMIT and order.kind not in RESTING:
        batch.cancel(order, "remainder_of_immediate_order")


def reaches_own(orders: OpenOrders, new: Action, side: Side) -> bool:
    """Return whether an order would meet its own agent's before others' orders fill it."""
    opposite, sign = _opposite(orders, side)
    left = new.quantity
    for best in opposite:
        if left <= 0 or best.price * sign > new.price * sign:
            return False
        if best.agent == new.agent:
            return True
        left -= best.open
    return False


def _fills_whole(orders: OpenOrders, order: RestingOrder) -> bool:
    opposite, sign = _opposite(orders, order.side)
    limit, left = order.price * sign, order.open
    for best in opposite:
        if best.agent == order.agent or best.price * sign > limit:
            return False
        left -= best.open
        if left <= 0:
            return True
    return False


def _opposite(orders: OpenOrders, side: Side) -> tuple[BookSide, int]:
    """Return the side that an order of this side trades with, and the sign under which a lower price is better."""
    return (orders.asks, 1) if side is BID else (orders.bids, -1)
