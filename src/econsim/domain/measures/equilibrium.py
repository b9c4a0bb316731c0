"""The competitive-equilibrium oracle: what a schedule of values and costs would trade at best.

Owns the yardstick of every efficiency and of Smith's alpha. Knows nothing of mechanisms or prices made.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
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
    """Most that values can exceed costs by, micro-credits, over all ways to trade at prices of the tick grid."""

    @property
    def price(self) -> float | None:
        """P0: the middle of the interval; none where an end is open, that is without buyers or sellers."""
        if self.price_low is None or self.price_high is None:
            return None
        return (self.price_low + self.price_high) / 2


def find_equilibrium(values: Iterable[int], costs: Iterable[int], tick_size: int = 1) -> Equilibrium:
    """Return the equilibrium of all buyers' unit values and all sellers' unit costs, in any order.

    P0 and Q0 are the schedule's own. The surplus is what can be had at prices that are multiples of
    `tick_size`, without a loss to anybody. A market's price limits are not regarded: what they cost shows.
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
    """Return the surplus of as many of the pairs as have a price of the grid each.

    The best trades are of the first units of both sides, whoever is paired with whom. If any pairing has a price
    for each, then the one of the lowest value with the lowest cost has. Fewer units never have fewer prices.
    """
    values, costs = [value for value, _ in pairs], [cost for _, cost in pairs]

    def trades(units: int) -> bool:
        matched = zip(reversed(values[:units]), costs, strict=False)
        return all(value // tick_size >= -(-cost // tick_size) for value, cost in matched)

    units = bisect_left(range(len(pairs) + 1), 1, key=lambda units: not trades(units)) - 1
    return sum(values[:units]) - sum(costs[:units])


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
