"""Warnings of what a scenario asks for and can never happen: units beyond a period, lists without an agent, orders without the means. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from econsim.domain.scenario.scenario_warning import Key, ScenarioWarning
from econsim.schemas.money import format_credits
from econsim.schemas.orders import Side, Verb
from econsim.schemas.scenario import Group, Market, MechanismName, PolicyName, Role, Scenario
from econsim.schemas.scenario_cognition import CODED


def feasibility_warnings(scenario: Scenario) -> Iterator[ScenarioWarning]:
    """Yield the warnings, group by group."""
    markets = {market.resource: market for market in scenario.markets}
    # Units to think with are a stock: nobody has a private value for them, and no surplus is lost.
    tokens = scenario.cognition.resource if scenario.cognition else None
    for place, group in enumerate(scenario.agents):
        key: Key = ("agents", place)
        for number, role in enumerate(group.roles):
            where = (*key, "roles", number)
            yield from _lists(where, group, role)
            if group.policy in CODED and role.resource != tokens:
                yield from _units(where, role, markets[role.resource], scenario.clock.ticks_per_period)
        yield from _script(key, group, markets)
    yield from _hosts(scenario)


def _lists(key: Key, group: Group, role: Role) -> Iterator[ScenarioWarning]:
    """Warn of lists of values that no agent has."""
    if (spare := len(role.values) - group.count) > 0:
        what = (
            f"{len(role.values)} lists of values for {group.count} agent{'s' * (group.count != 1)} of group {group.name!r}: "
            f"the last {spare} {'are' if spare > 1 else 'is'} nobody's"
        )
        yield ScenarioWarning((*key, "values"), what, "leave them out, or raise count")


def _units(key: Key, role: Role, market: Market, ticks: int) -> Iterator[ScenarioWarning]:
    """Warn of more units than a coded agent, which has one order a tick, can trade; in a call it quotes for all at once."""
    units = max(map(len, role.values), default=role.units)
    if units > ticks and market.mechanism is not MechanismName.CALL_AUCTION:
        what = (
            f"an agent has {units} units and one order a tick, and a period has {ticks} ticks: "
            "it can never trade them all"
        )
        name = "values" if role.values else "units"
        yield ScenarioWarning((*key, name), what, "give it fewer units, or the period more ticks")


def _script(key: Key, group: Group, markets: Mapping[str, Market]) -> Iterator[ScenarioWarning]:
    """Warn of the first scripted order on each market that its agent cannot pay for, or has no units for."""
    dealt = {
        role.resource: max(map(len, role.values), default=role.units)
        for role in group.roles
        if role.side is Side.ASK
    }
    bought = {step.resource for step in group.script if step.verb is Verb.BID}
    for row, step in enumerate(group.script):
        where: Key = (*key, "script", row)
        if step.resource not in markets:
            continue
        cost = (step.price + markets[step.resource].reserved_tax) * step.quantity
        if step.verb is Verb.BID and cost > group.credits and not dealt:
            what = (
                f"order {step.order_id!r} of {step.quantity} at {format_credits(step.price)} costs {format_credits(cost)}, "
                f"and the agent has {format_credits(group.credits)}: it will be refused"
            )
            yield ScenarioWarning((*where, "price"), what, "deal it more credits, or bid less")
        if (
            step.verb is Verb.ASK
            and step.resource not in bought
            and step.quantity > dealt.get(step.resource, 0)
        ):
            what = (
                f"order {step.order_id!r} asks for {step.quantity} of {step.resource!r}, and the agent is dealt "
                f"{dealt.get(step.resource, 0)}: it will be refused"
            )
            yield ScenarioWarning((*where, "quantity"), what, 'give it a role with side = "ask" there')


def _hosts(scenario: Scenario) -> Iterator[ScenarioWarning]:
    """Warn of hosts without an agent."""
    hosted = sum(group.count for group in scenario.agents if group.policy is not PolicyName.EXTERNAL)
    if scenario.hosts > max(hosted, 1):
        what = f"{scenario.hosts} hosts for {hosted} agents: {scenario.hosts - hosted} have none"
        yield ScenarioWarning(("hosts",), what, f"use at most {max(hosted, 1)}")
