"""Zero intelligence, unconstrained (Gode and Sunder 1993): any price the market allows."""

from __future__ import annotations

from econsim.domain.agent.traders.zero_intelligence import ZeroIntelligence
from econsim.schemas.orders import Side
from econsim.schemas.types import AMOUNT_MAX


class ZiU(ZeroIntelligence):
    """Quotes uniformly between the market's limits, whatever its own value or cost."""

    def bounds(self, value: int) -> tuple[int, int] | None:
        """Return the market's limits."""
        del value
        market = self.position.market
        lowest = market.price_min if self.position.side is Side.BID else market.ask_min
        return lowest // market.tick_size, market.price_max // market.tick_size

    def worth(self) -> int | None:
        """Return more than any price for a buyer, 0 for a seller: both trade at every price."""
        if self.position.value is None:
            return None
        return AMOUNT_MAX if self.position.side is Side.BID else 0
