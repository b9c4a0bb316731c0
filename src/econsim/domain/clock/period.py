"""Money and goods in and out of the economy: endowments, induced values redeemed, costs paid.

Pure: returns ledger chains, one an agent, with ids derived from the period, the agent and the asset,
so that repeating any of them is idempotent. Over a period what an agent owns less what it owes changes
by exactly its profit, and the sum of profits is the surplus realised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from econsim.domain.agent.population import Agent, AgentRole
from econsim.errors import RunFailed
from econsim.schemas.ledger import (
    CREDITS,
    DEBT,
    TASKS_HOLDER,
    TREASURY,
    Chain,
    Kind,
    Refusal,
    Transfer,
    format_amount,
)
from econsim.schemas.orders import Side


@dataclass(frozen=True, slots=True)
class HeldPrice:
    """The price of a task that the social service holds."""

    task_id: str
    """Id of the task."""
    delegator: str
    """Agent that delegated the task and gets the price back unless the result is approved."""
    taker: str
    """Agent that gets the price if the result is approved."""
    price: int
    """Price in micro-credits."""


BalanceOf = Callable[[str, str], int]
"""Function (agent, asset) → units the agent owns, micro-credits it owns, or micro-credits it owes."""


def endow(agents: Iterable[Agent]) -> list[Chain]:
    """Return the chains that deal each agent its credits, once, when the run opens."""
    chains: list[Chain] = []
    for agent in agents:
        id_ = f"endow.{agent.id}"
        legs = [_in(f"{id_}.{CREDITS}", agent.id, CREDITS, agent.credits)]
        chains += _chain(id_, "endow", legs)
    return chains


def deal(agents: Iterable[Agent], period: int) -> list[Chain]:
    """Return the chains that deal each agent the units it may sell, or think with, in a period."""
    chains: list[Chain] = []
    for agent in agents:
        id_ = f"deal.{period}.{agent.id}"
        legs = [
            _in(f"{id_}.{resource}", agent.id, resource, units) for resource, units in agent.dealt.items()
        ]
        chains += _chain(id_, f"deal.{period}", legs)
    return chains


def redeem(agents: Iterable[Agent], resources: Iterable[str], period: int, balance: BalanceOf) -> list[Chain]:
    """Return the chains that end a period, when books are empty and nothing is reserved.

    All units go back. An agent is paid the values of the first units it bought, repays what it owes, and
    pays the costs of the first units it sold, in this order and as far as its credits go. Costs it cannot
    pay it owes from then on, so no chain is ever more than its agent has.
    """
    every = tuple(resources)
    chains: list[Chain] = []
    for agent in agents:
        id_ = f"redeem.{period}.{agent.id}"
        chains += _chain(id_, f"redeem.{period}", _settle(id_, agent, every, balance))
    return chains


def return_held(held: Iterable[HeldPrice]) -> list[Chain]:
    """Return the chains that give the prices of open tasks back to their delegators when the run ends."""
    return [
        Chain(
            f"{each.task_id}.returned",
            each.task_id,
            (
                Transfer(
                    f"{each.task_id}.returned.{CREDITS}",
                    Kind.TRANSFER,
                    TASKS_HOLDER,
                    each.delegator,
                    CREDITS,
                    each.price,
                ),
            ),
        )
        for each in held
    ]


def require_applied(chains: Sequence[Chain], refused: Mapping[str, Refusal]) -> None:
    """Raise RunFailed if the ledger refused one of the clock's own chains: an economy with a part of its money is invalid."""
    lost = [chain for chain in chains if chain.id in refused]
    if lost:
        more = f", and {len(lost) - 1} chains more" if len(lost) > 1 else ""
        message = f"the ledger refused {_description(lost[0])}: {refused[lost[0].id].value} (chain {lost[0].id}{more})"
        raise RunFailed(message)


def worth(role: AgentRole, units_traded: int) -> int:
    """Return the values or costs, in micro-credits, of a role's first units; more than it has count 0."""
    return sum(role.values[: max(units_traded, 0)])


def gain(role: AgentRole, net: int) -> int:
    """Return the worth of units bought (or sold, if negative) to their agent: values, or costs as a negative number."""
    return worth(role, net) if role.side is Side.BID else -worth(role, -net)


def _description(chain: Chain) -> str:
    """Return the movements of a chain as text."""
    return ", ".join(
        f"{format_amount(leg.amount, leg.asset)} {leg.asset} from {leg.debit} to {leg.credit}"
        for leg in chain.transfers
    )


def _settle(id_: str, agent: Agent, resources: Iterable[str], balance: BalanceOf) -> list[Transfer]:
    name = agent.id
    legs = [
        _out(f"{id_}.{resource}.units", name, resource, units)
        for resource in resources
        if (units := balance(name, resource))
    ]
    credits_ = balance(name, CREDITS)
    for role in agent.roles:
        if role.side is Side.BID and (value := worth(role, balance(name, role.resource))):
            legs.append(_in(f"{id_}.{role.resource}.value", name, CREDITS, value))
            credits_ += value
    if repaid := min(balance(name, DEBT), credits_):
        legs.append(_out(f"{id_}.{CREDITS}.repaid", name, CREDITS, repaid))
        legs.append(_out(f"{id_}.{DEBT}.repaid", name, DEBT, repaid))
        credits_ -= repaid
    missing = 0
    for role in agent.roles:
        if role.side is Side.ASK and (cost := worth(role, len(role.values) - balance(name, role.resource))):
            if paid := min(cost, credits_):
                legs.append(_out(f"{id_}.{role.resource}.cost", name, CREDITS, paid))
            credits_ -= paid
            missing += cost - paid
    if missing:
        legs.append(_in(f"{id_}.{DEBT}.owed", name, DEBT, missing))
    return legs


def _in(id_: str, agent: str, asset: str, amount: int) -> Transfer:
    return Transfer(id_, Kind.TRANSFER, TREASURY, agent, asset, amount)


def _out(id_: str, agent: str, asset: str, amount: int) -> Transfer:
    return Transfer(id_, Kind.TRANSFER, agent, TREASURY, asset, amount)


def _chain(id_: str, cause: str, legs: Iterable[Transfer]) -> list[Chain]:
    """Return the chain of the legs that move anything, if any do: the ledger refuses empty movements."""
    moving = tuple([leg for leg in legs if leg.amount])
    return [Chain(id_, cause, moving)] if moving else []
