"""The audit of expectations: which of them no mutant of a log can break. Pure.

An expectation that holds whatever the log says proves nothing; published task oracles were wrong in most cases that were looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from econsim.domain.audit.facts import Record
from econsim.domain.expectation.integrity import CLOCK_TYPES
from econsim.domain.expectation.judge import Judge
from econsim.domain.expectation.monitors import Measures
from econsim.domain.expectation.mutants import Mutation, mutants
from econsim.domain.expectation.pattern import patterns
from econsim.domain.expectation.verdict import Ruling, Verdict
from econsim.schemas.expectation import Expectation, MeasureExpectation
from econsim.schemas.expectation_parts import Bound
from econsim.schemas.scenario import Scenario
from econsim.subjects import RUN_CLOSED, RUN_OPENED

MakeMeasures = Callable[[], Measures]
"""Makes the measures of one run."""


@dataclass(frozen=True, slots=True)
class Audited:
    """Effects of mutants on one expectation."""

    verdict: Verdict
    """Verdict on the log as it is."""
    broken_by: dict[Mutation, str]
    """Kind of mutation → first mutant of it that made it fail, or hold if it did not, in words."""
    tried: int
    """Number of mutants that were judged."""

    @property
    def is_breakable(self) -> bool:
        """Return whether some mutant made it fail, or hold if it did not."""
        return bool(self.broken_by)


def audit(
    expectations: Sequence[Expectation],
    records: Sequence[Record],
    scenario: Scenario | None = None,
    measures: MakeMeasures | None = None,
) -> tuple[Audited, ...]:
    """Judge mutants of a run's records by each expectation, until one of each kind of mutation has changed its verdict.

    Raises InvalidExpectation. Every mutant is judged whole, so an expectation takes a few dozen readings of its types.
    """
    return tuple(_audit(each, records, scenario, measures) for each in expectations)


def _audit(
    expectation: Expectation,
    records: Sequence[Record],
    scenario: Scenario | None,
    measures: MakeMeasures | None,
) -> Audited:
    types = Judge((expectation,), scenario).types
    kept = records
    if not isinstance(expectation, MeasureExpectation) and not getattr(expectation, "caused", False):
        wanted = types | CLOCK_TYPES | {RUN_OPENED.type, RUN_CLOSED.type}
        # A number of events counts all, and state needs whole ticks.
        counts_all = getattr(expectation, "at_event_seq", None) or any(
            isinstance(each, Bound) and each.unit == "events" for _, each in expectation
        )
        kept = records if counts_all else [entry for entry in records if entry.type in wanted]
    verdict = _judge(expectation, kept, scenario, measures)
    broken: dict[Mutation, str] = {}
    tried = 0
    for mutant in mutants(kept, types, tuple(patterns(expectation))):
        if mutant.mutation not in broken:
            tried += 1
            found = _judge(expectation, mutant.records, scenario, measures)
            if _breaks(verdict.outcome, found.outcome):
                broken[mutant.mutation] = mutant.what
        if len(broken) == len(Mutation):
            break
    return Audited(verdict, broken, tried)


def _breaks(before: Ruling, after: Ruling) -> bool:
    """Return whether a mutant turned a pass into a failure, or the other way; what is only not tested any more proves nothing."""
    decided = (Ruling.HOLDS, Ruling.FAILS)
    return after in decided and after is not before


def _judge(
    expectation: Expectation,
    records: Sequence[Record],
    scenario: Scenario | None,
    measures: MakeMeasures | None,
) -> Verdict:
    judge = Judge((expectation,), scenario, measures() if measures else None, is_trusted=True)
    for sequence, entry in enumerate(records, 1):
        judge.add(entry, sequence)
    return judge.close(is_part=True)[0]
