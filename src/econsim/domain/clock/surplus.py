"""Surplus of one market's trades: what buyers value their units above what sellers' cost. Pure, folded trade by trade."""

from __future__ import annotations

from collections import Counter

from econsim.domain.agent.conditions import Conditions
from econsim.domain.agent.population import AgentRole
from econsim.domain.clock.period import gain


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

    def _roles_of(self, period: int) -> dict[str, AgentRole]:
        agents, resource = self._conditions.agents(period), self._resource
        return {agent.id: role for agent in agents for role in agent.roles if role.resource == resource}

    def _gain(self, agent: str, units: int) -> int:
        """Return the change of an agent's value of its holding by more units."""
        role, before = self._roles.get(agent), self._net[agent]
        self._net[agent] = before + units
        return 0 if role is None else gain(role, before + units) - gain(role, before)
