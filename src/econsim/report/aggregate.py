"""Folds the events of a run into its summary, one by one, in log order.

Pure. Keeps a few numbers for each trade and agent and nothing of the other events, so that a run of
millions of orders can be summarised while it happens.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from econsim import subjects
from econsim.domain.agent.population import Agent, population, schedule
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import Json, Record, as_record
from econsim.domain.clock.period import gain
from econsim.domain.expectation.judge import Judge
from econsim.domain.measures.equilibrium import Equilibrium, find_equilibrium
from econsim.domain.measures.measures import efficiency, smiths_alpha, weighted_mean
from econsim.errors import InvalidMessage
from econsim.report.gains import GainAggregator
from econsim.report.summary import (
    AgentSummary,
    MarketSummary,
    Period,
    Speed,
    Summary,
    Trades,
    expectation_result,
)
from econsim.report.thinking import ThinkingAggregator
from econsim.report.tools import PAID, ToolAggregator
from econsim.report.work import OF_WORK, TASK_MONEY, WorkAggregator
from econsim.schemas.expectation import MeasureExpectation
from econsim.schemas.ledger import MONEY, Kind, TransferPosted
from econsim.schemas.scenario import Market, Scenario
from econsim.schemas.types import MICROS_PER_CREDIT

_MOVING: Final = (Kind.TRANSFER, Kind.POST)
"""Kinds of transfers that change what a holder owns."""

_OF_CALLS: Final = PAID | OF_WORK | {subjects.LLM_INVOKED.type, subjects.TRANSFER_REFUSED.type}
"""Types of the events about calls of models and tools, and about questions and tasks."""


_COUNTED_ALONE: Final = frozenset(
    row.type
    for row in (
        subjects.BID_ACCEPTED,
        subjects.ORDER_CANCELLED,
        subjects.PRICE_UPDATED,
        subjects.PERIOD_OPENED,
        subjects.PERIOD_CLOSED,
    )
)
"""Types of events of which only the number matters here."""


class RunAggregator:
    """Summary of a run that grows with each event."""

    def __init__(self, *, judges: bool = True) -> None:
        """Start before the run opened; its first event must be `system.run.opened`.

        `judges` if the scenario's expectations on events are judged, too.
        """
        self._judges = judges
        self._judge: Judge | None = None
        self._opened: Record | None = None
        self._scenario: Scenario | None = None
        self._books: dict[str, _MarketAggregator] = {}
        self._agents: tuple[Agent, ...] = ()
        self._owned: dict[str, Counter[str]] = {asset: Counter() for asset in MONEY}
        self._dealt: Counter[str] = Counter()
        self._messages: Counter[str] = Counter()
        self._starts: list[int] = []
        self._tick = self._count = 0
        self._period = 1
        self._closed = self._stopped = False
        self._failure = ""
        self._letters: set[int] = set()
        self._set_aside: dict[str, str] = {}
        self._thinking = ThinkingAggregator()
        self._tools = ToolAggregator()
        self._gains = GainAggregator()
        self._work = WorkAggregator()

    def add(self, source: Record | AddressedEvent) -> None:
        """Add the next event."""
        entry = as_record(source)
        self._messages[entry.type] += 1
        self._tick = max(self._tick, entry.tick)
        self._count += 1
        if isinstance(entry.content, TransferPosted):
            self._post_entry(entry.content)
        elif entry.type not in _COUNTED_ALONE:
            self._fold(entry)
        if self._judge is not None:
            self._judge.add(entry, self._count)

    def _fold(self, entry: Record) -> None:
        match entry.type:
            case subjects.TRANSFER_POSTED.type:
                self._post(entry.data)
            case kind if kind in _OF_CALLS:
                self._call(entry)
            case subjects.TICKED.type:
                self._turn(entry)
            case subjects.RUN_OPENED.type:
                self._open(entry)
            case subjects.RUN_STOPPED.type | subjects.RUN_RESUMED.type:
                self._stopped = entry.type == subjects.RUN_STOPPED.type
            case subjects.RUN_CLOSED.type:
                self._closed, self._failure = True, entry.data.get("failure", "")
            case subjects.COGNITIVE_CYCLES_COMPLETED.type:
                failed = (item for item in entry.data["items"] if item.get("failure"))
                self._set_aside.update((item["agent"], item["failure"]) for item in failed)
            case subjects.LETTER_BURIED.type:
                self._letters.add(entry.data["sequence"])
            case _ if entry.entity in self._books:
                self._clear(entry)

    def summary(self, canonical_hash: str = "", speed: Speed | None = None) -> Summary:
        """Return the summary of the events so far; raises InvalidMessage without the run's opening."""
        if self._opened is None or self._scenario is None:
            message = "the log has no opening of this run; read it from its start"
            raise InvalidMessage(message)
        markets = tuple(book.summary(self._period) for book in self._books.values())
        thinking, gains = self._thinking.summary(self._period), self._gains.summary(self._period)
        return Summary(
            run=self._opened.correlation_id,
            scenario=self._scenario,
            ticks=self._tick,
            periods=self._period,
            period_starts=tuple(self._starts),
            closed=self._closed,
            stopped=self._stopped and not self._closed,
            failure=self._failure,
            dead_letters=len(self._letters),
            set_aside=self._set_aside,
            markets=markets,
            holders=self._holders(),
            messages=dict(sorted(self._messages.items())),
            thinking=thinking,
            tools=self._tools.summary(),
            work=self._work.summary(),
            gains=gains,
            canonical_hash=canonical_hash,
            speed=speed,
            # An unfinished run is not judged by its expectations.
            verdicts=tuple(
                expectation_result(expected, markets, thinking, gains) for expected in self._scenario.measures
            )
            if self._closed
            else (),
            judged=self._judge.close() if self._closed and self._judge else (),
        )

    def _open(self, entry: Record) -> None:
        self._opened = entry
        self._scenario = scenario = Scenario.model_validate(entry.data["scenario"])
        on_events = tuple(e for e in scenario.expectations if not isinstance(e, MeasureExpectation))
        if self._judges and on_events:
            self._judge = Judge(on_events, scenario)
        self._agents = population(scenario)
        self._thinking = ThinkingAggregator(self._agents)
        self._tools = ToolAggregator(self._agents)
        self._gains = GainAggregator(self._agents)
        self._work = WorkAggregator(self._agents)
        self._books = {m.resource: _MarketAggregator(m, scenario, self._agents) for m in scenario.markets}

    def _call(self, entry: Record) -> None:
        """Add payments for calls of models and tools, refusals of the ledger, which may be of either, or tasks."""
        if entry.type in OF_WORK:
            self._work.add(entry)
            if entry.type in TASK_MONEY:
                self._gains.settle(entry, self._starts)
            return
        if entry.type not in PAID:
            self._thinking.add(entry, self._starts)
        if entry.type != subjects.LLM_INVOKED.type:
            self._tools.add(entry)
        if entry.type != subjects.TRANSFER_REFUSED.type:
            self._gains.pay(entry, self._starts)

    def _clear(self, entry: Record) -> None:
        """Add an event of a market."""
        self._books[entry.entity].add(entry, self._period)
        if entry.type == subjects.TRADE_EXECUTED.type:
            self._gains.trade(entry, self._period)

    def _turn(self, entry: Record) -> None:
        self._period = entry.data["period"]
        if entry.data["tick_of_period"] == 1:
            self._starts.append(entry.tick)

    def _post(self, data: Json) -> None:
        for chain in data["chains"]:
            moves = [
                transfer
                for transfer in chain["transfers"]
                if transfer["asset"] in MONEY and transfer["kind"] in _MOVING
            ]
            for move in moves:
                owned = self._owned[move["asset"]]
                owned[move["debit"]] -= move["amount"]
                owned[move["credit"]] += move["amount"]
            if chain["cause"] == "endow":
                self._dealt.update({move["credit"]: move["amount"] for move in moves})

    def _post_entry(self, entry: TransferPosted) -> None:
        """Add an entry as it is in memory: to make its JSON first would take four times as long."""
        moves = [(chain.cause, each) for chain in entry.chains for each in chain.transfers]
        for cause, move in moves:
            owned = self._owned.get(move.asset)
            if owned is None or move.kind not in _MOVING:
                continue
            owned[move.debit] -= move.amount
            owned[move.credit] += move.amount
            if cause == "endow":
                self._dealt[move.credit] += move.amount

    def _holders(self) -> tuple[AgentSummary, ...]:
        holders = [self._holder(agent) for agent in self._agents]
        return tuple(sorted(holders, key=lambda holder: (holder.wealth, holder.agent)))

    def _holder(self, agent: Agent) -> AgentSummary:
        credits_, debt = (self._owned[asset][agent.id] for asset in MONEY)
        return AgentSummary(agent.id, agent.group, credits_, debt, credits_ - debt - self._dealt[agent.id])


class _MarketAggregator:
    """Trades and counts of one market."""

    def __init__(self, market: Market, scenario: Scenario, agents: tuple[Agent, ...]) -> None:
        self._market = market
        self._values, self._costs = schedule(scenario, market.resource)
        self._roles = {
            agent.id: role for agent in agents for role in agent.roles if role.resource == market.resource
        }
        self._columns = tuple(array("q") for _ in range(5))
        self._net: Counter[str] = Counter()
        self._period = 1
        self._orders = 0
        self._rejected: Counter[str] = Counter()
        self._sold: Counter[str] = Counter()
        self._first: tuple[int, str] | None = None
        self._first_arrivals: dict[int, float] = {}

    def add(self, entry: Record, period: int) -> None:
        """Add one of the market's events."""
        if period != self._period:
            self._close_period()
            self._period = period
        match entry.type:
            case subjects.ASK_ACCEPTED.type:
                for first in entry.data["items"][:1]:
                    arrived = (first["n"], first["agent"])
                    self._first = min(self._first or arrived, arrived)
            case subjects.TRADE_EXECUTED.type:
                for trade in entry.data["items"]:
                    self._trade(entry.tick, period, trade)
            case subjects.ORDER_REJECTED.type:
                self._rejected.update(item["code"] for item in entry.data["items"])
            case subjects.TICK_CLEARED.type:
                self._orders += entry.data["orders"]

    def summary(self, periods: int) -> MarketSummary:
        """Return the summary of the market so far."""
        firsts = {**self._first_arrivals, **self._first_arrival()}
        trades = Trades(*self._columns)
        equilibrium = find_equilibrium(self._values, self._costs, self._market.tick_size)
        return MarketSummary(
            resource=self._market.resource,
            mechanism=self._market.mechanism.value,
            equilibrium=equilibrium,
            values=self._values,
            costs=self._costs,
            periods=_periods(trades, equilibrium, periods, firsts),
            trades=trades,
            orders=self._orders,
            rejected=dict(sorted(self._rejected.items())),
        )

    def _close_period(self) -> None:
        self._first_arrivals |= self._first_arrival()
        self._net.clear()
        self._sold.clear()
        self._first = None

    def _first_arrival(self) -> dict[int, float]:
        """Return the period under way → share of its units that the first seller to arrive sold; empty without trades."""
        total = self._sold.total()
        return {self._period: self._sold[self._first[1]] / total} if self._first and total else {}

    def _trade(self, tick: int, period: int, trade: Json) -> None:
        quantity = trade["quantity"]
        self._sold[trade["seller"]] += quantity
        gain = self._gain(trade["buyer"], quantity) + self._gain(trade["seller"], -quantity)
        row = (tick, period, trade["price"], quantity, gain)
        for column, value in zip(self._columns, row, strict=True):
            column.append(value)

    def _gain(self, agent: str, units: int) -> int:
        """Return the change of an agent's value of its holding, in micro-credits, by more units."""
        role, before = self._roles.get(agent), self._net[agent]
        self._net[agent] = before + units
        return 0 if role is None else gain(role, before + units) - gain(role, before)


def _periods(
    trades: Trades, equilibrium: Equilibrium, count: int, first_arrivals: Mapping[int, float]
) -> tuple[Period, ...]:
    rows: dict[int, list[int]] = {number: [] for number in range(1, count + 1)}
    for index, number in enumerate(trades.periods):
        rows[number].append(index)
    return tuple(
        replace(_period(number, found, trades, equilibrium), first_arrival=first_arrivals.get(number))
        for number, found in rows.items()
    )


def _period(number: int, rows: list[int], trades: Trades, equilibrium: Equilibrium) -> Period:
    prices = [trades.prices[row] for row in rows]
    quantities = [trades.quantities[row] for row in rows]
    surplus = sum(trades.gains[row] for row in rows)
    mean_price = weighted_mean(prices, quantities)
    return Period(
        number=number,
        trades=len(rows),
        volume=sum(quantities),
        surplus=surplus,
        efficiency=efficiency(surplus, equilibrium.surplus_max),
        alpha=None if equilibrium.price is None else smiths_alpha(prices, quantities, equilibrium.price),
        mean_price=None if mean_price is None else mean_price / MICROS_PER_CREDIT,
    )
