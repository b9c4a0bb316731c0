"""Conditions of each period of a run: its markets, its agents and its clock. Pure.

Every driver, service and reader of a run asks here, and nowhere else, so that all agree about every period. What was found is
kept: readers of a log go through the periods in order, and ask many times for the same one.

    collection     holds                              entry comes    entry goes     bound
    _scenarios     first period of a stretch → what   in_period      never          stretches of the run
    _markets       first period of a stretch → those  markets        never          stretches of the run
    _agents        key of a period → its agents       agents         oldest first   KEPT_MAX
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import Final

from econsim.domain.agent.population import Agent, check_period, population, schedule
from econsim.errors import ScenarioError
from econsim.schemas.ledger import fiscal_holder
from econsim.schemas.scenario import Clock, Market, Scenario
from econsim.schemas.scenario_parts import Draw
from econsim.schemas.scenario_words import Redraw

KEPT_MAX: Final = 4
"""Populations that are kept: the first, and those of the periods that are asked for in turn."""


class Conditions:
    """Conditions of each period of a scenario: its markets, agents and clock as they hold then."""

    def __init__(self, scenario: Scenario) -> None:
        """Take a scenario that was checked."""
        self._scenario = scenario
        self._starts = [first for first, _ in scenario.stretches]
        self._redraws = _redraws(scenario)
        self._scenarios: dict[int, Scenario] = {}
        self._markets: dict[int, Mapping[str, Market]] = {}
        self._agents: dict[int, tuple[Agent, ...]] = {}

    def __getstate__(self) -> dict[str, object]:
        """Return all but what is found again from the scenario: copies of views of a run hold these conditions."""
        return {**self.__dict__, "_scenarios": {}, "_markets": {}, "_agents": {}}

    @property
    def are_drawn(self) -> bool:
        """True if values are drawn by the scenario's seed; if not, runs of all seeds have the same conditions."""
        return any(_draws(self._scenario))

    @property
    def change(self) -> bool:
        """True if anything ever differs from one period to another."""
        return self._redraws or len(self._starts) > 1

    def in_period(self, period: int) -> Scenario:
        """Return the scenario as it holds in a period; the same object for periods in which the same changes hold."""
        start = self._stretch(period)
        if start not in self._scenarios:
            self._scenarios[start] = self._scenario.in_period(start)
        return self._scenarios[start]

    def key(self, period: int) -> int:
        """Return the same number for all periods that do not differ in anything."""
        return period if self._redraws else self._stretch(period)

    def agents(self, period: int) -> tuple[Agent, ...]:
        """Return all agents as they are in a period, in the order of the scenario."""
        key = self.key(period)
        if key not in self._agents:
            if len(self._agents) >= KEPT_MAX:
                del self._agents[next(iter(self._agents))]
            self._agents[key] = population(self._scenario, key)
        return self._agents[key]

    def markets(self, period: int) -> Mapping[str, Market]:
        """Return resource → market as it is in a period, in the order of the scenario."""
        start = self._stretch(period)
        if start not in self._markets:
            self._markets[start] = {market.resource: market for market in self.in_period(period).markets}
        return self._markets[start]

    def market(self, resource: str, period: int) -> Market:
        """Return a market as it is in a period; raises KeyError for one that the scenario does not have."""
        return self.markets(period)[resource]

    @property
    def fiscal_holders(self) -> tuple[str, ...]:
        """Holders that taxes go to and subsidies come from, in the order in which they first hold."""
        held = [market for start in self._starts for market in self.in_period(start).markets]
        return tuple(dict.fromkeys(fiscal_holder(market.tax_account) for market in held if market.tax))

    def clock(self, period: int) -> Clock:
        """Return the clock as it is in a period."""
        return self.in_period(period).clock

    def schedule(self, resource: str, period: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return a market's values, highest first, and costs, lowest first, in a period, micro-credits a unit."""
        return schedule(self.agents(period), resource)

    def _stretch(self, period: int) -> int:
        """Return the first period in which the same changes hold."""
        return self._starts[max(bisect_right(self._starts, period) - 1, 0)]


def check_conditions(scenario: Scenario) -> None:
    """Raise ScenarioError as `population`, for the tables of a scenario alone and for any of its periods.

    The details of an error that only changes bring name the `change`, from 0.
    """
    population(scenario.model_copy(update={"changes": ()}))
    for first, _ in scenario.stretches if scenario.changes else ():
        try:
            check_period(scenario.in_period(first))
        except ScenarioError as error:
            named = (error.details.get("market"), error.details.get("group"))
            held = [
                (bool({change.market, change.group}.intersection(named) - {None}), place)
                for place, change in enumerate(scenario.changes)
                if change.holds_in(first)
            ]
            message = f"in period {first} {error}"
            raise ScenarioError(message, change=max(held)[1]) from None


def _redraws(scenario: Scenario) -> bool:
    """Return whether values are ever drawn anew in a period."""
    return any(draw.redraw is Redraw.PERIOD for draw in _draws(scenario))


def _draws(scenario: Scenario) -> list[Draw]:
    draws = [role.draw for group in scenario.agents for role in group.roles]
    draws += [change.draw for change in scenario.changes]
    return [draw for draw in draws if draw is not None]
