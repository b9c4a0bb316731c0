"""One market of a run that somebody watches: prices, open orders, last trades, efficiency so far. Pure, of bounded size."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from typing import Final, NamedTuple

from econsim import subjects
from econsim.domain.agent.conditions import Conditions
from econsim.domain.agent.optima import Optima
from econsim.domain.audit.facts import Json, Record
from econsim.domain.clock.surplus import Surplus
from econsim.domain.measures.equilibrium import Equilibrium
from econsim.report.point_series import PointSeries
from econsim.schemas.market import Level
from econsim.schemas.orders import Side
from econsim.schemas.scenario import Market

TRADES_MAX: Final = 200
"""Newest trades of a market that are kept: some screens of them."""


class SeenTrade(NamedTuple):
    """A trade as a row."""

    tick: int
    """Logical time of the trade."""
    price: int
    """Price, micro-credits a unit."""
    units: int
    """Units traded."""
    buyer: str
    """Agent that got the units."""
    seller: str
    """Agent that got the credits."""
    event_id: str
    """Id of the trade."""


class WatchedMarket:
    """Figures of one market, folded from its events."""

    def __init__(self, market: Market, conditions: Conditions) -> None:
        """Start before the first event."""
        self.resource = market.resource
        """Resource that is traded."""
        self.mechanism = market.mechanism.value
        """Mechanism of the market."""
        self._optima = Optima(conditions, market.resource)
        self.prices: PointSeries[int] = PointSeries()
        """Prices of the run so far."""
        self.trades: deque[SeenTrade] = deque(maxlen=TRADES_MAX)
        """Newest trades, oldest first."""
        self.bid: int | None = None
        """Highest bid, micro-credits a unit; none without bids."""
        self.ask: int | None = None
        """Lowest ask, micro-credits a unit; none without asks."""
        self.last: int | None = None
        """Price of the last trade, micro-credits a unit; none before the first."""
        self.orders = self.fills = self.volume = 0
        """Actions processed, trades, and units traded."""
        self.surplus = 0
        """Surplus realised, micro-credits."""
        self._gains = Surplus(market.resource, conditions)
        self._open: dict[str, tuple[str, int, int]] = {}
        self._period = 1

    def add(self, entry: Record, period: int) -> None:
        """Add one of the market's events."""
        if period != self._period:
            self._period = period
            self._gains.begin_period(period)
        match entry.type:
            case subjects.BID_ACCEPTED.type | subjects.ASK_ACCEPTED.type:
                self._enter(entry.data["items"])
            case subjects.TRADE_EXECUTED.type:
                for trade in entry.data["items"]:
                    self._fill(trade, entry.tick)
            case subjects.ORDER_CANCELLED.type:
                for item in entry.data["items"]:
                    self._open.pop(item["order_id"], None)
            case subjects.TICK_CLEARED.type:
                self._clear(entry.data)

    @property
    def equilibrium(self) -> Equilibrium:
        """Equilibrium of the agents' private values and costs in this period, within the price limits and after the tax."""
        return self._optima.constrained_optimum(self._period)

    def possible(self, periods: int) -> int:
        """Return the most surplus possible in so many periods, micro-credits, without price limits and taxes."""
        return self._optima.possible(periods)

    def efficiency(self, periods: int) -> float | None:
        """Return surplus over the most possible in so many periods, a fraction; none where no surplus is possible."""
        possible = self.possible(periods)
        return self.surplus / possible if possible > 0 else None

    def depth(self, levels: int) -> tuple[list[Level], list[Level]]:
        """Return bids and asks by price, best first, at most `levels` a side."""
        sides: dict[str, tuple[Counter[int], Counter[int]]] = {
            side: (Counter(), Counter()) for side in (Side.BID, Side.ASK)
        }
        for side, price, quantity in self._open.values():
            units, orders = sides[side]
            units[price] += quantity
            orders[price] += 1
        bids, asks = sides[Side.BID], sides[Side.ASK]
        return (
            _levels(*bids, sorted(bids[0], reverse=True)[:levels]),
            _levels(*asks, sorted(asks[0])[:levels]),
        )

    def _enter(self, items: Iterable[Json]) -> None:
        for item in items:
            self._open.pop(item["replaces"], None)
            self._open[item["order_id"]] = (item["side"], item["price"], item["quantity"])

    def _fill(self, trade: Json, tick: int) -> None:
        price, units = trade["price"], trade["quantity"]
        for order in (trade["bid_id"], trade["ask_id"]):
            if order in self._open:
                side, limit, left = self._open.pop(order)
                if left > units:
                    self._open[order] = (side, limit, left - units)
        self.surplus += self._gains.trade(trade["buyer"], trade["seller"], units)
        self.fills += 1
        self.volume += units
        self.last = price
        self.prices.add(tick, price)
        self.trades.append(SeenTrade(tick, price, units, trade["buyer"], trade["seller"], trade["trade_id"]))

    def _clear(self, data: Json) -> None:
        self.orders += data["orders"]
        quote = data["quote"]
        self.bid, self.ask = quote["bid"], quote["ask"]
        if data.get("period_closed"):
            self._open.clear()


def _levels(units: Counter[int], orders: Counter[int], prices: Iterable[int]) -> list[Level]:
    return [Level(price, units[price], orders[price]) for price in prices]
