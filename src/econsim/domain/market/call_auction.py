"""The call auction: quotes collected over a window, cleared at one uniform price (economy.md §2).

Owns the choice of the price (`clearing_price`) and who trades at the margin. Quotes are one-shot:
what does not trade when the window is cleared is cancelled.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate

from econsim.domain.agent.random_draws import Draws
from econsim.domain.market.auction import Auction
from econsim.domain.market.mechanism import RestingOrder
from econsim.domain.market.transcript import Transcript
from econsim.schemas.orders import Action, OrderKind, Side
from econsim.schemas.scenario import Rationing


class CallAuction(Auction):
    """Limit orders of any quantity; until the window is cleared the book is open to see and may be crossed.

    An incoming quote that crosses one of its own agent's is accepted, then cancelled
    (`self_trade_prevented`), so no clearing price can match an agent with itself.
    """

    def __init__(self, tick_size: int = 1, rationing: Rationing = Rationing.PRICE_TIME) -> None:
        """Start empty; prices are multiples of `tick_size` micro-credits."""
        super().__init__()
        self._tick_size = tick_size
        self._rationing = rationing

    def _refuse(self, action: Action, side: Side) -> str | None:  # noqa: ARG002  # the mechanisms' common form
        return None if action.kind is OrderKind.LIMIT else "market_takes_limit_orders_only"

    def _match(self, order: RestingOrder, out: Transcript) -> None:
        if any(_would_trade(order, own) for own in self.of_agent(order.agent)):
            out.cancel(order, "self_trade_prevented")

    def _clear(self, draws: Draws, out: Transcript) -> None:
        price = clearing_price(self.bids, self.asks, self._tick_size)
        if price is not None:
            bids = self._eligible([bid for bid in self.bids if bid.price >= price], draws)
            asks = self._eligible([ask for ask in self.asks if ask.price <= price], draws)
            _pair(bids, asks, price, out)
        for order in self.in_arrival_order():
            out.cancel(order, "not_cleared")

    def _eligible(self, orders: list[RestingOrder], draws: Draws) -> list[RestingOrder]:
        """Return the orders in the order they trade: better prices first, ties by arrival or by lot."""
        if self._rationing is Rationing.PRICE_TIME:
            return orders
        better_first = -1 if orders[0].side is Side.BID else 1
        return sorted(orders, key=lambda order: (order.price * better_first, draws.bits()))


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


def _would_trade(order: RestingOrder, own: RestingOrder) -> bool:
    if own.side is order.side:
        return False
    bid, ask = (order, own) if order.side is Side.BID else (own, order)
    return bid.price >= ask.price


def _pair(bids: list[RestingOrder], asks: list[RestingOrder], price: int, out: Transcript) -> None:
    """Fill bids with asks in turn until one side is used up; a bid's fills are counted from 1."""
    supply = iter(asks)
    ask = next(supply, None)
    for bid in bids:
        left, fill = bid.open, 0
        while left and ask is not None:
            fill += 1
            left -= out.trade(bid, ask, price, fill)
            if not ask.open:
                ask = next(supply, None)
