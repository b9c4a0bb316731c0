"""Judging of runs with all that the report measures: the judge of `domain/expectation/` and its measures together."""

from __future__ import annotations

from collections.abc import Sequence

from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import Record
from econsim.domain.expectation.judge import Judge
from econsim.report.aggregate import RunAggregator
from econsim.report.measured import expectation_result
from econsim.report.summary import Summary
from econsim.schemas.expectation import Expectation, MeasureExpectation
from econsim.schemas.scenario import Scenario


class ReportMeasures:
    """Measures of markets and groups, as the report has them."""

    def __init__(self) -> None:
        """Start before the run opened."""
        self._aggregator = RunAggregator(judges=False)
        self._summary: Summary | None = None

    def add(self, source: Record | AddressedEvent) -> None:
        """Add the next event."""
        self._aggregator.add(source)
        self._summary = None

    def value_of(self, expectation: MeasureExpectation) -> float | None:
        """Return the measure over the events so far; none if nothing was measured."""
        self._summary = found = self._summary or self._aggregator.summary()
        return expectation_result(expectation, found.markets, found.thinking, found.gains).measured


def judge(scenario: Scenario | None, expectations: Sequence[Expectation] | None = None) -> Judge:
    """Return a judge of a run by expectations, by default those of its scenario; raises InvalidExpectation."""
    if expectations is None:
        expectations = scenario.expectations if scenario else ()
    return Judge(expectations, scenario, ReportMeasures())
