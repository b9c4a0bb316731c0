"""The double auction of Gode and Sunder (1993): one best bid, one best ask, single units.

Owns its rules: a quote must improve its side's best (a replacement too), a better quote displaces the
standing one, a crossing quote trades at the standing quote's price, and a trade cancels all quotes.
"""

from __future__ import annotations

from econsim.domain.market.auction import Auction
from econsim.domain.market.mechanism import RestingOrder
from econsim.domain.market.transcript import Transcript
from econsim.schemas.orders import Action, OrderKind, Side


class ZiDoubleAuction(Auction):
    """Best bid and best ask only.

    A quote that would trade with its own agent's is accepted, then cancelled (`self_trade_prevented`);
    what stood before it stays.
    """

    def _refuse(self, action: Action, side: Side) -> str | None:
        if action.quantity != 1:
            return "quotes_are_for_one_unit"
        if action.kind is not OrderKind.LIMIT:
            return "market_takes_limit_orders_only"
        best = self.side(side).best()
        if best is None:
            return None
        if side is Side.BID:
            return "bid_must_improve_best_bid" if action.price <= best.price else None
        return "ask_must_improve_best_ask" if action.price >= best.price else None

    def _match(self, order: RestingOrder, out: Transcript) -> None:
        # The order is its side's best by now: whatever did not improve was refused.
        bid, ask = self.bids.best(), self.asks.best()
        if bid is None or ask is None or bid.price < ask.price:
            self._cancel_others(order, out)
            return
        if bid.agent == ask.agent:
            out.cancel(order, "self_trade_prevented")
            return
        standing = ask if order is bid else bid
        out.trade(order, standing, standing.price, 1)
        for other in self.in_arrival_order():
            out.cancel(other, "trade_cleared_all_quotes")

    def _cancel_others(self, order: RestingOrder, out: Transcript) -> None:
        for other in list(self.side(order.side)):
            if other is not order:
                out.cancel(other, "displaced_by_better_quote")
