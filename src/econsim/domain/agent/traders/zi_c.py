"""Zero intelligence, constrained (Gode and Sunder 1993): random prices that never lose money."""

from __future__ import annotations

from econsim.domain.agent.random_draws import Draws
from econsim.domain.agent.traders.base import Quoter
from econsim.schemas.orders import Side


class ZiC(Quoter):
    """Quotes uniformly between the market's limit and its own value or cost, on the tick grid."""

    def price(self, value: int, draws: Draws) -> int | None:
        """Draw a price that does not lose money."""
        limit = self.position.worst(value)
        if limit is None:
            return None
        market = self.position.market
        size = market.tick_size
        if self.position.side is Side.BID:
            return draws.integer(market.price_min // size, limit // size) * size
        return draws.integer(limit // size, market.price_max // size) * size
