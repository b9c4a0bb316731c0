"""The equilibria of one market in each period of a run: the references of its efficiency and of its alpha. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from econsim.domain.agent.conditions import Conditions
from econsim.domain.measures.equilibrium import Equilibrium, find_constrained, find_equilibrium
from econsim.schemas.scenario_parts import Market

SCHEDULES_KEPT: Final = 64
"""Schedules whose equilibria a process keeps: those of the markets of a batch's treatments, which the runs of all seeds share."""


class Optima:
    """The free and the constrained equilibrium of one market, period by period; each is found once."""

    def __init__(self, conditions: Conditions, resource: str) -> None:
        """Take the conditions of a run."""
        self._conditions = conditions
        self._resource = resource
        self._found: dict[int, tuple[Equilibrium, Equilibrium]] = {}

    def free_optimum(self, period: int) -> Equilibrium:
        """Return the equilibrium of a period's values and costs, without price limits and taxes."""
        return self._of(period)[0]

    def constrained_optimum(self, period: int) -> Equilibrium:
        """Return the equilibrium of a period within the price limits, after the tax; equal to the free one where neither binds."""
        return self._of(period)[1]

    def possible(self, periods: int) -> int:
        """Return the most surplus of the first periods together, micro-credits, without price limits and taxes."""
        if not self._conditions.change:
            return periods * self.free_optimum(1).surplus_max
        return sum(self.free_optimum(period).surplus_max for period in range(1, periods + 1))

    def _of(self, period: int) -> tuple[Equilibrium, Equilibrium]:
        key = self._conditions.key(period)
        if key not in self._found:
            values, costs = self._conditions.schedule(self._resource, period)
            self._found[key] = _equilibria(values, costs, self._conditions.market(self._resource, period))
        return self._found[key]


@lru_cache(SCHEDULES_KEPT)
def _equilibria(
    values: tuple[int, ...], costs: tuple[int, ...], market: Market
) -> tuple[Equilibrium, Equilibrium]:
    return find_equilibrium(values, costs, market.tick_size), find_constrained(values, costs, market)
