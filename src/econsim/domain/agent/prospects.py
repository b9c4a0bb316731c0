"""The limits of an agent's next unit: the worst price that does not lose money, and the unit's value or cost.

Pure. Policies quote within these prices; the clock ends a period by them when no trade could gain any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from econsim.domain.agent.population import Agent, AgentRole
from econsim.schemas.agent import Limits
from econsim.schemas.orders import Side
from econsim.schemas.scenario import Market, PolicyName


def highest_bid(value: int, market: Market) -> int | None:
    """Return the most a buyer may pay for a unit without losing money: the value, rounded down to the tick.

    None if the market allows no price so low.
    """
    price = min(value // market.tick_size * market.tick_size, market.price_max)
    return price if price >= market.price_min else None


def lowest_ask(cost: int, market: Market) -> int | None:
    """Return the least a seller may take for a unit without losing money: the cost, rounded up to the tick.

    None if the market allows no price so high.
    """
    price = max(-(-cost // market.tick_size) * market.tick_size, market.ask_min)
    return price if price <= market.price_max else None


def limits_of(market: Market, value: int | None, cost: int | None) -> Limits:
    """Return the limits of a next unit: of its value if the agent may buy one, of its cost if it may sell one; net of tax."""
    bid = None if value is None else highest_bid(value, market)
    ask = None if cost is None else lowest_ask(cost, market)
    return Limits(bid, None if bid is None else value, ask, None if ask is None else cost)


def widest(every: Iterable[Limits]) -> Limits:
    """Return the best limits of both sides: if any two agents can gain by a trade, the best buyer and the best seller can."""
    bid = value = ask = cost = None
    for each in every:
        if each.bid is not None and (bid is None or (each.bid, each.value) > (bid, value)):
            bid, value = each.bid, each.value
        if each.ask is not None and (ask is None or (each.ask, each.cost) < (ask, cost)):
            ask, cost = each.ask, each.cost
    return Limits(bid, value, ask, cost)


def external_limits(
    agents: Iterable[Agent], markets: Sequence[Market], units_of: Callable[[str, str], int]
) -> dict[str, Limits]:
    """Return resource → limits of the external agents, by the units they have.

    External agents report no limits. They may buy a unit that has a value to them, and sell again any unit they have.
    """
    externals = [agent for agent in agents if agent.policy is PolicyName.EXTERNAL]
    return {
        market.resource: widest(
            _prospect(agent, market, units_of(agent.id, market.resource)) for agent in externals
        )
        for market in markets
    }


def _prospect(agent: Agent, market: Market, units: int) -> Limits:
    role = next((role for role in agent.roles if role.resource == market.resource), None)
    dealt = len(role.values) if role and role.side is Side.ASK else 0
    net = units - dealt
    value, cost = _next_unit(role, net), _next_unit(role, net - 1) if units else None
    return limits_of(
        market,
        value - market.tax_of(Side.BID),
        None if cost is None else cost + market.tax_of(Side.ASK),
    )


def _next_unit(role: AgentRole | None, net: int) -> int:
    """Return the value or cost of one unit more to an agent whose purchases exceed its sales by `net` units."""
    if role is None:
        return 0
    place = net if role.side is Side.BID else -net - 1
    return role.values[place] if 0 <= place < len(role.values) else 0
