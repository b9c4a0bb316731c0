"""How far a run is, folded from its log: what its clock waits for, and where it starts again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from econsim.domain.envelope import Sealed
from econsim.domain.pace import Moment
from econsim.domain.period import net_bought
from econsim.schemas.agent import CycleCompleted, Limits
from econsim.schemas.clock import PeriodClosed, PeriodOpened, Ticked
from econsim.schemas.market import TickCleared, Traded


class Progress:
    """What the log says has happened."""

    def __init__(self) -> None:
        """Start before the first event."""
        self.moment = Moment()
        self.ticked_id: str | None = None
        self.period_closed = 0
        self._answered: dict[str, CycleCompleted] = {}
        self._cleared: dict[str, int] = {}
        self._net: Counter[tuple[str, str]] = Counter()
        self._seen: set[str] = set()

    def evolve(self, sealed: Sealed) -> None:
        """Fold one event; events it has no use for change nothing."""
        event = sealed.event
        match event.data:
            case Ticked(period=period, tick_of_period=tick_of_period):
                self.moment, self.ticked_id = Moment(event.tick, period, tick_of_period), event.event_id
            case CycleCompleted():
                self._answered[event.actor] = event.data
            case TickCleared():
                self._cleared[_resource(sealed)] = event.tick
            case Traded():
                self._trade(sealed, event.data)
            case PeriodOpened():
                self._net.clear()
                self._seen.clear()
            case PeriodClosed(period=period):
                self.period_closed = period

    def answered(self, hosts: Collection[str], tick: int) -> bool:
        """Return whether every host has answered the tick."""
        return all(host in self._answered and self._answered[host].tick >= tick for host in hosts)

    def cleared(self, resources: Collection[str], tick: int) -> bool:
        """Return whether every book has cleared the tick."""
        return all(self._cleared.get(resource, 0) >= tick for resource in resources)

    def limits(self) -> list[Mapping[str, Limits]]:
        """Return each host's newest limits."""
        return [report.limits for report in self._answered.values()]

    def bought(self, agent: str, resource: str) -> int:
        """Return units an agent bought minus units it sold in the present period."""
        return self._net[agent, resource]

    def _trade(self, sealed: Sealed, data: Traded) -> None:
        """Count trades once, even if a batch that was done again published them twice."""
        fresh = [trade for trade in data.items if trade.trade_id not in self._seen]
        self._seen.update(trade.trade_id for trade in fresh)
        resource = _resource(sealed)
        self._net.update(net_bought((resource, trade) for trade in fresh))


def _resource(sealed: Sealed) -> str:
    return sealed.subject.split(".", 2)[1]
