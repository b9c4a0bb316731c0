"""Measured values of the expectations of a scenario. Pure; the formulas are in `domain/measures`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from econsim.domain.measures.measures import mean
from econsim.report.gains import GroupGains
from econsim.report.summary import ExpectationResult, MarketSummary, Period
from econsim.report.thinking import GroupThinking, ThinkingPeriod
from econsim.schemas.expectation import Measure, MeasureExpectation
from econsim.schemas.types import MICROS_PER_CREDIT


def expectation_result(
    expectation: MeasureExpectation,
    markets: Sequence[MarketSummary],
    thinking: Sequence[GroupThinking] = (),
    gains: Sequence[GroupGains] = (),
) -> ExpectationResult:
    """Return an expectation with its measure over the periods of its market or group."""
    wanted, periods = expectation.resource, slice(expectation.first_period - 1, expectation.last_period)
    of_period = _OF_PERIOD.get(expectation.measure, _nothing)
    measured = [
        of_period(period)
        for market in markets
        if expectation.group is None and wanted in (None, market.resource)
        for period in market.periods[periods]
    ]
    measured += [
        _measured_thinking(expectation.measure, period)
        for group in thinking
        if group.group == expectation.group
        for period in group.periods[periods]
    ]
    if expectation.measure is Measure.NET_GAIN:
        measured += [
            value for group in gains if group.group == expectation.group for value in group.periods[periods]
        ]
    sample = [value for value in measured if value is not None]
    return ExpectationResult(expectation, mean(sample), len(sample))


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _measured_thinking(measure: Measure, period: ThinkingPeriod) -> float | None:
    match measure:
        case Measure.THINKING_COST:
            return period.cost
        case Measure.PRICED_OUT:
            return 100 * period.priced_out
    return None


def _nothing(_: Period) -> None:
    """Return none: the measure is of no market."""


_OF_PERIOD: Final[Mapping[Measure, Callable[[Period], float | None]]] = {
    Measure.EFFICIENCY: lambda period: _percent(period.efficiency),
    Measure.ALPHA: lambda period: period.alpha,
    Measure.CONSTRAINED_EFFICIENCY: lambda period: _percent(period.constrained_efficiency),
    Measure.CONSTRAINED_ALPHA: lambda period: period.constrained_alpha,
    Measure.TAX_REVENUE: lambda period: period.tax / MICROS_PER_CREDIT,
    Measure.MEAN_PRICE: lambda period: period.mean_price,
    Measure.TRADES_PER_PERIOD: lambda period: float(period.volume),
    Measure.FIRST_ARRIVAL: lambda period: _percent(period.first_arrival),
}
"""Measure of a market → what it is of a period."""
