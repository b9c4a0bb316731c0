"""Values of ticks, thinned so that a whole run fits, however long it is. Pure."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

POINTS_KEPT_MAX: Final = 1024
"""Points of a series: more than a page or a terminal has columns, twice over."""

Value = TypeVar("Value")


class PointSeries(Generic[Value]):
    """Newest value of each tick; of a long run that of every second, fourth, … tick."""

    def __init__(self) -> None:
        """Start without points."""
        self.points: list[tuple[int, Value]] = []
        """Tick and value, oldest first."""
        self._stride = 1

    def add(self, tick: int, value: Value) -> None:
        """Add the value of a tick; a later one of the same stretch replaces it, and one of an earlier tick comes too late."""
        if self.points and tick < self.points[-1][0]:
            return
        if self.points and self.points[-1][0] // self._stride == tick // self._stride:
            self.points[-1] = (tick, value)
            return
        self.points.append((tick, value))
        if len(self.points) > POINTS_KEPT_MAX:
            self._stride *= 2
            self.points = self.points[1::2]
