"""The schedule of a run: logical time, and the rule that ends a period. The clock service and the in-process driver use it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from econsim.domain.agent.prospects import widest
from econsim.schemas.agent import Limits
from econsim.schemas.immutable import immutable
from econsim.schemas.scenario import Clock, Until


@immutable
class LogicalTime:
    """Logical time of a run."""

    tick: int = 0
    """Number of ticks opened since the run opened."""
    period: int = 1
    """Number of the period, from 1: a trading day."""
    tick_of_period: int = 0
    """Number of ticks opened since the period opened."""

    def next_tick(self) -> LogicalTime:
        """Return the time at which the next tick of this period opens."""
        return LogicalTime(self.tick + 1, self.period, self.tick_of_period + 1)

    def next_period(self) -> LogicalTime:
        """Return the time at which the next period opens."""
        return LogicalTime(self.tick, self.period + 1, 0)


def ends_period(clock: Clock, now: LogicalTime, limits: Iterable[Mapping[str, Limits]] | None) -> bool:
    """Return whether this tick is its period's last.

    `limits` are the limits of each host's agents at the start of the tick; None while they are not known.
    """
    if now.tick_of_period >= clock.ticks_per_period:
        return True
    return clock.until is Until.EXHAUSTED and limits is not None and exhausted(limits)


def exhausted(limits: Iterable[Mapping[str, Limits]]) -> bool:
    """Return whether no two agents could still gain: no unit is worth more to a buyer than it costs a seller.

    The market must also have a price for the two. A pair of equal value and cost would gain nothing, and
    random traders take very long to find its one price.
    """
    found: dict[str, list[Limits]] = {}
    for by_resource in limits:
        for resource, limit in by_resource.items():
            found.setdefault(resource, []).append(limit)
    return not any(_can_gain(widest(every)) for every in found.values())


def _can_gain(best: Limits) -> bool:
    """Return whether the best buyer and the best seller of a market gain by a trade."""
    bid, value, ask, cost = best.bid, best.value, best.ask, best.cost
    if bid is None or value is None or ask is None or cost is None:
        return False
    return bid >= ask and value > cost
