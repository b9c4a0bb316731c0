"""A scenario's groups expanded into agents: ids, hosts, and the private value or cost of each unit.

Pure. The clock deals to these agents, hosts run them, the oracle and the report read their schedule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain, pairwise
from typing import Final

from econsim.domain.agent.drawn_values import draw_values
from econsim.errors import ScenarioError
from econsim.schemas.immutable import immutable
from econsim.schemas.ledger import CHAINS_PER_SUBMISSION_MAX
from econsim.schemas.money import format_credits
from econsim.schemas.names import is_agent_name_reserved
from econsim.schemas.orders import Side
from econsim.schemas.scenario import (
    Group,
    Market,
    MechanismName,
    PolicyName,
    PolicyPath,
    Role,
    Scenario,
    ScriptedAction,
)
from econsim.schemas.scenario_cognition import Cognition, Thinking
from econsim.schemas.types import NAME_LENGTH_MAX

ID_DIGITS_MIN: Final = 3
"""Digits of the number in an agent's id, at least: ids sort in the order of their numbers."""

CALL_QUOTES_MAX: Final = CHAINS_PER_SUBMISSION_MAX
"""Units that the agents of a call auction quote for together: one submission to the ledger reserves them all."""


@immutable
class AgentRole:
    """One agent's role on one market."""

    resource: str
    """Resource of the market."""
    side: Side
    """Side of the role: `bid`, a buyer with redemption values; `ask`, a seller with costs."""
    values: tuple[int, ...]
    """Value or cost of each unit, micro-credits, in the order the units are traded; none in a period without the agent."""
    tax: int = 0
    """Tax on each unit that the agent trades in this role, micro-credits, beside the price; negative for a subsidy."""

    @property
    def net_values(self) -> tuple[int, ...]:
        """Price at which each unit is worth nothing more: its value less the tax, or its cost with the tax."""
        if not self.tax:
            return self.values
        tax = -self.tax if self.side is Side.BID else self.tax
        return tuple(value + tax for value in self.values)


@immutable
class Agent:
    """One agent of a run."""

    id: str
    """Id of the agent: its name in subjects, at the ledger and in reports."""
    group: str
    """Group of the agent in the scenario."""
    policy: PolicyName | PolicyPath
    """Policy by which the agent decides."""
    host: int | None
    """Index of the host that runs the agent, from 0; None for an external agent."""
    roles: tuple[AgentRole, ...]
    """Roles of the agent, at most one a market."""
    credits: int
    """Credits dealt to the agent when the run opens, micro-credits."""
    activity_percent: int
    """Chance, in percent, that the agent acts on a market at a tick."""
    script: tuple[ScriptedAction, ...]
    """Actions of a scripted agent."""
    tokens: tuple[str, int] | None = None
    """Token resource of the scenario and its units dealt to the agent at every period; None for an agent without."""
    trader: PolicyName | None = None
    """Policy of the coded trader that a strategist's model writes the parameters of; None for other policies."""
    present: bool = True
    """False in a period without the agent: it has no units and no values, and does not act."""

    @property
    def dealt(self) -> dict[str, int]:
        """Resource → units dealt to the agent at every period: those it may sell, and those it may think with."""
        units = {role.resource: len(role.values) for role in self.roles if role.side is Side.ASK}
        if self.tokens is not None:
            resource, more = self.tokens
            units[resource] = units.get(resource, 0) + more
        return units


def host_name(index: int) -> str:
    """Return the name of the host with this index: 0 is `host_1`."""
    return f"host_{index + 1}"


def chooses_quantities(policy: PolicyName | PolicyPath) -> bool:
    """Return whether agents of a policy choose quantities and number of their orders; the others quote for single units."""
    return isinstance(policy, PolicyPath) or policy in (PolicyName.EXTERNAL, PolicyName.SCRIPTED)


def population(scenario: Scenario, period: int = 1) -> tuple[Agent, ...]:
    """Return all agents of a scenario as they are in a period, in the order it declares them.

    Only roles, taxes, activity and presence differ from period to period (`conditions.Conditions` keeps them).

    Hosts hold contiguous ranges of nearly equal size. Raises ScenarioError for ids that are reserved, too long or used
    twice; for lot sizes that traders of single units cannot trade; for values that rise or costs that fall from unit to
    unit; for more units than a call auction takes quotes for; and for templates of prompts with unknown places.
    """
    scenario = scenario.in_period(period)
    check_period(scenario)
    markets = {market.resource: market for market in scenario.markets}
    hosted_count = sum(group.count for group in scenario.agents if group.policy is not PolicyName.EXTERNAL)
    agents: list[Agent] = []
    hosted = 0
    for group in scenario.agents:
        if group.thinking is not None:
            from econsim.domain.cognition.prompt import check_thinking  # noqa: PLC0415 - loads much, and few scenarios have agents that think

            check_thinking(group.thinking, group.name)
        for index, id_ in enumerate(_ids(group)):
            host = None
            if group.policy is not PolicyName.EXTERNAL:
                host = hosted * scenario.hosts // hosted_count
                hosted += 1
            roles = tuple(
                _role(role, index, group, markets[role.resource], (scenario.seed, id_, period))
                for role in group.roles
            )
            agent = Agent(
                id_,
                group.name,
                group.policy,
                host,
                roles,
                group.credits,
                group.activity_percent,
                group.script,
                _tokens(scenario.cognition, group) if group.present else None,
                _trader(group),
                group.present,
            )
            agents.append(agent)
    _check_ids(agents)
    return tuple(agents)


def check_period(scenario: Scenario) -> None:
    """Raise ScenarioError as `population` for what may be wrong in one period alone: lots, values, quotes.

    Looks at groups, not at agents: a scenario of many agents and changes is checked before its run opens.
    """
    markets = {market.resource: market for market in scenario.markets}
    for group in scenario.agents:
        _check_lots(group, markets)
        _check_values(group)
    for market in scenario.markets:
        if market.mechanism is MechanismName.CALL_AUCTION:
            _check_quotes(scenario.agents, market)


def schedule(agents: Iterable[Agent], resource: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return a market's values, highest first, and costs, lowest first, in micro-credits a unit."""
    roles = [role for agent in agents for role in agent.roles if role.resource == resource]
    values = [value for role in roles if role.side is Side.BID for value in role.values]
    costs = [cost for role in roles if role.side is Side.ASK for cost in role.values]
    return tuple(sorted(values, reverse=True)), tuple(sorted(costs))


def _ids(group: Group) -> Iterable[str]:
    if group.policy is PolicyName.EXTERNAL and group.count == 1:
        return (group.name,)
    width = max(ID_DIGITS_MIN, len(str(group.count)))
    return (f"{group.name}_{number:0{width}}" for number in range(1, group.count + 1))


def _role(role: Role, index: int, group: Group, market: Market, draws: tuple[int, str, int]) -> AgentRole:
    """Return one agent's role: lists of values are used in turn; between first and last, agents are spaced evenly.

    `draws` are the seed, the agent and the period by which values are drawn.
    """
    tax = market.tax_of(role.side)
    if not group.present:
        return AgentRole(role.resource, role.side, (), tax)
    if role.draw is not None:
        seed, agent, period = draws
        found = draw_values(role.draw, role.units, market.tick_size, (seed, agent, role.resource), period)
        return AgentRole(role.resource, role.side, tuple(sorted(found, reverse=role.side is Side.BID)), tax)
    if role.first is None or role.last is None:
        return AgentRole(role.resource, role.side, role.values[index % len(role.values)], tax)
    value = _between(role.first, role.last, index, group.count, market.tick_size)
    return AgentRole(role.resource, role.side, (value,) * role.units, tax)


def _between(first: int, last: int, index: int, count: int, tick_size: int) -> int:
    """Return point `index` of `count` even ones from first to last, to the nearest tick, halves up, never beyond them."""
    if count == 1:
        return first
    ticks = tick_size * (count - 1)
    exact = first * (count - 1) + (last - first) * index
    rounded = (2 * exact + ticks) // (2 * ticks) * tick_size
    return min(max(rounded, min(first, last)), max(first, last))


def _tokens(cognition: Cognition | None, group: Group) -> tuple[str, int] | None:
    """Return the token resource and its units dealt to each agent of a group; None without any."""
    if group.thinking is None or not group.thinking.units:
        return None
    if cognition is None or cognition.resource is None:
        message = (
            f"group {group.name!r} is dealt units to think with, but cognition names no resource for them"
        )
        raise ScenarioError(message, key="thinking", group=group.name)
    return cognition.resource, group.thinking.units


def _trader(group: Group) -> PolicyName | None:
    if group.policy is not PolicyName.LLM_STRATEGIST:
        return None
    return (group.thinking or Thinking()).trader or PolicyName.ZIP


def _check_lots(group: Group, markets: Mapping[str, Market]) -> None:
    if chooses_quantities(group.policy):
        return
    for role in group.roles:
        lot_size = markets[role.resource].lot_size
        if lot_size != 1:
            message = (
                f"market {role.resource!r} has lot_size {lot_size}, but {group.policy} agents of group "
                f"{group.name!r} trade single units; use lot_size = 1"
            )
            raise ScenarioError(message, key="roles", group=group.name)


def _check_quotes(groups: Iterable[Group], market: Market) -> None:
    """Refuse more quotes than a call takes in: agents quote for all their units at once, and each must count."""
    total = 0
    for group in groups:
        role = next((role for role in group.roles if role.resource == market.resource), None)
        if role is None or not group.present or chooses_quantities(group.policy):
            continue
        total += role.units_of(group.count)
        for id_, units in zip(_ids(group), role.values or ((0,) * role.units,), strict=False):
            if len(units) > market.open_orders_max:
                message = (
                    f"agent {id_!r} quotes for all its {len(units)} units at once in call auction {market.resource!r}, "
                    f"but open_orders_max is {market.open_orders_max}"
                )
                raise ScenarioError(message, key="roles", group=group.name)
    most = min(market.book_orders_max, CALL_QUOTES_MAX)
    if total > most:
        message = f"agents quote for {total} units at once in call auction {market.resource!r}; at most {most} are taken"
        raise ScenarioError(message, key="mechanism", market=market.resource)


def _check_values(group: Group) -> None:
    """Refuse values that rise and costs that fall: an agent's first units are its best, or surplus would be missed."""
    for role in group.roles:
        buys = role.side is Side.BID
        for before, after in chain.from_iterable(pairwise(units) for units in role.values):
            if after > before if buys else after < before:
                what = "a buyer's values must not rise" if buys else "a seller's costs must not fall"
                message = (
                    f"{what} from unit to unit, but those of group {group.name!r} go from "
                    f"{format_credits(before)} to {format_credits(after)}; put the best unit first"
                )
                raise ScenarioError(message, key="roles", group=group.name)


def _check_ids(agents: Iterable[Agent]) -> None:
    seen: set[str] = set()
    for agent in agents:
        if is_agent_name_reserved(agent.id):
            message = f"agent id {agent.id!r} is reserved for the system; rename group {agent.group!r}"
            raise ScenarioError(message, key="name", group=agent.group)
        if len(agent.id) > NAME_LENGTH_MAX:
            message = (
                f"agent id {agent.id!r} is longer than {NAME_LENGTH_MAX} characters; "
                f"shorten the name of group {agent.group!r}"
            )
            raise ScenarioError(message, key="name", group=agent.group)
        if agent.id in seen:
            message = f"agent id {agent.id!r} is used twice; rename group {agent.group!r}"
            raise ScenarioError(message, key="name", group=agent.group)
        seen.add(agent.id)
