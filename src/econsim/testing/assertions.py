"""Assertions on the events of a run, for tests: what happened, in which order, what never did, and what state was.

Each takes the events of a run or of a part of it, and raises AssertionError with the events that show the failure. Every
assertion has a bound; those on what never happens have the events themselves. Patterns and constraints are as in a scenario
file, and here a constraint's value may be any object that compares equal, as those of dirty-equals do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import Record, as_record
from econsim.domain.expectation.judge import Judge
from econsim.domain.expectation.verdict import Verdict
from econsim.errors import InvalidExpectation
from econsim.schemas.expectation import Expectation
from econsim.schemas.scenario import Scenario
from econsim.subjects import RUN_OPENED

Events = Iterable[Record | AddressedEvent]
"""Events of a run in the order of its log."""

Where = Mapping[str, Any]
"""Constraints: path of a field → a value, or a mapping of operators to operands."""

_EXPECTATION: TypeAdapter[Expectation] = TypeAdapter(Expectation)


def assert_event_exists(  # noqa: PLR0913 - one bound of three
    events: Events,
    *,
    type: str,  # noqa: A002 - the word for it
    within_ms: float | None = None,
    within_ticks: int | None = None,
    within_events: int | None = None,
    constraints: Where | None = None,
) -> None:
    """Assert that an event happens within a bound after the first event.

    Raises AssertionError, and InvalidExpectation without a bound, or for a type or field that there is not.
    """
    bound = _bound("within", ms=within_ms, ticks=within_ticks, events=within_events)
    event = {"type": type, "where": constraints or {}}
    assert_expectation(events, {"form": "happens", "event": event, "within": bound})


def assert_sequence(
    events: Events,
    steps: Sequence[str | Mapping[str, Any]],
    *,
    max_gap_ms: float | None = None,
    max_gap_ticks: int | None = None,
    same: Sequence[str] = (),
) -> None:
    """Assert that events happen in an order, each within a gap after the one before; a step is a type, or type and `where`.

    Raises AssertionError, and InvalidExpectation without a gap, or for a type or field that there is not.
    """
    gap = _bound("max_gap", ms=max_gap_ms, ticks=max_gap_ticks)
    patterns = [{"type": step} if isinstance(step, str) else step for step in steps]
    assert_expectation(events, {"form": "sequence", "events": patterns, "max_gap": gap, "same": same})


def assert_never_occurs(events: Events, *, type: str, where: Where | None = None) -> None:  # noqa: A002 - the word for it
    """Assert that no event is of a type and meets all constraints.

    Raises AssertionError, and InvalidExpectation for a type or field that there is not.
    """
    assert_expectation(events, {"form": "never", "event": {"type": type, "where": where or {}}})


def assert_kv_value(events: Events, *, key: str, equals: object, at_event_seq: int) -> None:
    """Assert that state has a value after a number of events, counted from 1: balances in credits, holdings in units.

    Keys are `<agent>.balance`, `<agent>.reserved`, `<agent>.debt`, `<agent>.holdings.<resource>`, `<resource>.price`. Raises
    AssertionError, also if there are fewer events, and InvalidExpectation for a key that there is not.
    """
    place = {"at_event_seq": at_event_seq, "value": {"==": equals}}
    assert_expectation(events, {"form": "state", "key": key, **place})


def assert_expectation(
    events: Events, expectation: Expectation | Mapping[str, Any], scenario: Scenario | None = None
) -> None:
    """Assert that an expectation of any form holds, given as its class or as a scenario file would have it.

    Raises AssertionError with the verdict, also for one that nothing put to the test, and InvalidExpectation.
    """
    __tracebackhide__ = True
    verdict = judge_events(events, expectation, scenario)
    if not verdict.outcome.is_pass:
        raise AssertionError("\n".join(verdict.lines()))


def judge_events(
    events: Events, expectation: Expectation | Mapping[str, Any], scenario: Scenario | None = None
) -> Verdict:
    """Return the verdict on events; raises InvalidExpectation. Events that do not begin a run are taken as they are."""
    form = _form(expectation) if isinstance(expectation, Mapping) else expectation
    records = list(map(as_record, events))
    is_whole = bool(records) and records[0].type == RUN_OPENED.type
    judge = Judge((form,), scenario, is_trusted=not is_whole, is_logged=False)
    for sequence, entry in enumerate(records, 1):
        judge.add(entry, sequence)
    return judge.close(is_part=True)[0]


def _form(expectation: Mapping[str, Any]) -> Expectation:
    try:
        return _EXPECTATION.validate_python(dict(expectation))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"][1:]))
        raise InvalidExpectation(f"{where}: {first['msg']}".removeprefix(": "), name=where) from None


def _bound(name: str, **sizes: float | None) -> dict[str, float]:
    given = {unit: size for unit, size in sizes.items() if size is not None}
    if len(given) != 1:
        message = f"give exactly one of {', '.join(f'{name}_{unit}' for unit in sizes)}: every assertion has a bound"
        raise InvalidExpectation(message)
    return given
