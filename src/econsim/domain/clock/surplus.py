"""Surplus of one market's trades: what buyers value their units above what sellers' cost. Pure, folded trade by trade."""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

from econsim.domain.agent.conditions import Conditions
from econsim.domain.agent.population import AgentRole
from econsim.domain.clock.period import gain
from econsim.schemas.orders import Side


class SurplusShares(NamedTuple):
    """Surplus of one market by who has it, micro-credits: worth of what was traded, less what was paid for it."""

    buyers: int = 0
    """Surplus of the agents whose role is to buy: their values less the prices they paid."""
    sellers: int = 0
    """Surplus of the agents whose role is to sell: the prices they got less their costs."""
    others: int = 0
    """Surplus of agents without a role on the market, who gain by prices alone."""

    @property
    def total(self) -> int:
        """Return the surplus of all: prices are paid by one and got by another, so they cancel out."""
        return sum(self)


NO_SURPLUS: Final = SurplusShares()
"""Surplus before the first trade."""


class Surplus:
    """Values and costs of the units that the agents of a market traded in the period under way."""

    def __init__(self, resource: str, conditions: Conditions) -> None:
        """Start before the first trade."""
        self._resource = resource
        self._conditions = conditions
        self._roles = self._roles_of(1)
        self._net: Counter[str] = Counter()

    def begin_period(self, period: int) -> None:
        """Forget what was traded: the first unit of the new period is the most valuable again."""
        self._net.clear()
        if self._conditions.change:
            self._roles = self._roles_of(period)

    def trade(self, buyer: str, seller: str, units: int) -> int:
        """Add a trade; return what it adds to the surplus, micro-credits."""
        return self._gain(buyer, units) + self._gain(seller, -units)

    def worths(self, buyer: str, seller: str, units: int) -> tuple[int | None, int | None]:
        """Add a trade; return the value of its units to the buyer and their cost to the seller, micro-credits.

        None for an agent that has no private value there.
        """
        value, cost = self._gain(buyer, units), -self._gain(seller, -units)
        return value if buyer in self._roles else None, cost if seller in self._roles else None

    def split(self, buyer: str, seller: str, units: int, price: int) -> SurplusShares:
        """Add a trade at a price of a unit; return what it adds to the surplus of each side, micro-credits."""
        value, cost = self.worths(buyer, seller, units)
        paid = price * units
        bought, sold = (value or 0) - paid, paid - (cost or 0)
        first, second = self._roles.get(buyer), self._roles.get(seller)
        # Nearly every trade: both sides as their roles say. An agent may also resell what it bought.
        if first and second and first.side is Side.BID and second.side is Side.ASK:
            return SurplusShares(bought, sold)
        shares = Counter({first.side if first else None: bought})
        shares[second.side if second else None] += sold
        return SurplusShares(shares[Side.BID], shares[Side.ASK], shares[None])

    def _roles_of(self, period: int) -> dict[str, AgentRole]:
        agents, resource = self._conditions.agents(period), self._resource
        return {agent.id: role for agent in agents for role in agent.roles if role.resource == resource}

    def _gain(self, agent: str, units: int) -> int:
        """Return the change of an agent's value of its holding by more units."""
        role, before = self._roles.get(agent), self._net[agent]
        self._net[agent] = before + units
        return 0 if role is None else gain(role, before + units) - gain(role, before)
