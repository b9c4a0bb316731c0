"""Agents' units, credits and debt, folded from the log alone: dealt, traded, spent on calls, held for tasks, and redeemed.

Pure. The clock settles a period by these numbers and not by the ledger's: after a crash in the middle of a settlement the
ledger has moved a part already, but the log gives the same numbers again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from econsim.domain.agent.population import Agent
from econsim.domain.clock.period import HeldPrice, gain
from econsim.schemas.ledger import CREDITS, DEBT
from econsim.schemas.market import TradeExecuted
from econsim.schemas.orders import Side
from econsim.schemas.scenario import Market
from econsim.schemas.social_events import TaskDelegated, TaskOffered, TaskRefused, TaskSettled


class Holdings:
    """Every agent's units, credits and debt in the present period, before it is settled."""

    def __init__(self, agents: Iterable[Agent]) -> None:
        """Start with what agents are dealt when the run opens; `open_period` before trades of markets with taxes."""
        self._agents = tuple(agents)
        self._markets: Mapping[str, Market] = {}
        self._net_worth = Counter({agent.id: agent.credits for agent in self._agents})
        self._dealt = _dealt(self._agents)
        self._cash: Counter[str] = Counter()
        self._net: Counter[tuple[str, str]] = Counter()
        self._delegated: dict[str, HeldPrice] = {}
        self._held: dict[str, HeldPrice] = {}

    def open_period(self, agents: Iterable[Agent], markets: Mapping[str, Market]) -> None:
        """Have the agents and markets of a period, once the one before is settled."""
        self._agents, self._markets = tuple(agents), markets
        self._dealt = _dealt(self._agents)

    def trade(self, resource: str, trade: TradeExecuted) -> None:
        """Fold a trade; each must be folded once."""
        paid = trade.price * trade.quantity
        if (market := self._markets.get(resource)) is not None:
            self._cash[trade.buyer] -= market.tax_of(Side.BID) * trade.quantity
            self._cash[trade.seller] -= market.tax_of(Side.ASK) * trade.quantity
        self._cash[trade.buyer] -= paid
        self._cash[trade.seller] += paid
        self._net[trade.buyer, resource] += trade.quantity
        self._net[trade.seller, resource] -= trade.quantity

    def spend(self, agent: str, price: int, resource: str | None, units: int) -> None:
        """Fold the cost of a call: micro-credits, and units of the token resource; each call must be folded once."""
        self._cash[agent] -= price
        if resource is not None:
            self._net[agent, resource] -= units

    def fold_task(self, change: TaskDelegated | TaskRefused | TaskOffered | TaskSettled) -> None:
        """Fold the money of a task: held by the service once it is offered, its payee's once it is settled; none if it is refused."""
        id_ = change.task_id
        match change:
            case TaskDelegated():
                self._delegated[id_] = HeldPrice(id_, change.delegator, change.taker, change.price)
            case TaskRefused():
                self._delegated.pop(id_, None)
            case TaskOffered() if held := self._delegated.pop(id_, None):
                self._held[id_] = held
                self._cash[held.delegator] -= held.price
            case TaskSettled() if held := self._held.pop(id_, None):
                self._cash[held.taker if change.paid else held.delegator] += held.price

    def end_tasks(self) -> list[HeldPrice]:
        """Give every price that is held back to its delegator; return them."""
        held = [each for each in self._held.values() if each.price]
        for each in held:
            self._cash[each.delegator] += each.price
        self._held.clear()
        return held

    def close_period(self) -> None:
        """Settle the period: agents gain the worth of their units, and the units go back."""
        for agent in self._agents:
            gains = sum(gain(role, self._net[agent.id, role.resource]) for role in agent.roles)
            self._net_worth[agent.id] += self._cash[agent.id] + gains
        self._cash.clear()
        self._net.clear()

    def balance(self, agent: str, asset: str) -> int:
        """Return an agent's units, credits or debt, whether reserved or not.

        After a settlement no agent has both credits and debt, so one number, credits less debt, gives both.
        """
        if asset == CREDITS:
            return max(self._net_worth[agent], 0) + self._cash[agent]
        if asset == DEBT:
            return max(-self._net_worth[agent], 0)
        return self._dealt.get((agent, asset), 0) + self._net[agent, asset]


def _dealt(agents: Iterable[Agent]) -> dict[tuple[str, str], int]:
    """Return agent and resource → units dealt at the opening of a period."""
    return {(agent.id, resource): units for agent in agents for resource, units in agent.dealt.items()}
