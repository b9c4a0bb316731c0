"""The truthful trader: quotes exactly its value or cost."""

from __future__ import annotations

from econsim.domain.agent.random_draws import Draws
from econsim.domain.agent.traders.base import Quoter


class Truthful(Quoter):
    """Quotes its own value or cost, to the market's grid."""

    def price(self, value: int, draws: Draws) -> int | None:
        """Return the value rounded down, or the cost rounded up, to the tick size."""
        del draws
        return self.position.worst(value)
