"""The progress of a run, folded from its log: what its clock waits for, and where it starts again.

Life cycles::

    collection     holds                                  added by         removed by      bound
    _answered      host -> its newest report              CycleCompleted   PeriodOpened    hosts and external agents
    _cleared       resource -> newest cleared tick        TickCleared      never           markets
    _emptied       resource -> newest emptied period      TickCleared      never           markets
    _trade_ids     ids of trades that are counted         Traded           PeriodClosed    trades of one period
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeAlias

from econsim.domain.agent.conditions import Conditions
from econsim.domain.agent.prospects import external_limits
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.clock.holdings import Holdings
from econsim.domain.clock.period import HeldPrice
from econsim.domain.clock.schedule import LogicalTime
from econsim.domain.market.settlement import run_failure
from econsim.schemas.agent import CycleCompleted, Limits
from econsim.schemas.clock import PeriodClosed, PeriodOpened, Ticked
from econsim.schemas.cognition import LlmInvoked
from econsim.schemas.market import TickCleared, Traded, TradingHalted
from econsim.schemas.social_events import TaskDelegated, TaskOffered, TaskRefused, TaskSettled
from econsim.schemas.subject import entity_of
from econsim.schemas.tool_events import ToolCompleted, ToolFailed

_Payment: TypeAlias = (
    LlmInvoked | ToolCompleted | ToolFailed | TaskDelegated | TaskRefused | TaskOffered | TaskSettled
)


class Progress:
    """The state of one run, folded from its log."""

    def __init__(self, conditions: Conditions, token_resource: str | None = None) -> None:
        """Start before the first event of a run under these conditions; calls use up the token resource."""
        self._conditions = conditions
        self.now = LogicalTime()
        self.ticked_id: str | None = None
        self.period_closed = 0
        self.failure = ""
        self._answered: dict[str, CycleCompleted] = {}
        self._cleared: dict[str, int] = {}
        self._holdings = Holdings(conditions.agents(1))
        self._open_period(1)
        self._token_resource = token_resource
        self._emptied: dict[str, int] = {}
        self._informed = 0  # oldest tick whose answers take every trade into account
        self._trade_ids: set[str] = set()

    def evolve(self, addressed: AddressedEvent) -> None:
        """Fold one event; events of other types change nothing."""
        event = addressed.event
        match event.data:
            case Ticked(period=period, tick_of_period=tick_of_period):
                self.now, self.ticked_id = LogicalTime(event.tick, period, tick_of_period), event.event_id
            case CycleCompleted():
                self._answered[event.actor] = event.data
            case TickCleared() as cleared:
                self._clear(entity_of(addressed.subject), event.tick, cleared)
            case TradingHalted() as halted:
                self.failure = self.failure or run_failure(halted, event.tick)
            case Traded():
                self._trade(addressed, event.data)
                self._informed = self.now.tick + 1
            case (
                LlmInvoked()
                | ToolCompleted()
                | ToolFailed()
                | TaskDelegated()
                | TaskRefused()
                | TaskOffered()
                | TaskSettled()
            ) as change:
                self._pay(change)
            case PeriodOpened():
                self._answered.clear()
            case PeriodClosed(period=period) if period > self.period_closed:
                self.period_closed = period
                self._holdings.close_period()
                self._open_period(period + 1)
                self._trade_ids.clear()

    def cleared(self, resources: Collection[str], tick: int) -> bool:
        """Return whether every book has cleared the tick."""
        return all(self._cleared.get(resource, 0) >= tick for resource in resources)

    def emptied(self, resources: Collection[str], period: int) -> bool:
        """Return whether every book was emptied at the end of the period: its trading is over."""
        return all(self._emptied.get(resource, 0) >= period for resource in resources)

    def limits(self, hosts: Collection[str]) -> list[Mapping[str, Limits]] | None:
        """Return each host's newest limits; None while a host has not reported them since the last trade of the period.

        Hosts read the log in its order, so a host that answers a tick knows every trade before it. The limits of
        external agents follow from the log.
        """
        reports = [self._answered.get(host) for host in hosts]
        if not all(report and report.tick >= self._informed for report in reports):
            return None
        held, agents = self._conditions.in_period(self.now.period), self._conditions.agents(self.now.period)
        externals = external_limits(agents, held.markets, self.balance)
        return [*(report.limits for report in reports if report), externals]

    def balance(self, agent: str, asset: str) -> int:
        """Return the units, credits or debt an agent has before the present period is settled."""
        return self._holdings.balance(agent, asset)

    def end_tasks(self) -> list[HeldPrice]:
        """Give the prices of open tasks back, at the end of the run; return them."""
        return self._holdings.end_tasks()

    def _open_period(self, period: int) -> None:
        """Have what agents are dealt and taxed in a period; only one after the other is settled."""
        self._holdings.open_period(self._conditions.agents(period), self._conditions.markets(period))

    def _clear(self, resource: str, tick: int, cleared: TickCleared) -> None:
        self._cleared[resource] = tick
        if cleared.period_closed:
            self._emptied[resource] = cleared.period

    def _pay(self, change: _Payment) -> None:
        """Count what agents pay for calls, and the money of their tasks."""
        match change:
            case LlmInvoked(items=items):
                for call in items:
                    self._holdings.spend(call.agent, call.price, self._token_resource, call.units)
            case ToolCompleted(agent=agent, price=price) | ToolFailed(agent=agent, price=price):
                self._holdings.spend(agent, price, None, 0)
            case _:
                self._holdings.fold_task(change)

    def _trade(self, addressed: AddressedEvent, data: Traded) -> None:
        """Count trades once, even if a batch that was repeated published them twice."""
        for trade in data.items:
            if trade.trade_id not in self._trade_ids:
                self._trade_ids.add(trade.trade_id)
                self._holdings.trade(entity_of(addressed.subject), trade)
