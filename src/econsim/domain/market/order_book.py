"""The continuous double auction: a limit order book in price-time priority (economy.md §2).

Owns the order types' rules. An incoming order trades at each standing order's price, best first,
until its limit, its quantity or an order of its own agent stops it (then its remainder is cancelled).
"""

from __future__ import annotations

from typing import Final

from econsim.domain.market.auction import Auction
from econsim.domain.market.book_side import BID, BookSide
from econsim.domain.market.mechanism import RestingOrder
from econsim.domain.market.transcript import Transcript
from econsim.schemas.orders import Action, OrderKind, Side

POST_ONLY: Final = OrderKind.POST_ONLY
FILL_OR_KILL: Final = OrderKind.FILL_OR_KILL
RESTING: Final = (OrderKind.LIMIT, OrderKind.POST_ONLY)
"""Order types whose remainder stays on the book."""


class OrderBook(Auction):
    """Limit, market, immediate-or-cancel, fill-or-kill and post-only orders.

    A market order carries a limit that protects its reservation, so it matches like
    immediate-or-cancel. Fill-or-kill is accepted, then filled whole by other agents' orders or cancelled whole.
    """

    def _refuse(self, action: Action, side: Side) -> str | None:
        if action.kind is not POST_ONLY:
            return None
        opposite, sign = self._facing(side)
        best = opposite.best()
        if best is not None and best.price * sign <= action.price * sign:
            return "post_only_order_would_cross"
        return None

    def _match(self, order: RestingOrder, out: Transcript) -> None:
        if order.kind is FILL_OR_KILL and not self._fills_whole(order):
            out.cancel(order, "fill_or_kill_not_filled")
            return
        opposite, sign = self._facing(order.side)
        limit, left, fill = order.price * sign, order.open, 0
        while left and (best := opposite.best()) and best.price * sign <= limit:
            if best.agent == order.agent:
                out.cancel(order, "self_trade_prevented")
                return
            fill += 1
            left -= out.trade(order, best, best.price, fill)
        if left and order.kind not in RESTING:
            out.cancel(order, "remainder_of_immediate_order")

    def _meets_own(self, new: Action, side: Side) -> bool:
        opposite, sign = self._facing(side)
        left = new.quantity
        for best in opposite:
            if left <= 0 or best.price * sign > new.price * sign:
                return False
            if best.agent == new.agent:
                return True
            left -= best.open
        return False

    def _fills_whole(self, order: RestingOrder) -> bool:
        opposite, sign = self._facing(order.side)
        limit, left = order.price * sign, order.open
        for best in opposite:
            if best.agent == order.agent or best.price * sign > limit:
                return False
            left -= best.open
            if left <= 0:
                return True
        return False

    def _facing(self, side: Side) -> tuple[BookSide, int]:
        """Return what an order of this side trades with, and the sign under which a lower price is better."""
        return (self.asks, 1) if side is BID else (self.bids, -1)
