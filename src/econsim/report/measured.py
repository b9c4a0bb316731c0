"""Measured values of the expectations of a scenario. Pure; the formulas are in `domain/measures`."""

from __future__ import annotations

from collections.abc import Sequence

from econsim.domain.measures.measures import mean
from econsim.report.gains import GroupGains
from econsim.report.summary import ExpectationResult, MarketSummary, Period
from econsim.report.thinking import GroupThinking, ThinkingPeriod
from econsim.schemas.expectation import Measure, MeasureExpectation


def expectation_result(
    expectation: MeasureExpectation,
    markets: Sequence[MarketSummary],
    thinking: Sequence[GroupThinking] = (),
    gains: Sequence[GroupGains] = (),
) -> ExpectationResult:
    """Return an expectation with its measure over the periods of its market or group."""
    wanted, periods = expectation.resource, slice(expectation.first_period - 1, expectation.last_period)
    measured = [
        _measured_value(expectation.measure, period)
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


def _measured_value(measure: Measure, period: Period) -> float | None:
    match measure:
        case Measure.EFFICIENCY:
            return None if period.efficiency is None else 100 * period.efficiency
        case Measure.ALPHA:
            return period.alpha
        case Measure.MEAN_PRICE:
            return period.mean_price
        case Measure.TRADES_PER_PERIOD:
            return float(period.volume)
        case Measure.FIRST_ARRIVAL:
            return None if period.first_arrival is None else 100 * period.first_arrival
    return None


def _measured_thinking(measure: Measure, period: ThinkingPeriod) -> float | None:
    match measure:
        case Measure.THINKING_COST:
            return period.cost
        case Measure.PRICED_OUT:
            return 100 * period.priced_out
    return None
