"""Folds the events of one market into its summary, one by one. Pure; `aggregate.RunAggregator` does so for a run."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from operator import add

from econsim import subjects
from econsim.domain.agent.conditions import Conditions
from econsim.domain.agent.optima import Optima
from econsim.domain.audit.facts import Record
from econsim.domain.audit.stored_data import (
    AcceptedItem,
    RejectedItem,
    StoredData,
    StoredItems,
    StoredSummary,
    TradedItem,
)
from econsim.domain.clock.surplus import NO_SURPLUS, Surplus, SurplusShares
from econsim.domain.execution.coded_facts import Cleared, PriceChange
from econsim.domain.execution.coded_items import AcceptedAsks, ItemRows, RejectedRows, TradeRows
from econsim.domain.measures.measures import efficiency, smiths_alpha, weighted_mean
from econsim.report.point_series import PointSeries
from econsim.report.summary import MarketSummary, Period, Quoted
from econsim.report.trades import Trades
from econsim.schemas.scenario import Market
from econsim.schemas.types import MICROS_PER_CREDIT


class MarketAggregator:
    """Trades and counts of one market."""

    def __init__(self, market: Market, conditions: Conditions) -> None:
        """Start before the first event."""
        self._market = market
        self._conditions = conditions
        self._optima = Optima(conditions, market.resource)
        self._values, self._costs = conditions.schedule(market.resource, 1)
        self._columns = tuple(array("q") for _ in range(5))
        self._surplus = Surplus(market.resource, conditions)
        self._shares: defaultdict[int, SurplusShares] = defaultdict(SurplusShares)
        self._quotes: PointSeries[Quoted] = PointSeries()
        self._period = 1
        self._orders = 0
        self._rejected: Counter[str] = Counter()
        self._sold: Counter[str] = Counter()
        self._first: tuple[int, str] | None = None
        self._first_arrivals: dict[int, float] = {}

    def add(self, entry: Record, period: int) -> None:
        """Add one of the market's events."""
        self._turn(period)
        match entry.type:
            case subjects.ASK_ACCEPTED.type:
                for first in entry.data["items"][:1]:
                    self._arrive(first["n"], first["agent"])
            case subjects.TRADE_EXECUTED.type:
                for trade in entry.data["items"]:
                    terms = trade["price"], trade["quantity"], trade["buyer"], trade["seller"]
                    self._trade(entry.tick, period, *terms)
            case subjects.ORDER_REJECTED.type:
                self._rejected.update(item["code"] for item in entry.data["items"])
            case subjects.TICK_CLEARED.type:
                self._orders += entry.data["orders"]
                quote = entry.data["quote"]
                self._quotes.add(entry.tick, (quote["bid"], quote["ask"]))

    def add_rows(self, content: ItemRows | Cleared | PriceChange, tick: int, period: int) -> None:
        """Add one of the market's events that is not made yet."""
        self._turn(period)
        match content:
            case AcceptedAsks(rows=rows):
                self._arrive(rows[0][0], rows[0][1][2])
            case TradeRows(rows=rows):
                for _, _, price, buyer, seller, *_ in rows:
                    self._trade(tick, period, price, 1, buyer, seller)
            case RejectedRows(rows=rows):
                self._rejected.update([row[3] for row in rows])
            case Cleared(orders=orders, quote=(bid, ask, _)):
                self._orders += orders
                self._quotes.add(tick, (bid, ask))

    def add_stored(self, data: StoredData, tick: int, period: int) -> None:
        """Add one of the market's events by its data as its service wrote them."""
        self._turn(period)
        match data:
            case StoredSummary(orders=orders, quote=quote):
                self._orders += orders
                self._quotes.add(tick, (quote.bid, quote.ask))
            case StoredItems(items=[RejectedItem(), *_] as items):
                for item in items:
                    self._rejected[item.code] += 1
            case StoredItems(items=[TradedItem(), *_] as items):
                for item in items:
                    self._trade(tick, period, item.price, item.quantity, item.buyer, item.seller)
            case StoredItems(items=[AcceptedItem() as first, *_]):
                self._arrive(first.n, first.agent)

    def summary(self, periods: int) -> MarketSummary:
        """Return the summary of the market so far."""
        firsts = {**self._first_arrivals, **self._first_arrival()}
        trades = Trades(*self._columns)
        return MarketSummary(
            resource=self._market.resource,
            mechanism=self._market.mechanism.value,
            equilibrium=self._optima.free_optimum(1),
            values=self._values,
            costs=self._costs,
            periods=self._periods(trades, periods, firsts),
            trades=trades,
            quotes=tuple(self._quotes.points),
            orders=self._orders,
            rejected=dict(sorted(self._rejected.items())),
        )

    def _turn(self, period: int) -> None:
        """Close the period before, if a new one began."""
        if period != self._period:
            self._close_period(period)
            self._period = period

    def _arrive(self, n: int, seller: str) -> None:
        self._first = min(self._first or (n, seller), (n, seller))

    def _close_period(self, following: int) -> None:
        self._first_arrivals |= self._first_arrival()
        self._surplus.begin_period(following)
        self._sold.clear()
        self._first = None

    def _first_arrival(self) -> dict[int, float]:
        """Return the period under way → share of its units that the first seller to arrive sold; empty without trades."""
        total = self._sold.total()
        return {self._period: self._sold[self._first[1]] / total} if self._first and total else {}

    def _trade(  # noqa: PLR0913, PLR0917 - the terms of a trade
        self, tick: int, period: int, price: int, quantity: int, buyer: str, seller: str
    ) -> None:
        self._sold[seller] += quantity
        shares = self._surplus.split(buyer, seller, quantity, price)
        self._shares[period] = SurplusShares(*map(add, self._shares[period], shares))
        gain = shares.total
        for column, value in zip(self._columns, (tick, period, price, quantity, gain), strict=True):
            column.append(value)

    def _periods(self, trades: Trades, count: int, first_arrivals: Mapping[int, float]) -> tuple[Period, ...]:
        rows: dict[int, list[int]] = {number: [] for number in range(1, count + 1)}
        for index, number in enumerate(trades.periods):
            rows[number].append(index)
        return tuple(
            replace(self._numbers(number, found, trades), first_arrival=first_arrivals.get(number))
            for number, found in rows.items()
        )

    def _numbers(self, number: int, rows: list[int], trades: Trades) -> Period:
        free, constrained = self._optima.free_optimum(number), self._optima.constrained_optimum(number)
        prices = [trades.prices[row] for row in rows]
        quantities = [trades.quantities[row] for row in rows]
        surplus = sum(trades.gains[row] for row in rows)
        mean_price = weighted_mean(prices, quantities)

        def alpha(price: float | None) -> float | None:
            return None if price is None else smiths_alpha(prices, quantities, price)

        return Period(
            number=number,
            trades=len(rows),
            volume=sum(quantities),
            surplus=surplus,
            efficiency=efficiency(surplus, free.surplus_max),
            alpha=alpha(free.price),
            mean_price=None if mean_price is None else mean_price / MICROS_PER_CREDIT,
            equilibrium=free,
            constrained=constrained,
            constrained_efficiency=efficiency(surplus, constrained.surplus_max),
            constrained_alpha=alpha(constrained.price),
            shares=self._shares.get(number, NO_SURPLUS),
            tax=sum(quantities) * self._conditions.market(self._market.resource, number).tax,
        )
