"""Money and goods in and out of the economy: endowments, induced values redeemed, costs paid.

Pure: returns ledger chains, one an agent, with ids derived from the period, the agent and the asset,
so that repeating any of them changes nothing. Over a period an agent's credits change by exactly its
profit, and the sum of profits is the surplus realised.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from econsim.domain.population import Agent, AgentRole
from econsim.errors import RunFailed
from econsim.schemas.ledger import CREDITS, TREASURY, Chain, Kind, Refusal, Transfer
from econsim.schemas.market import TradeExecuted
from econsim.schemas.money import format_credits
from econsim.schemas.orders import Side

UnitsHeld = Callable[[str, str], int]
"""(agent, resource) → units it owns."""


def endow(agents: Iterable[Agent]) -> list[Chain]:
    """Return the chains that deal each agent its credits, once, when the run opens."""
    chains: list[Chain] = []
    for agent in agents:
        id_ = f"endow.{agent.id}"
        legs = [_in(f"{id_}.{CREDITS}", agent.id, CREDITS, agent.credits)]
        chains += _chain(id_, "endow", legs)
    return chains


def deal(agents: Iterable[Agent], period: int) -> list[Chain]:
    """Return the chains that deal each seller the units it may sell in a period."""
    chains: list[Chain] = []
    for agent in agents:
        id_ = f"deal.{period}.{agent.id}"
        legs = [
            _in(f"{id_}.{role.resource}", agent.id, role.resource, len(role.values))
            for role in agent.roles
            if role.side is Side.ASK
        ]
        chains += _chain(id_, f"deal.{period}", legs)
    return chains


def redeem(agents: Iterable[Agent], period: int, units_held: UnitsHeld) -> list[Chain]:
    """Return the chains that end a period, when books are empty and nothing is reserved.

    A buyer returns its units and is paid the values of its first ones; then a seller pays the costs of
    its first units sold and returns the rest. Values come first, so that they can pay for costs.
    """
    chains: list[Chain] = []
    for agent in agents:
        id_ = f"redeem.{period}.{agent.id}"
        roles = sorted(agent.roles, key=lambda role: role.side is Side.ASK)
        legs = [leg for role in roles for leg in _settle(id_, agent.id, role, units_held)]
        chains += _chain(id_, f"redeem.{period}", legs)
    return chains


def require(chains: Sequence[Chain], refused: Mapping[str, Refusal]) -> None:
    """Raise RunFailed if the ledger refused one of the clock's own chains: an economy with a part of its money is none."""
    lost = [chain for chain in chains if chain.id in refused]
    if lost:
        more = f", and {len(lost) - 1} chains more" if len(lost) > 1 else ""
        message = (
            f"the ledger refused {_told(lost[0])}: {refused[lost[0].id].value} (chain {lost[0].id}{more})"
        )
        raise RunFailed(message)


def worth(role: AgentRole, units_traded: int) -> int:
    """Return the values or costs, in micro-credits, of a role's first units; more than it has count 0."""
    return sum(role.values[: max(units_traded, 0)])


def realised_surplus(agents: Iterable[Agent], trades: Iterable[tuple[str, TradeExecuted]]) -> int:
    """Return values of units bought minus costs of units sold, in micro-credits, from a period's trades.

    `trades` are (resource, trade). Independent of the ledger: prices do not enter.
    """
    net = net_bought(trades)
    surplus = 0
    for agent in agents:
        for role in agent.roles:
            units = net[agent.id, role.resource]
            surplus += worth(role, units) if role.side is Side.BID else -worth(role, -units)
    return surplus


def net_bought(trades: Iterable[tuple[str, TradeExecuted]]) -> Counter[tuple[str, str]]:
    """Return (agent, resource) → units bought minus units sold."""
    net: Counter[tuple[str, str]] = Counter()
    for resource, trade in trades:
        net[trade.buyer, resource] += trade.quantity
        net[trade.seller, resource] -= trade.quantity
    return net


def _told(chain: Chain) -> str:
    """Say what a chain was to move."""
    return ", ".join(
        f"{format_credits(leg.amount) if leg.asset == CREDITS else leg.amount} {leg.asset} "
        f"from {leg.debit} to {leg.credit}"
        for leg in chain.transfers
    )


def _settle(id_: str, agent: str, role: AgentRole, units_held: UnitsHeld) -> Iterator[Transfer]:
    held = units_held(agent, role.resource)
    stem = f"{id_}.{role.resource}"
    yield _out(f"{stem}.units", agent, role.resource, held)
    if role.side is Side.BID:
        yield _in(f"{stem}.value", agent, CREDITS, worth(role, held))
    else:
        yield _out(f"{stem}.cost", agent, CREDITS, worth(role, len(role.values) - held))


def _in(id_: str, agent: str, asset: str, amount: int) -> Transfer:
    return Transfer(id_, Kind.TRANSFER, TREASURY, agent, asset, amount)


def _out(id_: str, agent: str, asset: str, amount: int) -> Transfer:
    return Transfer(id_, Kind.TRANSFER, agent, TREASURY, asset, amount)


def _chain(id_: str, cause: str, legs: Iterable[Transfer]) -> list[Chain]:
    """Return the chain of the legs that move anything, if any do: the ledger refuses empty movements."""
    moving = tuple(leg for leg in legs if leg.amount)
    return [Chain(id_, cause, moving)] if moving else []
