"""Zero intelligence, unconstrained (Gode and Sunder 1993): any price the market allows."""

from __future__ import annotations

from econsim.domain.agent.random_draws import Draws
from econsim.domain.agent.traders.base import Quoter
from econsim.schemas.orders import Side
from econsim.schemas.types import AMOUNT_MAX


class ZiU(Quoter):
    """Quotes uniformly between the market's limits, whatever its own value or cost."""

    def price(self, value: int, draws: Draws) -> int | None:
        """Draw any price on the market's grid."""
        del value
        market = self.position.market
        size = market.tick_size
        return draws.integer(market.price_min // size, market.price_max // size) * size

    def worth(self) -> int | None:
        """Return more than any price for a buyer, 0 for a seller: both trade at every price."""
        if self.position.value is None:
            return None
        return AMOUNT_MAX if self.position.side is Side.BID else 0
