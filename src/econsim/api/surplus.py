"""Surplus of a run by who has it, from its trades: worth of what agents traded, less what they paid for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, Literal

from econsim import subjects
from econsim.domain.agent.conditions import Conditions
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import Record, as_record
from econsim.domain.clock.surplus import Surplus
from econsim.schemas.orders import Side
from econsim.schemas.scenario import Scenario

By = Literal["side", "group"]
"""Division of the surplus: by the side of an agent's role on the market, or by its group."""

SIDES: Final = {Side.BID: "buyers", Side.ASK: "sellers", None: "others"}
"""Side of an agent's role on a market → its word in a table; an agent without a role there gains by prices alone."""

_NOBODY: Final = ""

Row = tuple[str, int, str, str, int]
"""Run, period, market, side or group, and surplus in micro-credits."""


def surplus_rows(run: str, scenario: Scenario, events: Iterable[AddressedEvent], by: By) -> Iterator[Row]:
    """Yield the surplus of each period, market and side or group; the parts of a period add up to its whole surplus."""
    shares = _Shares(scenario, by)
    for addressed in events:
        if addressed.type == subjects.TRADE_EXECUTED.type:
            shares.trade(as_record(addressed))
        elif addressed.type == subjects.PERIOD_CLOSED.type:
            period = as_record(addressed).data["period"]
            yield from ((run, period, *row) for row in shares.take(period))


class _Shares:
    """Surplus of the period under way by market and part."""

    def __init__(self, scenario: Scenario, by: By) -> None:
        conditions = Conditions(scenario)
        agents = conditions.agents(1)
        self._groups = {agent.id: agent.group for agent in agents}
        self._sides = {(agent.id, role.resource): role.side for agent in agents for role in agent.roles}
        self._folds = {market.resource: Surplus(market.resource, conditions) for market in scenario.markets}
        self._by = by
        self._parts = [*SIDES.values()] if by == "side" else [group.name for group in scenario.agents]
        self._found: Counter[tuple[str, str]] = Counter()

    def trade(self, entry: Record) -> None:
        """Add the trades of an event; each agent's gain by itself."""
        resource, fold = entry.entity, self._folds[entry.entity]
        for trade in entry.data["items"]:
            buyer, seller, units = trade["buyer"], trade["seller"], trade["quantity"]
            paid = trade["price"] * units
            self._found[resource, self._part(buyer, resource)] += fold.trade(buyer, _NOBODY, units) - paid
            self._found[resource, self._part(seller, resource)] += fold.trade(_NOBODY, seller, units) + paid

    def take(self, period: int) -> list[tuple[str, str, int]]:
        """Return market, part and surplus of a period, and begin the next."""
        rows = [(name, part, self._found[name, part]) for name in self._folds for part in self._parts]
        self._found.clear()
        for fold in self._folds.values():
            fold.begin_period(period + 1)
        return rows

    def _part(self, agent: str, resource: str) -> str:
        return SIDES[self._sides.get((agent, resource))] if self._by == "side" else self._groups[agent]
