"""The base of the random traders: a price drawn uniformly between bounds, on the tick grid."""

from __future__ import annotations

from econsim.domain.agent.random_draws import Draws
from econsim.domain.agent.traders.base import Quoter


class ZeroIntelligence(Quoter):
    """Quotes a random price; policies give the bounds, which change only when a unit is traded."""

    def bounds(self, value: int) -> tuple[int, int] | None:
        """Return the lowest and the highest price to draw for a unit of this value or cost, in ticks; None for no quote."""
        raise NotImplementedError

    def price(self, value: int, draws: Draws) -> int | None:
        """Draw a price between the bounds."""
        found = self.bounds(value)
        return None if found is None else draws.integer(*found) * self.position.market.tick_size
