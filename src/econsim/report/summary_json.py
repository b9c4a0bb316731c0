"""The figures of a run as one row of JSON, for programs that call `econsim run` or `report`."""

from __future__ import annotations

from econsim.report.summary import MarketSummary, Summary
from econsim.schemas.types import MICROS_PER_CREDIT


def summary_row(summary: Summary) -> dict[str, object]:
    """Return the figures: prices in credits, efficiency a fraction, alpha in percent; None for what could not be measured, or differs from period to period."""
    measures = [
        {"expectation": each.expectation.measure.value, "outcome": "holds" if each.holds else "fails"}
        for each in summary.verdicts
    ]
    events = [{"expectation": each.name, "outcome": each.outcome.value} for each in summary.judged]
    return {
        "run": summary.run,
        "scenario": summary.scenario.name,
        "seed": summary.scenario.seed,
        "state": _state(summary),
        "not_finished": summary.unfinished,
        "failure": summary.failure,
        "ticks": summary.ticks,
        "periods": summary.periods,
        "periods_wanted": summary.scenario.clock.periods,
        "orders": summary.orders,
        "trades": summary.trades,
        "efficiency": summary.efficiency,
        "constrained_efficiency": summary.constrained_efficiency,
        "gini": summary.gini,
        "markets": [_market(market) for market in summary.markets],
        "expectations": measures + events,
        "as_expected": summary.is_as_expected,
        "warnings": list(summary.warnings),
        "canonical_hash": summary.canonical_hash,
    }


def _state(summary: Summary) -> str:
    if summary.failure:
        return "failed"
    if summary.closed:
        return "closed"
    return "stopped" if summary.stopped else "open"


def _market(market: MarketSummary) -> dict[str, object]:
    return {
        "resource": market.resource,
        "mechanism": market.mechanism,
        "orders": market.orders,
        "trades": len(market.trades),
        "volume": market.volume,
        "efficiency": market.efficiency,
        "constrained_efficiency": market.constrained_efficiency,
        "alpha": market.alpha,
        "mean_price": market.mean_price,
        "equilibrium_price": market.equilibrium_price,
        "tax": sum(day.tax for day in market.periods) / MICROS_PER_CREDIT,
    }
