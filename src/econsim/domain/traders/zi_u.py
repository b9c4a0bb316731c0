"""Zero intelligence, unconstrained (Gode and Sunder 1993): any price the market allows."""

from __future__ import annotations

from econsim.domain.draws import Draws
from econsim.domain.traders.base import Quoter
from econsim.schemas.orders import Side


class ZiU(Quoter):
    """Quotes uniformly between the market's limits, whatever its own value or cost."""

    def price(self, draws: Draws) -> int | None:
        """Draw any price on the market's grid."""
        market = self.hand.market
        if self.hand.value is None:
            return None
        size = market.tick_size
        return draws.integer(market.price_min // size, market.price_max // size) * size

    def limit(self) -> int | None:
        """Return the market's own limit: it may pay that much, or take that little."""
        if self.hand.value is None:
            return None
        market = self.hand.market
        return market.price_max if self.hand.side is Side.BID else market.price_min
