"""Zero intelligence, constrained (Gode and Sunder 1993): random prices that never lose money."""

from __future__ import annotations

from econsim.domain.agent.traders.zero_intelligence import ZeroIntelligence
from econsim.schemas.orders import Side


class ZiC(ZeroIntelligence):
    """Quotes uniformly between the market's limit and its own value or cost, on the tick grid."""

    def bounds(self, value: int) -> tuple[int, int] | None:
        """Return bounds between which no price loses money."""
        limit = self.position.worst(value)
        if limit is None:
            return None
        market = self.position.market
        size = market.tick_size
        if self.position.side is Side.BID:
            return market.price_min // size, limit // size
        return limit // size, market.price_max // size
