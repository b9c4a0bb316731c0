"""Patterns of events and constraints as functions, made once and called for every fact. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any, Final

from pydantic import BaseModel

from econsim.domain.expectation.annotations import ValueKind
from econsim.domain.expectation.names import (
    ENVELOPE,
    REPORTS,
    check_field,
    check_words,
    is_money,
    resolve,
    segments,
    value_kind,
)
from econsim.domain.expectation.occurrence import Fields, Key, Occurrence
from econsim.errors import InvalidExpectation
from econsim.schemas.expectation_parts import EventPattern, Operator
from econsim.schemas.ledger import MONEY
from econsim.schemas.types import MICROS_PER_CREDIT, PRICE_MAX

Read = Callable[[Occurrence], Any]
"""Returns the value of a field, money in credits; none where the fact has no such field."""

Test = Callable[[Any], bool]
"""Tells whether a value is as it must be."""

PRICE_CREDITS_MAX: Final = PRICE_MAX // MICROS_PER_CREDIT
"""Highest price of a unit, credits: a constraint above it was written in micro-credits."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern of events, ready to be asked."""

    type: str
    """Type of the events."""
    test: Callable[[Occurrence], bool] | None
    """Tells whether an event of the type and entity fits; none if all do."""
    text: str
    """Pattern in words."""
    entity: str
    """Second token of the subject that the events must have; empty for any."""
    actor: str
    """Actor that the facts must have; empty for any."""
    shortfall: Callable[[Occurrence], tuple[int, float]]
    """Tells how many constraints an event of the type does not meet, and by how much it misses them."""


def fits(pattern: Pattern, seen: Occurrence) -> bool:
    """Return whether a fact of any type fits a pattern."""
    is_there = seen.record.type == pattern.type and pattern.entity in ("", seen.record.entity)
    return is_there and (pattern.test is None or pattern.test(seen))


def patterns(expectation: BaseModel) -> Iterator[EventPattern]:
    """Yield the patterns of events of an expectation."""
    for value in vars(expectation).values():
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, EventPattern):
                yield each


def compile_pattern(pattern: EventPattern) -> Pattern:
    """Return a pattern that can be asked.

    Raises InvalidExpectation for a type or field that there is not, and for a field compared with what it never is.
    """
    look = resolve(pattern.type)
    tests: list[Callable[[Occurrence], bool]] = []
    actor = "" if look.type.startswith(REPORTS) else look.agent
    if look.agent:
        tests.append(_is_about(look.agent, look.type))
    reads = [(reader(look.type, path), constraint) for path, constraint in pattern.where.items()]
    for path, (read, constraint) in zip(pattern.where, reads, strict=True):
        check_operands(value_kind(look.type, path), path, constraint)
        check_words(look.type, path, _exact_operands(constraint))
        tests.append(_on_field(read, predicate(constraint, path)))

    def shortfall(seen: Occurrence) -> tuple[int, float]:
        gaps = [miss(constraint, read(seen)) for read, constraint in reads]
        return sum(not test(seen) for test in tests), sum(gap for gap in gaps if gap is not None)

    return Pattern(look.type, _all(tests), words(pattern), look.entity, actor, shortfall)


def reader(kind: str, path: str) -> Read:
    """Return a function that reads a field of events of a type; raises InvalidExpectation for a field that there is not."""
    check_field(kind, path)
    first, *below = segments(path)
    if first in ENVELOPE and not path.startswith("data."):
        return _envelope_reader(first)
    money, is_amount, steps = is_money(path), path.endswith("amount"), (first, *below)

    def read(seen: Occurrence) -> Any:  # noqa: ANN401 - any JSON
        value: Any = seen.data
        parent: Any = None
        for step in steps:
            parent, value = value, _step(value, step)
        if (money or (is_amount and parent.get("asset") in MONEY)) and isinstance(value, int):
            return value / MICROS_PER_CREDIT
        return value

    if not below and not money:
        return lambda seen: seen.data[first]
    return read


def key_of(same: Sequence[str], kind: str, *, is_later: bool = False) -> Callable[[Occurrence], Key]:
    """Return a function that gives the values of the correlated fields of an event, as a key.

    Of a pair like `order_id = bid_id` the first is the field of the earlier event, the second that of later ones. Raises
    InvalidExpectation for a field that events of the type do not have.
    """
    pairs = [[part.strip() for part in each.split("=")] for each in same]
    for each, pair in zip(same, pairs, strict=True):
        if len(pair) > 2 or not all(pair):
            message = f"{each!r} correlates nothing; write a field, or two like 'order_id = bid_id'"
            raise InvalidExpectation(message)
    return _key([reader(kind, pair[-1 if is_later else 0]) for pair in pairs])


def data_keys(same: Sequence[str], *, is_later: bool = False) -> Fields | None:
    """Return what gives the keys of `key_of` from the data of many facts alone; none if a field is not one of the first level, or is money."""
    paths = [each.split("=")[-1 if is_later else 0].strip() for each in same]
    if any(len(segments(path)) > 1 or path in ENVELOPE or is_money(path) for path in paths):
        return None
    return Fields(*paths)


def predicate(constraint: Mapping[Operator, Any], path: str = "") -> Test:
    """Return a function that tells whether a value meets a constraint; raises InvalidExpectation for a wrong unit."""
    tests = [_operation(operator, operand, path) for operator, operand in constraint.items()]
    return tests[0] if len(tests) == 1 else lambda value: all(test(value) for test in tests)


def check_operands(kind: ValueKind | None, path: str, constraint: Mapping[Operator, Any]) -> None:
    """Refuse operators and operands that do not go with a kind of values; raises InvalidExpectation.

    Objects of a test that compare equal as they like, and none, go with every kind.
    """
    if kind is None:
        return
    allowed, what_to_give, fits_kind = _KINDS[kind]
    for operator, operand in constraint.items():
        if operator not in allowed:
            message = f"{path} is {kind.value}, which does not go with {operator!r}; write one of {' '.join(allowed)}"
            raise InvalidExpectation(message, name=path)
        several = operator in ("in", "between")
        for each in operand if several else (operand,):
            if operator != "matches" and isinstance(each, _PLAIN) and not fits_kind(each):
                message = (
                    f"{path} is {kind.value}, and {operator!r} compares it with {each!r}; give {what_to_give}"
                )
                raise InvalidExpectation(message, name=path)


def _exact_operands(constraint: Mapping[Operator, Any]) -> Iterator[Any]:
    """Yield what a constraint compares for equality."""
    for operator, operand in constraint.items():
        if operator in ("==", "!="):
            yield operand
        elif operator == "in":
            yield from operand


def miss(constraint: Mapping[Operator, Any], value: object) -> float | None:
    """Return how far a number is from meeting a constraint; none if that is no distance."""
    if not _is_number(value):
        return None
    gaps = [_gap(operator, operand, float(value)) for operator, operand in constraint.items()]  # type: ignore[arg-type]
    return max((gap for gap in gaps if gap is not None), default=None)


def constraint_words(constraint: Mapping[Operator, Any]) -> str:
    """Return a constraint in words."""
    return " and ".join(f"{operator} {operand!r}" for operator, operand in constraint.items())


def words(pattern: EventPattern) -> str:
    """Return a pattern in words."""
    where = ", ".join(f"{path} {constraint_words(c)}" for path, c in pattern.where.items())
    return f"{pattern.type} where {where}" if where else pattern.type


def _operation(operator: str, operand: Any, path: str) -> Test:  # noqa: ANN401 - as its schema takes it
    for number in operand if isinstance(operand, list | tuple) else (operand,):
        if path and segments(path)[-1] == "price" and _is_number(number) and number > PRICE_CREDITS_MAX:
            message = (
                f"{path} is compared with {number}, above any price; money is in credits here, "
                f"and {number} micro-credits are {number / MICROS_PER_CREDIT:g}"
            )
            raise InvalidExpectation(message, name=path)
    if operator == "==":
        return lambda value: bool(value == operand)
    if operator == "!=":
        return lambda value: bool(value != operand)
    if operator == "in":
        return lambda value: value in operand
    if operator == "matches":
        search = re.compile(operand).search
        return lambda value: isinstance(value, str) and search(value) is not None
    low, high = operand if operator == "between" else (operand, operand)
    return _COMPARISONS[operator](low, high)


# A comparison with text raises TypeError: the record does not follow its schema, or the expectation is given up.
_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], Test]]] = {
    "<": lambda low, _: lambda value: value is not None and value < low,
    "<=": lambda low, _: lambda value: value is not None and value <= low,
    ">=": lambda low, _: lambda value: value is not None and value >= low,
    ">": lambda low, _: lambda value: value is not None and value > low,
    "between": lambda low, high: lambda value: value is not None and low <= value <= high,
}


def _gap(operator: str, operand: Any, value: float) -> float | None:  # noqa: ANN401 - as its schema takes it
    if operator == "between":
        return max(float(operand[0]) - value, value - float(operand[1]), 0.0)
    if not _is_number(operand) or operator in ("in", "matches", "!="):
        return None
    if operator in ("<", "<="):
        return max(value - float(operand), 0.0)
    return abs(value - float(operand)) if operator == "==" else max(float(operand) - value, 0.0)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_PLAIN: Final = (str, int, float, list, tuple, dict, date, time)
"""Classes of the values that a file can have."""

_KINDS: Final[Mapping[ValueKind, tuple[tuple[str, ...], str, Callable[[object], bool]]]] = {
    ValueKind.TEXT: (
        ("==", "!=", "in", "matches"),
        "text in quotes",
        lambda value: isinstance(value, str),
    ),
    ValueKind.NUMBER: (("<", "<=", "==", "!=", ">=", ">", "in", "between"), "a number", _is_number),
    ValueKind.FLAG: (("==", "!="), "true or false", lambda value: isinstance(value, bool)),
}
"""Kind of values → operators that go with it, what to compare it with, and whether a value is that."""


def _step(value: Any, step: str) -> Any:  # noqa: ANN401 - any JSON
    if value is None:
        return None
    if isinstance(value, list):
        return value[int(step)] if step.isdecimal() and int(step) < len(value) else None
    return value[step]


def _envelope_reader(name: str) -> Read:
    match name:
        case "actor" | "agent":
            return lambda seen: seen.actor
        case "tick":
            return lambda seen: seen.tick
        case "event_id":
            return lambda seen: seen.event_id
        case "action":
            return lambda seen: seen.record.subject.split(".", 3)[2]
    return lambda seen: getattr(seen.record, name)


def _key(reads: Sequence[Read]) -> Callable[[Occurrence], Key]:
    if not reads:
        return lambda _: ()
    if len(reads) == 1:
        read = reads[0]
        return lambda seen: (read(seen),)
    return lambda seen: tuple(read(seen) for read in reads)


def _is_about(agent: str, kind: str) -> Callable[[Occurrence], bool]:
    """Tell whether a fact is an agent's: it is the actor, or of a report the entity or one of those that a host names."""
    if not kind.startswith(REPORTS):
        return lambda seen: seen.actor == agent

    def test(seen: Occurrence) -> bool:
        named = seen.data.get("agents")
        return agent in (seen.actor, seen.record.entity) or (isinstance(named, list) and agent in named)

    return test


def _on_field(read: Read, test: Test) -> Callable[[Occurrence], bool]:
    return lambda seen: test(read(seen))


def _all(tests: Sequence[Callable[[Occurrence], bool]]) -> Callable[[Occurrence], bool] | None:
    if not tests:
        return None
    if len(tests) == 1:
        return tests[0]
    return lambda seen: all(test(seen) for test in tests)
