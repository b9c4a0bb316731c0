"""The competitive equilibrium of a schedule of values and costs: the most it can gain by trade. Pure.

Owns the reference of every efficiency and of Smith's alpha. Knows no mechanism and no price of a trade.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Equilibrium:
    """The intersection of demand and supply; prices in micro-credits a unit."""

    quantity: int
    """Quantity Q0: units traded, including those without surplus (value equal to cost)."""
    price_low: int | None
    """Lowest price at which demand meets supply; none if nothing bounds it from below."""
    price_high: int | None
    """Highest price at which demand meets supply; none if nothing bounds it from above."""
    surplus_max: int
    """Largest surplus of values over costs, in micro-credits, over all ways to trade at prices of the tick grid."""

    @property
    def price(self) -> float | None:
        """Price P0: the middle of the interval; none without buyers or without sellers, where an end is open."""
        if self.price_low is None or self.price_high is None:
            return None
        return (self.price_low + self.price_high) / 2


def find_equilibrium(values: Iterable[int], costs: Iterable[int], tick_size: int = 1) -> Equilibrium:
    """Return the equilibrium of all buyers' unit values and all sellers' unit costs, in any order.

    P0 and Q0 are those of the schedule. The surplus is the largest at prices that are multiples of `tick_size`,
    without a loss to anybody. A market's price limits are ignored, so that efficiency shows their cost.
    """
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
        surplus_max=_surplus(pairs, tick_size),
    )


def _surplus(pairs: Sequence[tuple[int, int]], tick_size: int) -> int:
    """Return the surplus of the largest number of pairs that have a price of the grid each.

    The best trades are of the first units of both sides, in any pairing. If any pairing has a price for each pair,
    the pairing of the lowest value with the lowest cost has. Fewer units never have fewer prices.
    """
    values, costs = [value for value, _ in pairs], [cost for _, cost in pairs]

    def trades(units: int) -> bool:
        matched = zip(reversed(values[:units]), costs, strict=False)
        return all(value // tick_size >= -(-cost // tick_size) for value, cost in matched)

    units = bisect_left(range(len(pairs) + 1), 1, key=lambda units: not trades(units)) - 1
    return sum(values[:units]) - sum(costs[:units])


def demand_curve(values: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Return the corners (units, price) of the demand curve, from the highest value down."""
    return _corners(sorted(values, reverse=True))


def supply_curve(costs: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Return the corners (units, price) of the supply curve, from the lowest cost up."""
    return _corners(sorted(costs))


def _corners(prices: list[int]) -> tuple[tuple[int, int], ...]:
    corners: list[tuple[int, int]] = []
    for units, price in enumerate(prices):
        if corners and corners[-1][1] == price:
            corners[-1] = (units + 1, price)
        else:
            corners += [(units, price), (units + 1, price)]
    return tuple(corners)
