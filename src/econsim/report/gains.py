"""Net gains in a run's summary: worth of what a group's agents traded, less what they paid for it, for thoughts, tools and tasks."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from econsim import subjects
from econsim.domain.agent.population import Agent
from econsim.domain.audit.facts import Json, Record
from econsim.domain.clock.period import gain
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

    def __init__(self, agents: Iterable[Agent] = ()) -> None:
        """Start before the run's first trade."""
        self._agents = tuple(agents)
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
        self._cash[buyer, period] -= price * units
        self._cash[seller, period] += price * units
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
        groups: dict[str, list[Agent]] = {}
        for agent in self._agents:
            groups.setdefault(agent.group, []).append(agent)
        days = range(1, periods + 1)
        return tuple(
            GroupGains(group, tuple(self._mean(members, day) for day in days))
            for group, members in groups.items()
        )

    def _mean(self, members: Sequence[Agent], period: int) -> float:
        total = sum(self._gain(agent, period) for agent in members)
        return total / (len(members) * MICROS_PER_CREDIT)

    def _gain(self, agent: Agent, period: int) -> int:
        worth = sum(gain(role, self._net[agent.id, role.resource, period]) for role in agent.roles)
        return worth + self._cash[agent.id, period]
