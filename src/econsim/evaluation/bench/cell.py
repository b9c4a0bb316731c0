"""One cell: a run's events folded into its result, and the run of a cell in memory."""

from __future__ import annotations

import time
from contextlib import closing, suppress
from itertools import islice
from typing import Final

from econsim.adapters.policies import load_policies
from econsim.domain.agent.conditions import Conditions
from econsim.domain.audit.canonical_log import CanonicalLog
from econsim.domain.audit.deduplication import Deduplicator
from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.domain.audit.facts import Record, as_record, record
from econsim.domain.audit.late_event import Address, LateEvent
from econsim.domain.execution import in_memory
from econsim.domain.execution.coded_run import is_of_coded_agents
from econsim.domain.execution.judged_run import PASSED, JudgedRun
from econsim.domain.expectation.judge import Judge, Take
from econsim.domain.expectation.verdict import Verdict
from econsim.domain.expectation.wording import name_of
from econsim.errors import InvalidMessage
from econsim.evaluation.bench.measured import is_measured_alone, measured_result
from econsim.evaluation.bench.plan import Cell, conditions_of, scenario_of
from econsim.evaluation.bench.results import HOLDS, CellResult, JudgedExpectation, result_of
from econsim.report.aggregate import MEASURED, RunAggregator
from econsim.report.measured import expectation_result
from econsim.report.summary import Summary
from econsim.schemas.expectation import MeasureExpectation
from econsim.schemas.scenario import Scenario
from econsim.subjects import ASK_ACCEPTED, PERIOD_OPENED

TOLD_AT_ONCE: Final = 256
"""Events of a run of coded agents that are made before they are judged. Engine and judge drive each other's code and data out of the
processor's caches: a cell of `smith1962` whose events are judged one by one takes a tenth more."""

REASON_LENGTH_MAX: Final = 300
"""Characters that are kept of an error which ended a run."""


class CellFold:
    """Verdicts, figures and hash of one run, from its events in order, while it goes on or later."""

    def __init__(self, scenario: Scenario, *, hashed: bool, conditions: Conditions | None = None) -> None:
        """Start before the first event; `hashed` if the canonical hash is to be taken.

        `conditions` are the scenario's, if somebody has them already.
        """
        self._tally = RunAggregator(judges=False, conditions=conditions)
        self._figures = _FiguresSoFar(self._tally)
        self.judge = Judge(scenario.expectations, scenario, self._figures)
        """Judge of the run, whose verdicts may be asked for at any time."""
        self.events = 0
        """Events so far."""
        self._canonical = CanonicalLog() if hashed else None
        self._repeats = Deduplicator()

    def summary(self) -> Summary:
        """Return the summary of the events so far, made once for all that ask."""
        return self._figures.summary()

    def add(self, addressed: AddressedEvent) -> None:
        """Add the next event of a run in memory, where nothing is repeated."""
        self.events += 1
        self._figures.forget()
        # One record for both, so that its data are made once, if at all; first the figures, which need no data of journal entries.
        entry = addressed if isinstance(addressed, LateEvent) else as_record(addressed)
        self._tally.add(entry)
        self.judge.add(entry, self.events)
        if self._canonical:
            self._canonical.add(addressed)

    def follow(self, driver: JudgedRun) -> None:
        """Add all events of a run of coded agents that is not hashed: each only to those who are interested in its type."""
        events, takers = driver.events(), _Takers(self._tally, self.judge, driver)
        # It tells the scenario.
        self.add(next(events))
        place = self.events
        while told := list(islice(events, TOLD_AT_ONCE)):
            for place, each in enumerate(told, place + 1):  # noqa: B020 - the places go on
                if each is PASSED:
                    continue
                try:
                    interested = takers[each.address]
                except KeyError:
                    interested = takers.find(each)
                for take in interested:
                    take(each, place)
        self.events = place
        takers.clear()
        self.judge.state.chains += driver.chains_passed
        self._tally.take_balances(driver.balance)
        self._figures.forget()

    def add_stored(self, subject: str, payload: bytes, sequence: int) -> None:
        """Add the next record of a run's stream; the judge names one that is no event, or that repeats another."""
        self.events += 1
        self.judge.add_stored(subject, payload, sequence)
        # What is no event, or does not follow its schema, the judge has named.
        with suppress(InvalidMessage, LookupError, TypeError, ValueError, AttributeError):
            self._count(record(subject, payload))

    def _count(self, entry: Record) -> None:
        if not self._repeats.is_repeat(entry):
            self._figures.forget()
            self._tally.add(entry)
            if self._canonical:
                self._canonical.add(entry)

    def result(self, cell: Cell, run: str, cpu_s: float = 0.0) -> CellResult:
        """Return the result of the ended run."""
        found: dict[str, object] = {
            "hash": self._canonical.hexdigest() if self._canonical else "",
            "events": self.events,
            "cpu_s": cpu_s,
            "verdicts": tuple(map(verdict_record, self.judge.close())),
        }
        return result_of(self.summary(), cell, run).model_copy(update=found)


class _Takers(dict[Address, tuple[Take, ...]]):
    """Address of events → what takes them, found when the first of an address comes."""

    def __init__(self, tally: RunAggregator, judge: Judge, driver: JudgedRun) -> None:
        super().__init__()
        self._tally, self._judge, self._driver = tally, judge, driver
        self._asked: set[Address] = set()

    def find(self, event: LateEvent) -> tuple[Take, ...]:
        """Find what takes the events of the address of this one."""
        found = tuple(take for take in (self._measure_of(event.type), self._judge.taker(event)) if take)
        if not found:
            self._driver.pass_over(event.address)
        self[event.address] = found
        return found

    def _measure_of(self, kind: str) -> Take | None:
        """Return what takes events of a type for the figures."""
        if kind == PERIOD_OPENED.type:
            return self._begin_period
        if kind == ASK_ACCEPTED.type:
            return self._measure_first_asks
        return self._measure if kind in MEASURED else None

    def _measure(self, event: LateEvent, sequence: int) -> None:
        del sequence
        self._tally.add(event)

    def _measure_first_asks(self, event: LateEvent, sequence: int) -> None:
        """Add the first asks of a market in a period alone: the later ones change no measure."""
        if event.address not in self._asked:
            self._asked.add(event.address)
            self._measure(event, sequence)

    def _begin_period(self, event: LateEvent, sequence: int) -> None:
        del sequence
        self._asked.clear()
        self._tally.begin_period(event.tick + 1, event.content.field("period"))


class _FiguresSoFar:
    """The figures of a run, and by them the measures of expectations. It knows no judge: what knows each other is not freed at once."""

    def __init__(self, tally: RunAggregator) -> None:
        self._tally = tally
        self._made: Summary | None = None

    def forget(self) -> None:
        """Have another summary made: there are more events."""
        self._made = None

    def summary(self) -> Summary:
        """Return the summary of the events so far."""
        if self._made is None:
            self._made = self._tally.summary()
        return self._made

    def value_of(self, expectation: MeasureExpectation) -> float | None:
        """Return a measure over the events so far; none if nothing was measured."""
        found = self.summary()
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
    found = scenario_of(scenario, cell.seed)
    if is_measured_alone(found, cell):
        return measured_result(found, cell, run, conditions_of(scenario, cell.seed))
    started = time.process_time()
    conditions = conditions_of(scenario, cell.seed)
    fold = CellFold(found, hashed=cell.hashed, conditions=conditions)
    if is_of_coded_agents(found) and not cell.hashed:
        envelope = Envelope(run, in_memory.SALT, 0, in_memory.NOW)
        with closing(JudgedRun(found, envelope, conditions)) as driver:
            fold.follow(driver)
            return fold.result(cell, run, time.process_time() - started)
    for addressed in in_memory.run(found, run, policies=load_policies(found)):
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
