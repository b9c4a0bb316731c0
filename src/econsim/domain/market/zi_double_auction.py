"""The double auction of Gode and Sunder (1993): one best bid, one best ask, single units.

Owns its rules: a quote must improve its side's best (a replacement too), a better quote displaces the standing one, a
crossing quote trades at the standing quote's price, and a trade cancels all quotes. A quote that would trade with its
own agent's quote is accepted, then cancelled; the quotes that stood before stay. Called through the table in `matching`.
"""

from __future__ import annotations

from econsim.domain.market.batch_items import BatchItems
from econsim.domain.market.book_side import RestingOrder
from econsim.domain.market.open_orders import OpenOrders
from econsim.schemas.orders import Action, OrderKind, Side


def quote_refusal(orders: OpenOrders, action: Action | RestingOrder, side: Side) -> str | None:
    """Refuse a quote of several units, of another type than limit, or no better than its side's best."""
    if action.quantity != 1:
        return "quotes_are_for_one_unit"
    if action.kind is not OrderKind.LIMIT:
        return "market_takes_limit_orders_only"
    best = orders.side(side).best()
    if best is None:
        return None
    if side is Side.BID:
        return "bid_must_improve_best_bid" if action.price <= best.price else None
    return "ask_must_improve_best_ask" if action.price >= best.price else None


def trade_or_displace(batch: BatchItems, order: RestingOrder) -> None:
    """Trade a quote that crosses and cancel all others; otherwise cancel the quote that it improves."""
    orders = batch.orders
    # The order is its side's best: `quote_refusal` let no other enter.
    bid, ask = orders.bids.best(), orders.asks.best()
    if bid is None or ask is None or bid.price < ask.price:
        for other in list(orders.side(order.side)):
            if other is not order:
                batch.cancel(other, "displaced_by_better_quote")
        return
    if bid.agent == ask.agent:
        batch.cancel(order, "self_trade_prevented")
        return
    standing = ask if order is bid else bid
    batch.trade(order, standing, standing.price, 1)
    for other in orders.in_arrival_order():
        batch.cancel(other, "trade_cleared_all_quotes")
