"""Rows of the tables that take more than SQL: of runs, trading days, trades, agents and verdicts. Folded event by event; several runs one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from econsim import subjects
from econsim.domain.admission.reports import agent_facts
from econsim.domain.agent.conditions import Conditions
from econsim.domain.agent.population import Agent
from econsim.domain.audit.facts import Json, Record
from econsim.domain.audit.stored_data import StoredTick
from econsim.domain.clock.surplus import Surplus
from econsim.domain.expectation.verdict import Verdict
from econsim.report.market_aggregate import MarketAggregator
from econsim.report.summary import MarketSummary
from econsim.schemas.orders import Side
from econsim.schemas.scenario import Scenario

if TYPE_CHECKING:
    from econsim.domain.expectation.judge import Judge

READ: Final = frozenset(
    row.type
    for row in (
        subjects.RUN_OPENED,
        subjects.TICKED,
        subjects.TRADE_EXECUTED,
        subjects.RUN_CLOSED,
        subjects.RUN_STOPPED,
        subjects.RUN_RESUMED,
    )
)
"""Types of the events that rows are made of; verdicts need all events."""


class RunRows:
    """Rows of one run, as far as its events were read."""

    def __init__(self, place: int, treatment: str = "", *, judges: bool = True) -> None:
        """Start before the first event; `place` is the number of the run among those that are read, from 1.

        `judges` if there are to be verdicts.
        """
        self._judges = judges
        self.place = place
        """Number of the run among those that are read, from 1."""
        self.treatment = treatment
        """Treatment of the run in a study; empty without one."""
        self.scenario: Scenario | None = None
        """Scenario of the run; none before its opening."""
        self.period: int | None = None
        """Trading day under way; none before the first tick."""
        self._run = self._opened_at = self._failure = ""
        self._state = "open"
        self._tick = self._count = 0
        self._first_ticks: list[int] = []
        self._groups: dict[str, str] = {}
        self._markets: dict[str, tuple[MarketAggregator, Surplus]] = {}
        self._conditions: Conditions | None = None
        self._judge: Judge | None = None

    def reads(self, type_: str) -> bool:
        """Tell whether events of a type make rows or are judged; before the opening all count."""
        return type_ in READ or self._judge is not None or self.scenario is None

    def add(self, entry: Record) -> Iterator[tuple[str, Json]]:
        """Add the next event; yield the rows that it makes, each with its table."""
        self._count += 1
        match entry.type:
            case subjects.RUN_OPENED.type:
                yield from self._open(entry)
            case subjects.TICKED.type:
                self._turn(entry)
            case subjects.TRADE_EXECUTED.type:
                for trade in self._trades(entry):
                    yield "trades", trade
            case subjects.RUN_CLOSED.type:
                self._failure = entry.data.get("failure", "")
                self._state = "failed" if self._failure else "closed"
            case subjects.RUN_STOPPED.type:
                self._state = "stopped"
            case subjects.RUN_RESUMED.type:
                self._state = "open"
        if self._judge:
            self._judge.add(entry, self._count)

    def close(self) -> Iterator[tuple[str, Json]]:
        """Yield the rows that are known at the end, each with its table; no event can be added any more."""
        if self.scenario is None:
            return
        markets = [market.summary(self.period or 0) for market, _ in self._markets.values()]
        days = [row for market in markets for row in self._periods(market)]
        yield (
            "runs",
            self._row()
            | {
                "title": self.scenario.title,
                "opened_at": self._opened_at,
                "state": self._state,
                "failure": self._failure,
                "ticks": self._tick,
                "periods": self.period or 0,
                "periods_wanted": self.scenario.clock.periods,
                "efficiency": _efficiency(days),
                "tax": sum(day.tax for market in markets for day in market.periods),
            },
        )
        for row in days:
            yield "periods", row
        if self._judge:
            is_whole = self._state in {"closed", "failed"}
            for verdict in self._judge.close() if is_whole else self._judge.verdicts():
                yield "verdicts", self._row() | _verdict_row(verdict)

    def _row(self) -> Json:
        return {"run_place": self.place, "run": self._run}

    def _open(self, entry: Record) -> Iterator[tuple[str, Json]]:
        self.scenario = scenario = Scenario.model_validate(entry.data["scenario"])
        self._run, self._opened_at = entry.correlation_id, entry.occurred_at
        self._conditions = conditions = Conditions(scenario)
        agents = conditions.agents(1)
        self._groups = {agent.id: agent.group for agent in agents}
        self._markets = {
            market.resource: (MarketAggregator(market, conditions), Surplus(market.resource, conditions))
            for market in scenario.markets
        }
        if self._judges and scenario.expectations:
            # Few scenarios have any, and the forms of all events, which a judge knows, take long to load.
            from econsim.report.judging import judge  # noqa: PLC0415

            self._judge = judge(scenario)
        for row in self._agents(agents):
            yield "agents", row

    def _agents(self, agents: Iterable[Agent]) -> Iterator[Json]:
        for agent in agents:
            known = agent_facts(self._run, agent).model_dump()
            yield (
                self._row()
                | known
                | {"agent": agent.id, "group_name": agent.group, "endowment": agent.credits}
            )

    def _turn(self, entry: Record) -> None:
        stored = entry.stored
        period = stored.period if isinstance(stored, StoredTick) else entry.data["period"]
        self._tick, self.period = entry.tick, period
        if len(self._first_ticks) < period:
            self._first_ticks.append(entry.tick)
            for _, surplus in self._markets.values():
                surplus.begin_period(period)

    def _trades(self, entry: Record) -> Iterator[Json]:
        market, surplus = self._markets.get(entry.entity, (None, None))
        if market:
            market.add(entry, self.period or 1)
        for trade in entry.data["items"]:
            buyer, seller = trade["buyer"], trade["seller"]
            value, cost = surplus.worths(buyer, seller, trade["quantity"]) if surplus else (None, None)
            bid_tax, ask_tax = self._taxes(entry.entity, trade["quantity"])
            yield {
                "run_place": self.place,
                "run": entry.correlation_id,
                "period": self.period,
                "tick": entry.tick,
                "resource": entry.entity,
                **trade,
                "buyer_group": self._groups.get(buyer),
                "seller_group": self._groups.get(seller),
                "buyer_value": value,
                "seller_cost": cost,
                "buyer_tax": bid_tax,
                "seller_tax": ask_tax,
            }

    def _taxes(self, resource: str, units: int) -> tuple[int, int]:
        """Return what buyer and seller of units traded pay as tax, micro-credits."""
        if self._conditions is None or resource not in self._markets:
            return 0, 0
        market = self._conditions.market(resource, self.period or 1)
        return market.tax_of(Side.BID) * units, market.tax_of(Side.ASK) * units

    def _periods(self, market: MarketSummary) -> Iterator[Json]:
        starts = self._first_ticks
        for day in market.periods:
            free, held = day.equilibrium, day.constrained
            assert free
            assert held
            is_last = day.number == len(starts)
            yield self._row() | {
                "period": day.number,
                "resource": market.resource,
                "mechanism": market.mechanism,
                "first_tick": starts[day.number - 1],
                "last_tick": self._tick if is_last else starts[day.number] - 1,
                "whole": not is_last or self._state == "closed",
                "trades": day.trades,
                "volume": day.volume,
                "mean_price": day.mean_price,
                "surplus": day.surplus,
                "surplus_max": free.surplus_max,
                "efficiency": day.efficiency,
                "alpha": day.alpha,
                "equilibrium_low": free.price_low,
                "equilibrium_high": free.price_high,
                "equilibrium_quantity": free.quantity,
                "constrained_surplus_max": held.surplus_max,
                "constrained_efficiency": day.constrained_efficiency,
                "constrained_alpha": day.constrained_alpha,
                "constrained_low": held.price_low,
                "constrained_high": held.price_high,
                "constrained_quantity": held.quantity,
                "tax": day.tax,
            }


def _efficiency(days: Sequence[Json]) -> float | None:
    """Return the surplus of all days over the most possible, where any is possible; a fraction."""
    able = [day for day in days if day["surplus_max"]]
    return sum(day["surplus"] for day in able) / sum(day["surplus_max"] for day in able) if able else None


def _verdict_row(verdict: Verdict) -> Json:
    shown = verdict.as_json()
    return {
        name: shown[name] for name in ("name", "form", "outcome", "message", "missed_by", "expectation")
    } | {
        "witness": [each.event_id for each in verdict.witness],
        "nearest": verdict.nearest.event_id if verdict.nearest else None,
    }
