"""The private values and costs of an agent, as it may ask for them. Pure."""

from __future__ import annotations

from itertools import groupby

from econsim.domain.agent.population import Agent, AgentRole
from econsim.schemas.values import ValuedRole, Values, Worth


def values_of(agent: Agent, period: int) -> Values:
    """Return the values or costs of the units of an agent as it is in a period; neighbours of equal worth are counted together."""
    return Values(credits=agent.credits, period=period, roles=tuple(_role(role) for role in agent.roles))


def _role(role: AgentRole) -> ValuedRole:
    units = tuple(Worth(value, len(list(same))) for value, same in groupby(role.values))
    return ValuedRole(role.resource, role.side, units, role.tax)
