"""The private values and costs of an agent and the rules of its run, as it may ask for them. Pure."""

from __future__ import annotations

from itertools import groupby

from econsim.domain.agent.population import Agent, AgentRole
from econsim.schemas.orders import Side
from econsim.schemas.scenario import Market, Scenario
from econsim.schemas.values import MarketRules, Rules, ValuedRole, Values, Worth


def values_of(agent: Agent, period: int, rules: Rules) -> Values:
    """Return the values or costs of the units of an agent as it is in a period; neighbours of equal worth are counted together."""
    roles = tuple(_role(role) for role in agent.roles)
    return Values(credits=agent.credits, period=period, roles=roles, rules=rules)


def rules_of(scenario: Scenario, deadline_ms: int | None) -> Rules:
    """Return the rules of a scenario, as it holds in a period, to an agent with a deadline of its own; none for the scenario's."""
    clock = scenario.clock
    return Rules(
        title=scenario.title,
        instructions=scenario.instructions,
        clock=clock,
        deadline_ms=clock.deadline_ms if deadline_ms is None else deadline_ms,
        markets=tuple(map(_market, scenario.markets)),
    )


def _market(market: Market) -> MarketRules:
    return MarketRules(
        market.resource,
        market.mechanism,
        market.tick_size,
        market.price_min,
        market.price_max,
        market.lot_size,
        market.tax_of(Side.BID),
        market.tax_of(Side.ASK),
    )


def _role(role: AgentRole) -> ValuedRole:
    units = tuple(Worth(value, len(list(same))) for value, same in groupby(role.values))
    return ValuedRole(role.resource, role.side, units, role.tax)
