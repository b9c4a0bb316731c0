"""The price of a coded trader within the margins of a strategy. Pure; integers, so that every machine agrees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from econsim.domain.cognition.strategy import Strategy
from econsim.schemas.orders import Side

if TYPE_CHECKING:
    from econsim.domain.agent.traders.base import TraderPosition

PERCENT: Final = 100
"""Percent of the whole."""


def within_margins(position: TraderPosition, value: int, price: int | None, strategy: Strategy) -> int | None:
    """Return the price nearest to a policy's own that keeps the strategy's margins; None for no quote.

    The market's grid and limits, and never to lose money, go before the margins.
    """
    limit = position.worst(value)
    if price is None or limit is None:
        return None
    market, least, most = position.market, strategy.margin_min_percent, strategy.margin_max_percent
    step = PERCENT * market.tick_size
    if position.side is Side.BID:
        low = -(-value * (PERCENT - most) // step) * market.tick_size
        high = value * (PERCENT - least) // step * market.tick_size
        return max(min(max(price, low), high, limit), market.price_min)
    low = -(-value * (PERCENT + least) // step) * market.tick_size
    high = value * (PERCENT + most) // step * market.tick_size
    return min(max(min(price, high), low, limit), market.price_max)
