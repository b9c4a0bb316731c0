"""One cell: a run's events folded into its result, and the run of a cell in memory."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Final

from econsim.domain.audit.canonical_log import CanonicalLog
from econsim.domain.audit.deduplication import Deduplicator
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import Record, as_record, record
from econsim.domain.audit.late_event import LateEvent
from econsim.domain.execution import in_memory
from econsim.domain.expectation.judge import Judge
from econsim.domain.expectation.verdict import Verdict
from econsim.domain.expectation.wording import name_of
from econsim.errors import InvalidMessage
from econsim.evaluation.bench.plan import Cell, scenario_of
from econsim.evaluation.bench.results import HOLDS, CellResult, JudgedExpectation, market_periods, measures
from econsim.report.aggregate import RunAggregator
from econsim.report.measured import expectation_result
from econsim.report.summary import Summary
from econsim.schemas.expectation import MeasureExpectation
from econsim.schemas.scenario import Scenario

REASON_LENGTH_MAX: Final = 300
"""Characters that are kept of an error which ended a run."""


class CellFold:
    """Verdicts, figures and hash of one run, from its events in order, while it goes on or later."""

    def __init__(self, scenario: Scenario, *, hashed: bool, logged: bool = True) -> None:
        """Start before the first event; `hashed` if the canonical hash is to be taken, `logged` if the events are in a log."""
        self._tally = RunAggregator(judges=False)
        self.judge = Judge(scenario.expectations, scenario, _Measured(self._tally), is_logged=logged)
        """Judge of the run, whose verdicts may be asked for at any time."""
        self.events = 0
        """Events so far."""
        self._canonical = CanonicalLog() if hashed else None
        self._repeats = Deduplicator()

    def add(self, addressed: AddressedEvent) -> None:
        """Add the next event of a run in memory, where nothing is repeated."""
        self.events += 1
        # One record for both, so that its data are made once, if at all; first the figures, which need no data of journal entries.
        entry = addressed if isinstance(addressed, LateEvent) else as_record(addressed)
        self._tally.add(entry)
        self.judge.add(entry, self.events)
        if self._canonical:
            self._canonical.add(addressed)

    def add_stored(self, subject: str, payload: bytes, sequence: int) -> None:
        """Add the next record of a run's stream; the judge names one that is no event, or that repeats another."""
        self.events += 1
        self.judge.add_stored(subject, payload, sequence)
        # What is no event, or does not follow its schema, the judge has named.
        with suppress(InvalidMessage, LookupError, TypeError, ValueError, AttributeError):
            self._count(record(subject, payload))

    def _count(self, entry: Record) -> None:
        if not self._repeats.is_repeat(entry):
            self._tally.add(entry)
            if self._canonical:
                self._canonical.add(entry)

    def result(self, cell: Cell, run: str, cpu_s: float = 0.0) -> CellResult:
        """Return the result of the ended run."""
        summary = self._tally.summary()
        return CellResult(
            number=cell.number,
            treatment=cell.treatment,
            seed=cell.seed,
            repeat=cell.repeat,
            run=run,
            hash=self._canonical.hexdigest() if self._canonical else "",
            failure=summary.failure,
            ticks=summary.ticks,
            events=self.events,
            cpu_s=cpu_s,
            verdicts=tuple(map(verdict_record, self.judge.close())),
            periods=market_periods(summary),
            measures=measures(summary),
        )


class _Measured:
    """The measures of expectations, from the figures that the cell takes anyway."""

    def __init__(self, tally: RunAggregator) -> None:
        self._tally = tally
        self._summary: Summary | None = None

    def add(self, source: Record | AddressedEvent) -> None:
        """Forget the figures so far: the cell adds every event to them."""
        del source
        self._summary = None

    def value_of(self, expectation: MeasureExpectation) -> float | None:
        """Return a measure over the events so far; none if nothing was measured."""
        self._summary = found = self._summary or self._tally.summary()
        return expectation_result(expectation, found.markets, found.thinking, found.gains).measured


def verdict_record(verdict: Verdict) -> JudgedExpectation:
    """Return a verdict as it is stored; of one that holds, its name is enough."""
    outcome = verdict.outcome.value
    if outcome == HOLDS:
        return JudgedExpectation(name=verdict.name, outcome=outcome)
    return JudgedExpectation(
        name=verdict.name,
        outcome=outcome,
        message=verdict.message,
        lines=tuple(verdict.lines()),
        sequences=tuple(each.sequence for each in verdict.witness),
    )


def run_in_memory(scenario: str, cell: Cell, run: str) -> CellResult:
    """Run a cell of a treatment's scenario in this process, judging it as it goes; the outcome depends on nothing else."""
    started = time.process_time()
    found = scenario_of(scenario, cell.seed)
    fold = CellFold(found, hashed=cell.hashed, logged=False)
    for addressed in in_memory.run(found, run):
        fold.add(addressed)
    return fold.result(cell, run, time.process_time() - started)


def attempt(scenario: str, cell: Cell, run: str) -> CellResult:
    """Run a cell in memory; if it raises, that is its result, so that one cell does not end a batch."""
    try:
        return run_in_memory(scenario, cell, run)
    except Exception as error:  # noqa: BLE001 - whatever a policy or an expectation raises
        reason = " ".join(str(error).split())[:REASON_LENGTH_MAX]
        return failure_result(scenario, cell, run, f"{type(error).__name__}: {reason}")


def failure_result(scenario: str, cell: Cell, run: str, reason: str) -> CellResult:
    """Return the result of a cell that could not be run: nothing is decided about it."""
    names = [name_of(expectation) for expectation in scenario_of(scenario).expectations]
    return CellResult(
        number=cell.number,
        treatment=cell.treatment,
        seed=cell.seed,
        repeat=cell.repeat,
        run=run,
        failure=reason,
        verdicts=tuple(
            JudgedExpectation(
                name=name,
                outcome="undecidable",
                message=reason,
                lines=(f"UNDECIDABLE  {name}", f"  {reason}"),
            )
            for name in names
        ),
    )
