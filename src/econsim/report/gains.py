"""Net gains in a run's summary: worth of what a group's agents traded, less what they paid for it, in taxes, for thoughts, tools and tasks."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from econsim import subjects
from econsim.domain.agent.conditions import Conditions
from econsim.domain.agent.population import Agent
from econsim.domain.audit.facts import Json, Record
from econsim.domain.clock.period import gain
from econsim.schemas.orders import Side
from econsim.schemas.types import MICROS_PER_CREDIT


@dataclass(frozen=True, slots=True)
class GroupGains:
    """Net gains of one group."""

    group: str
    """Group of the agents."""
    periods: tuple[float, ...]
    """Net gain of each trading day in order: credits, a mean over the group's agents."""


class GainAggregator:
    """Net gains of a run, folded event by event."""

    def __init__(self, conditions: Conditions | None = None) -> None:
        """Start before the run's first trade; without conditions, before its opening."""
        self._conditions = conditions
        self._taxes: dict[tuple[str, int], tuple[int, int]] = {}
        self._cash: Counter[tuple[str, int]] = Counter()
        self._net: Counter[tuple[str, str, int]] = Counter()
        self._tasks: dict[str, Json] = {}

    def trade(self, entry: Record, period: int) -> None:
        """Add the trades of one market in a period."""
        for trade in entry.data["items"]:
            terms = trade["price"], trade["quantity"], trade["buyer"], trade["seller"]
            self.exchange(entry.entity, period, *terms)

    def exchange(  # noqa: PLR0913, PLR0917 - the terms of a trade
        self, resource: str, period: int, price: int, units: int, buyer: str, seller: str
    ) -> None:
        """Add one trade."""
        bid_tax, ask_tax = self._tax(resource, period)
        self._cash[buyer, period] -= (price + bid_tax) * units
        self._cash[seller, period] += (price - ask_tax) * units
        self._net[buyer, resource, period] += units
        self._net[seller, resource, period] -= units

    def pay(self, entry: Record, period_starts: Sequence[int]) -> None:
        """Add what agents paid for calls: of models several in one event, of tools one."""
        calls: list[Json] = entry.data["items"] if entry.type == subjects.LLM_INVOKED.type else [entry.data]
        period = bisect_right(period_starts, entry.tick)
        for call in calls:
            self._cash[call["agent"], period] -= call["price"]

    def settle(self, entry: Record, period_starts: Sequence[int]) -> None:
        """Add the price of a task: its delegator paid it to its taker, if the result was approved."""
        if entry.type == subjects.TASK_DELEGATED.type:
            self._tasks[entry.data["task_id"]] = entry.data
        elif task := self._tasks.pop(entry.data["task_id"], None):
            period = bisect_right(period_starts, entry.tick)
            self._cash[task["delegator"], period] -= entry.data["paid"]
            self._cash[task["taker"], period] += entry.data["paid"]

    def summary(self, periods: int) -> tuple[GroupGains, ...]:
        """Return the net gains of each group, in the order of the scenario."""
        if self._conditions is None:
            return ()
        groups: dict[str, list[float]] = {agent.group: [] for agent in self._conditions.agents(1)}
        for day in range(1, periods + 1):
            members: dict[str, list[int]] = {}
            for agent in self._conditions.agents(day):
                members.setdefault(agent.group, []).append(self._gain(agent, day))
            for group, gains in members.items():
                groups[group].append(sum(gains) / (len(gains) * MICROS_PER_CREDIT))
        return tuple(GroupGains(group, tuple(found)) for group, found in groups.items())

    def _gain(self, agent: Agent, period: int) -> int:
        worth = sum(gain(role, self._net[agent.id, role.resource, period]) for role in agent.roles)
        return worth + self._cash[agent.id, period]

    def _tax(self, resource: str, period: int) -> tuple[int, int]:
        """Return what a buyer and a seller pay for a unit beside its price, micro-credits."""
        key = resource, period
        if key not in self._taxes:
            market = self._conditions.market(resource, period) if self._conditions else None
            sides = (Side.BID, Side.ASK)
            bid, ask = (0, 0) if market is None else (market.tax_of(side) for side in sides)
            self._taxes[key] = bid, ask
        return self._taxes[key]
