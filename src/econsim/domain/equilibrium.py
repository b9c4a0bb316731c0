"""The competitive-equilibrium oracle: what a schedule of values and costs would trade at best.

Owns the yardstick of every efficiency and of Smith's alpha. Knows nothing of mechanisms or prices made.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Equilibrium:
    """Where demand meets supply; prices in micro-credits a unit."""

    quantity: int
    """Q0: units traded, those of no surplus (value equal to cost) included."""
    price_low: int | None
    """Lowest price at which demand meets supply; none where nothing bounds it from below."""
    price_high: int | None
    """Highest such price; none where nothing bounds it from above."""
    surplus_max: int
    """Most that values can exceed costs by, micro-credits, over all ways to trade."""

    @property
    def price(self) -> float | None:
        """P0: the middle of the interval; none where an end is open, that is without buyers or sellers."""
        if self.price_low is None or self.price_high is None:
            return None
        return (self.price_low + self.price_high) / 2


def find_equilibrium(values: Iterable[int], costs: Iterable[int]) -> Equilibrium:
    """Return the equilibrium of all buyers' unit values and all sellers' unit costs, in any order."""
    demand, supply = sorted(values, reverse=True), sorted(costs)
    pairs = [(value, cost) for value, cost in zip(demand, supply, strict=False) if value >= cost]
    quantity = len(pairs)
    # The price must keep the traded units in (upper row) and the others out (lower row).
    floors = supply[quantity - 1 : quantity] if quantity else []
    ceilings = demand[quantity - 1 : quantity] if quantity else []
    floors += demand[quantity : quantity + 1]
    ceilings += supply[quantity : quantity + 1]
    return Equilibrium(
        quantity=quantity,
        price_low=max(floors, default=None),
        price_high=min(ceilings, default=None),
        surplus_max=sum(value - cost for value, cost in pairs),
    )


def demand_curve(values: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Return the corners (units, price) of the demand stair, from the highest value down."""
    return _stair(sorted(values, reverse=True))


def supply_curve(costs: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Return the corners (units, price) of the supply stair, from the lowest cost up."""
    return _stair(sorted(costs))


def _stair(prices: list[int]) -> tuple[tuple[int, int], ...]:
    corners: list[tuple[int, int]] = []
    for units, price in enumerate(prices):
        if corners and corners[-1][1] == price:
            corners[-1] = (units + 1, price)
        else:
            corners += [(units, price), (units + 1, price)]
    return tuple(corners)
