"""The competitive equilibrium of a schedule of values and costs: the most it can gain by trade. Pure.

Owns the references of every efficiency and of Smith's alpha: the free one, and the one that price limits and taxes leave.
Knows no mechanism and no price of a trade.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from operator import ge

from econsim.schemas.orders import Side
from econsim.schemas.scenario_parts import Market


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
        surplus_max=_surplus(
            pairs,
            lambda value: value // tick_size * tick_size,
            lambda cost: -(-cost // tick_size) * tick_size,
        ),
    )


def find_constrained(values: Sequence[int], costs: Sequence[int], market: Market) -> Equilibrium:
    """Return the equilibrium that the price limits and the tax of a market leave, and its constrained optimum.

    The prices are those of the schedule net of tax, moved to the nearest price allowed: under a binding ceiling the price is
    the ceiling, and the quantity is that of the short side. The optimum is the largest surplus of values over costs of any
    trades at prices allowed that leave nobody with a loss after tax: those of the best units of both sides, so under a ceiling
    the buyers who value a unit most are served first (efficient rationing). A tax is no loss: its account has it.
    """
    bid_tax, ask_tax = market.tax_of(Side.BID), market.tax_of(Side.ASK)
    size, low, high = market.tick_size, market.ask_min, market.price_max

    def bid(value: int) -> int:
        return min((value - bid_tax) // size * size, high)

    def ask(cost: int) -> int:
        return max(-(-(cost + ask_tax) // size) * size, low)

    demand = sorted((value for value in values if bid(value) >= low), reverse=True)
    supply = sorted(cost for cost in costs if ask(cost) <= high)
    net = find_equilibrium((v - bid_tax for v in values), (c + ask_tax for c in costs), size)
    pairs = list(zip(demand, supply, strict=False))
    return replace(
        net,
        quantity=sum(value - bid_tax >= cost + ask_tax for value, cost in pairs),
        price_low=None if net.price_low is None else min(max(net.price_low, low), high),
        price_high=None if net.price_high is None else min(max(net.price_high, low), high),
        surplus_max=_surplus([(value, cost) for value, cost in pairs if value >= cost], bid, ask),
    )


def _surplus(pairs: Sequence[tuple[int, int]], bid: Callable[[int], int], ask: Callable[[int], int]) -> int:
    """Return the surplus of the largest number of pairs that have a price of the grid each.

    The best trades are of the first units of both sides, in any pairing. If any pairing has a price for each pair,
    the pairing of the lowest value with the lowest cost has. Fewer units never have fewer prices. `bid` gives the highest
    price of the grid for a value, `ask` the lowest for a cost.
    """
    # Each price is found once: the search compares those of thousands of units a dozen times.
    bids, asks = [bid(value) for value, _ in pairs], [ask(cost) for _, cost in pairs]

    def trades(units: int) -> bool:
        return all(map(ge, reversed(bids[:units]), asks))

    units = bisect_left(range(len(pairs) + 1), 1, key=lambda units: not trades(units)) - 1
    return sum(value - cost for value, cost in pairs[:units])


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
