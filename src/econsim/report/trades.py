"""All trades of a market, a column each: what a summary keeps of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trades:
    """All trades of a market in order, a column each."""

    ticks: Sequence[int]
    """Tick of each trade."""
    periods: Sequence[int]
    """Trading day of each trade."""
    prices: Sequence[int]
    """Price of each trade, micro-credits a unit."""
    quantities: Sequence[int]
    """Units of each trade."""
    gains: Sequence[int]
    """Surplus each trade added, micro-credits; negative for a trade at a loss to both together."""

    def __len__(self) -> int:
        """Return how many trades there are."""
        return len(self.prices)

    def __repr__(self) -> str:
        """Return the number of trades: a notebook shows no columns of numbers."""
        return f"<{len(self):,} trades>"
