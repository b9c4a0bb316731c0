"""Measures over some periods of a run: `efficiency in 3..5`, `good alpha in last`. Pure.

A measure alone is of the whole run. Its value over some periods is the same mean, sum or share, of their numbers alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from math import fsum
from operator import attrgetter
from typing import Final

from econsim.domain.measures.measures import mean
from econsim.errors import quoted_value
from econsim.evaluation.bench.results import CellResult, GroupPeriod, MarketPeriod

IN: Final = " in "
"""Words between a measure and its periods."""

LAST: Final = "last"
"""Word for the last period of a run."""

FORM: Final = "write in 3, in 3..5, in 3..last, or in last"
"""Forms of the periods of a measure."""

_PERIODS: Final = re.compile(r"(?:([0-9]{1,9})\.\.)?([0-9]{1,9}|last)")

_COLUMNS: Final = {"price": "mean_price"}
"""Measure of a market → the number of its periods that it is the mean of, if that has another name."""


UNITS: Final = {
    "efficiency": "%",
    "alpha": "%",
    "price": "credits",
    "volume": "units a period",
    "profit": "credits",
    "constrained_efficiency": "%",
    "tax": "credits a period",
}
"""Last word of a measure → its unit."""


@dataclass(frozen=True, slots=True)
class PeriodMeasure:
    """A measure over some periods."""

    name: str
    """Name as it was given: `good alpha in 3..5`."""
    measure: str
    """Measure of a whole run: `good alpha`."""
    first: int | None
    """First of the periods, from 1; none for the last of the run."""
    last: int | None
    """Last of the periods; none for the last of the run."""

    def holds(self, period: int, periods: int) -> bool:
        """Tell whether a period is one of them, in a run of so many periods."""
        last = periods if self.last is None else self.last
        return (last if self.first is None else self.first) <= period <= last

    def value(self, result: CellResult) -> float | None:
        """Return the measure of a run; none where the whole run has none, or none of the periods has."""
        if self.measure not in result.measures:
            return None
        periods = max((row.period for row in result.periods), default=0)
        rows = [row for row in result.periods if self.holds(row.period, periods)]
        if self.measure == "efficiency":
            return _efficiency(rows)
        name, _, what = self.measure.rpartition(" ")
        if what == "profit":
            groups = (row for row in result.groups if row.group == name)
            return _sum_of_gains(row for row in groups if self.holds(row.period, periods))
        values = map(attrgetter(_COLUMNS.get(what, what)), (row for row in rows if row.market == name))
        return mean([value for value in values if value is not None])


def period_measure(name: str) -> PeriodMeasure | None:
    """Return the measure over some periods that a name stands for; none for one of the whole run, or if its periods cannot be read."""
    measure, _, periods = name.rpartition(IN)
    found = _PERIODS.fullmatch(periods)
    if not measure or found is None:
        return None
    last = None if found[2] == LAST else int(found[2])
    return PeriodMeasure(name, measure, int(found[1]) if found[1] else last, last)


def whole_measure(name: str) -> str:
    """Return the measure of a whole run that a name is about: `good alpha` of `good alpha in 3..5`."""
    return name.rpartition(IN)[0] or name


def with_unit(measure: str) -> str:
    """Return a measure with its unit, as an axis or a heading has it."""
    unit = UNITS.get(whole_measure(measure).rpartition(" ")[2])
    return f"{measure}, {unit}" if unit else measure


def why_no_measure(name: str, known: Sequence[str], periods: int) -> tuple[str, str] | None:
    """Return what is wrong with the name of a measure, and the remedy; none for one of a run with `known` measures and so many periods."""
    whole, given = whole_measure(name), name.rpartition(IN)[2]
    if whole not in known:
        near = get_close_matches(whole, known, n=1)
        nearest = near and (near[0] if whole == name else f"{near[0]}{IN}{given}")
        remedy = f"did you mean {nearest!r}?" if nearest else f"the measures are {', '.join(known)}"
        return f"{quoted_value(name)} is no measure here", remedy
    if whole == name:
        return None
    found = period_measure(name)
    if found is None:
        return f"{quoted_value(name)}: {quoted_value(given)} names no periods", FORM
    last = periods if found.last is None else found.last
    if 1 <= (last if found.first is None else found.first) <= last <= periods:
        return None
    return f"{quoted_value(name)} does not fit the scenario, which has periods 1..{periods}", FORM


def with_measures(result: CellResult, wanted: Sequence[PeriodMeasure]) -> CellResult:
    """Return the result of a run with measures over some of its periods beside those of all."""
    if not wanted:
        return result
    found: Mapping[str, float | None] = {each.name: each.value(result) for each in wanted}
    more = {name: value for name, value in found.items() if value is not None}
    return result.model_copy(update={"measures": result.measures | more})


def _efficiency(rows: Iterable[MarketPeriod]) -> float | None:
    """Return surplus realised over the most possible of all markets that can have any, percent."""
    markets: dict[str, list[MarketPeriod]] = {}
    for row in rows:
        markets.setdefault(row.market, []).append(row)
    able = [each for each in markets.values() if any(row.surplus_max for row in each)]
    most = fsum(row.surplus_max or 0.0 for each in able for row in each)
    return 100 * fsum(row.surplus for each in able for row in each) / most if most else None


def _sum_of_gains(rows: Iterable[GroupPeriod]) -> float | None:
    gains = [row.net_gain for row in rows]
    return fsum(gains) if gains else None
