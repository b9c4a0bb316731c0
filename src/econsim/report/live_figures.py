"""Live figures of a running simulation, folded from its events. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from econsim import subjects
from econsim.domain.audit.facts import Json, Record, as_record
from econsim.domain.audit.late_event import LateEvent
from econsim.domain.execution.coded_facts import Cleared, TickOpened
from econsim.schemas.subject import entity_of
from econsim.schemas.types import MICROS_PER_CREDIT

HISTORY_MAX: Final = 32
"""Prices kept for a market's sparkline."""


_SHOWN: Final = frozenset(
    row.type for row in (subjects.TICK_CLEARED, subjects.TICKED, subjects.RUN_OPENED, subjects.RUN_CLOSED)
)
"""Types of the events that are shown."""


@dataclass(frozen=True, slots=True)
class MarketView:
    """Live figures of one market."""

    resource: str
    """Resource that is traded."""
    last: float | None
    """Last price, credits."""
    history: tuple[float, ...]
    """Latest prices, oldest first, credits."""
    orders: int
    """Count of actions that the book processed."""
    trades: int
    """Count of fills."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Live figures of a run."""

    run: str
    """Id of the run."""
    scenario: str
    """Name of the scenario."""
    tick: int
    """Number of the newest tick."""
    ticks_max: int
    """Highest number of ticks; 0 before the run opened."""
    period: int
    """Number of the trading day."""
    periods: int
    """Count of trading days."""
    orders: int
    """Count of actions that all books processed."""
    trades: int
    """Count of fills."""
    markets: tuple[MarketView, ...]
    """Markets in the order of the scenario."""
    closed: bool
    """True once the run has ended."""


class LiveFigures:
    """Folds events into the present state of a run."""

    def __init__(self) -> None:
        """Start before the run opened."""
        self._run = self._scenario = ""
        self._periods = 0
        self._ticks_left: list[int] = []
        self._tick = self._period = self._tick_of_period = 0
        self._closed = False
        self._counts: dict[str, list[int]] = {}
        self._prices: dict[str, deque[float]] = {}

    def update(self, source: Record | LateEvent) -> None:
        """Add the next event; of one that is made late, only what is shown."""
        if source.type not in _SHOWN:
            return
        if isinstance(source, LateEvent) and self._update_late(source):
            return
        entry = as_record(source)
        match entry.type:
            case subjects.TICK_CLEARED.type if entry.entity in self._counts:
                data = entry.data
                self._clear(entry.entity, data["orders"], data["trades"], data["quote"]["last"])
            case subjects.TICKED.type:
                self._turn(entry.tick, entry.data["period"], entry.data["tick_of_period"])
            case subjects.RUN_OPENED.type:
                self._open(entry)
            case subjects.RUN_CLOSED.type:
                self._closed = True

    def _update_late(self, source: LateEvent) -> bool:
        """Add an event that is not made yet, by its facts as they are; return false for one that is read like any other."""
        match source.content:
            case Cleared() as batch:
                self._clear(entity_of(source.subject), batch.orders, len(batch.trades), batch.quote[2])
            case TickOpened(period=period, tick_of_period=tick_of_period):
                self._turn(source.tick, period, tick_of_period)
            case _:
                return False
        return True

    def snapshot(self) -> Snapshot:
        """Return the run at this moment."""
        views = tuple(
            MarketView(name, prices[-1] if prices else None, tuple(prices), *self._counts[name])
            for name, prices in self._prices.items()
        )
        from_period = self._ticks_left[self._period - 1 : self._period]
        left = sum(from_period) - self._tick_of_period
        return Snapshot(
            run=self._run,
            scenario=self._scenario,
            tick=self._tick,
            # Periods may end early, so the most there can be falls as the run goes on.
            ticks_max=self._tick if self._closed else self._tick + left,
            period=self._period,
            periods=self._periods,
            orders=sum(view.orders for view in views),
            trades=sum(view.trades for view in views),
            markets=views,
            closed=self._closed,
        )

    def _turn(self, tick: int, period: int, tick_of_period: int) -> None:
        self._tick, self._period, self._tick_of_period = tick, period, tick_of_period

    def _clear(self, resource: str, orders: int, trades: int, last: int | None) -> None:
        counts = self._counts[resource]
        counts[0] += orders
        counts[1] += trades
        if last is not None and trades:
            self._prices[resource].append(last / MICROS_PER_CREDIT)

    def _open(self, entry: Record) -> None:
        scenario = entry.data["scenario"]
        self._run, self._scenario = entry.correlation_id, scenario["name"]
        self._periods = scenario["clock"]["periods"]
        self._ticks_left = _ticks_left(scenario)
        self._period = 1
        for market in scenario["markets"]:
            self._counts[market["resource"]] = [0, 0]
            self._prices[market["resource"]] = deque(maxlen=HISTORY_MAX)


def _ticks_left(scenario: Json) -> list[int]:
    """Return the most ticks from each period to the end of the run."""
    ticks = [scenario["clock"]["ticks_per_period"]] * scenario["clock"]["periods"]
    for change in scenario.get("changes", ()):
        if most := change.get("ticks_per_period"):
            last = change.get("last_period") or len(ticks)
            ticks[change["first_period"] - 1 : last] = [most] * (last - change["first_period"] + 1)
    return [*accumulate(reversed(ticks))][::-1]
