"""A policy of one's own that earns more than random traders: it asks for a gain that shrinks as a period goes on.

`econsim run examples/policies/patient.toml --transport memory` has it trade beside random traders.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from econsim import Decision, Draws, MarketObservation, Observation, Policy

GAIN = Decimal("0.4")
"""Part of its value that a buyer wants to gain when a period opens; a seller wants as much of its cost."""

PATIENCE_TICKS = 200
"""Ticks after which it is content with any gain."""


class Patient(Policy):
    """Takes the other side's best quote once that leaves the gain it wants; until then it is one tick better than its own side."""

    def act(self, see: Observation, draws: Draws) -> Iterator[Decision | None]:
        """Quote for the next unit on each market where one is left."""
        left = Decimal(max(PATIENCE_TICKS - see.tick_of_period, 0)) / PATIENCE_TICKS
        for market in see.markets.values():
            if market.value is not None:
                yield market.quote(price(market, market.value, GAIN * left))


def price(market: MarketObservation, value: Decimal, gain: Decimal) -> Decimal:
    """Return the price to quote for a unit of this value or cost."""
    if market.side == "bid":
        most = value * (1 - gain)
        takes = market.ask is not None and market.ask <= most
        return market.ask if takes else min(most, (market.bid or market.price_min) + market.tick_size)
    least = value * (1 + gain)
    takes = market.bid is not None and market.bid >= least
    return market.bid if takes else max(least, (market.ask or market.price_max) - market.tick_size)
