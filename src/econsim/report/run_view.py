"""A run as somebody watches it: the state of its parts after each event. Pure, and of bounded size however long the run is.

Keeps figures, and the newest events. Whoever wants to see an older moment reads the log again from its start, or from a copy
of this view that was made before.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import Final, NamedTuple

from econsim import subjects
from econsim.domain.agent.conditions import Conditions
from econsim.domain.audit.facts import Record
from econsim.report.agent_view import AgentsView
from econsim.report.live_figures import LiveFigures, Snapshot
from econsim.report.market_view import WatchedMarket
from econsim.report.thought_rows import THOUGHT_TYPES, ThoughtRow, thought_rows
from econsim.schemas.scenario import Scenario

EVENTS_MAX: Final = 1_000
"""Newest events that are kept whole: some twenty screens."""

THOUGHTS_MAX: Final = 500
"""Newest thoughts and calls that are kept."""

PACE_TICKS: Final = 20
"""Newest ticks over which the pace of the run is taken."""

WAITING, RUNNING, STOPPED, CLOSED = "waiting", "running", "stopped", "closed"
"""States of a run: not opened yet, open, stopped by an operator, closed."""


class SeenEvent(NamedTuple):
    """An event with its place in the log."""

    place: int
    """Place of the event's record in the log."""
    entry: Record
    """Event as a record."""


class RunView:
    """State of a run, folded from its events."""

    def __init__(self) -> None:
        """Start before the first event."""
        self._figures = LiveFigures()
        self.scenario: Scenario | None = None
        """Scenario of the run; none before it opened."""
        self.markets: dict[str, WatchedMarket] = {}
        """Resource → market, in the order of the scenario."""
        self.agents = AgentsView()
        """Agents of the scenario."""
        self.events: deque[SeenEvent] = deque(maxlen=EVENTS_MAX)
        """Newest events, oldest first."""
        self.thoughts: deque[ThoughtRow] = deque(maxlen=THOUGHTS_MAX)
        """Newest thoughts, calls, questions, messages and tasks, oldest first."""
        self.state = WAITING
        """State of the run in one word."""
        self.failure = ""
        """Reason why the run ended early; empty if it did not."""
        self.count = self.place = self.tick = 0
        """Number of events; place in the log of the newest; number of its tick."""
        self.started_at = self.last_at = ""
        """Time of the first and of the newest event, RFC 3339; empty before the first."""
        self.dead_letters = 0
        """Messages of the run that the server gave up."""
        self._period = 0
        self._pace: deque[tuple[str, int]] = deque(maxlen=PACE_TICKS + 1)

    def __getstate__(self) -> dict[str, object]:
        """Return what a copy has: all but the newest events, which are most of it and are in the log."""
        return {**self.__dict__, "events": deque(maxlen=EVENTS_MAX)}

    def add(self, place: int, entry: Record) -> None:
        """Add the next event of the run, at its place in the log."""
        self.place, self.last_at = place, entry.occurred_at
        self.started_at = self.started_at or entry.occurred_at
        self.count += 1
        self.tick = max(self.tick, entry.tick)
        self._figures.update(entry)
        self.events.append(SeenEvent(place, entry))
        if (market := self.markets.get(entry.entity)) is not None:
            market.add(entry, self.period)
        self.agents.add(entry)
        if entry.type in THOUGHT_TYPES:
            self.thoughts.extend(thought_rows(entry, place))
        self._fold(entry)

    @property
    def figures(self) -> Snapshot:
        """Return tick, period and counts of the run."""
        return self._figures.snapshot()

    @property
    def period(self) -> int:
        """Return the number of the trading day; 0 before the run opened."""
        return self._period

    @property
    def efficiency(self) -> float | None:
        """Return surplus realised over the most possible in the periods begun, a fraction; none where there can be none."""
        found = [(each.possible(self._period), each.surplus) for each in self.markets.values()]
        possible = sum(most for most, _ in found)
        realised = sum(surplus for most, surplus in found if most)
        return realised / possible if possible else None

    @property
    def orders_per_second(self) -> float | None:
        """Return orders in a second of wall-clock time over the newest ticks of a run that goes on; none if these took no time."""
        if self.state != RUNNING or len(self._pace) < 2:
            return None
        (start, before), (end, after) = self._pace[0], self._pace[-1]
        seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
        return (after - before) / seconds if seconds > 0 else None

    def _fold(self, entry: Record) -> None:
        match entry.type:
            case subjects.TICKED.type:
                self._period = entry.data["period"]
                self._pace.append((entry.occurred_at, sum(each.orders for each in self.markets.values())))
            case subjects.RUN_OPENED.type:
                self._open(entry)
            case subjects.RUN_STOPPED.type:
                self.state = STOPPED
            case subjects.RUN_RESUMED.type:
                self.state = RUNNING
            case subjects.RUN_CLOSED.type:
                self.state, self.failure = CLOSED, entry.data.get("failure", "")
            case subjects.LETTER_BURIED.type:
                self.dead_letters += 1

    def _open(self, entry: Record) -> None:
        self.scenario = scenario = Scenario.model_validate(entry.data["scenario"])
        conditions = Conditions(scenario)
        self.agents = AgentsView(conditions.agents(1))
        self.markets = {m.resource: WatchedMarket(m, conditions) for m in scenario.markets}
        self.state, self._period = RUNNING, 1
