"""The price of a coded trader within the margins of a strategy. Pure; integers, so that every machine agrees."""

from __future__ import annotations

from typing import Final

from econsim.domain.agent.prospects import highest_bid, lowest_ask
from econsim.domain.cognition.strategy import Strategy
from econsim.schemas.orders import Side
from econsim.schemas.scenario import Market

PERCENT: Final = 100
"""Percent of the whole."""


def within_margins(market: Market, side: Side, value: int, price: int, strategy: Strategy) -> int | None:
    """Return the price nearest to a policy's own that keeps the margins of a strategy; None for no quote.

    The market's grid and limits, and never to lose money, go before the margins.
    """
    least, most, size = strategy.margin_min_percent, strategy.margin_max_percent, market.tick_size
    if side is Side.BID:
        if (limit := highest_bid(value, market)) is None:
            return None
        low = -(-value * (PERCENT - most) // (PERCENT * size)) * size
        high = value * (PERCENT - least) // (PERCENT * size) * size
        return max(min(max(price, low), high, limit), market.price_min)
    if (limit := lowest_ask(value, market)) is None:
        return None
    low = -(-value * (PERCENT + least) // (PERCENT * size)) * size
    high = value * (PERCENT + most) // (PERCENT * size) * size
    return min(max(min(price, high), low, limit), market.price_max)
