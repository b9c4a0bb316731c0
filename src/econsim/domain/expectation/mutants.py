"""Mutants of a log: it with facts dropped, told twice, swapped or altered, to see whether an expectation notices. Pure.

A mutant changes one fact, or all of a type: an event that happens a hundred times still happens if one is lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from econsim.domain.audit.facts import Json, Record
from econsim.domain.expectation.annotations import CARRIERS
from econsim.domain.expectation.names import ENVELOPE, is_money, resolve, segments
from econsim.domain.expectation.pattern import predicate
from econsim.schemas.expectation_parts import EventPattern
from econsim.schemas.types import MICROS_PER_CREDIT

SAMPLES: Final = 6
"""Facts of a type that are mutated one by one, spread over the log: few, because each mutant is judged whole."""

FIELDS_MAX: Final = 12
"""Fields of a fact that are altered."""


class Mutation(StrEnum):
    """Ways to change a log."""

    DROP = "drop"
    """A fact is gone."""
    DUPLICATE = "duplicate"
    """A fact is told twice."""
    SWAP = "swap"
    """Two records have each other's place and tick."""
    ALTER = "alter"
    """A field has another value; of the envelope, too: an event becomes one of another type."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A changed log."""

    mutation: Mutation
    """Way in which it was changed."""
    what: str
    """Change in words."""
    records: tuple[Record, ...]
    """Records of the changed log, in order."""


def mutants(
    records: Sequence[Record], types: frozenset[str], patterns: Sequence[EventPattern] = ()
) -> Iterator[Mutant]:
    """Yield mutants of a log in facts of these types; `patterns` tell which values matter."""
    for kind in sorted(types):
        yield Mutant(Mutation.DROP, f"all {kind} dropped", tuple(r for r in records if r.type != kind))
    for pattern in patterns:
        yield from _with_forgery(records, pattern)
    values = _operands(patterns)
    for kind in sorted(types):
        places = [place for place, entry in enumerate(records) if entry.type == kind]
        for place in _sample(places):
            yield from _of_record(records, place, values)
        yield from _with_all(records, kind, places, values)


def _of_record(records: Sequence[Record], place: int, values: Mapping[str, list[Any]]) -> Iterator[Mutant]:
    """Yield mutants of one record: in its middle fact, and with the next record of another type or tick."""
    entry = records[place]
    parts = entry.parts
    name = f"{entry.type} at tick {entry.tick}"
    if parts:
        middle = len(parts) // 2
        kept = [*parts[:middle], *parts[middle + 1 :]]
        yield _with_content(records, place, _carrying(entry, kept), Mutation.DROP, f"one of {name} dropped")
        twice = [*parts[: middle + 1], *parts[middle:]]
        yield _with_content(
            records, place, _carrying(entry, twice), Mutation.DUPLICATE, f"one of {name} told twice"
        )
    elif parts is None:
        without = (*records[:place], *records[place + 1 :])
        yield Mutant(Mutation.DROP, f"{name} dropped", without)
        copy = replace(entry, event_id=f"{entry.event_id}x")
        yield Mutant(
            Mutation.DUPLICATE, f"{name} told twice", (*records[: place + 1], copy, *records[place + 1 :])
        )
    yield from _with_swap(records, place)
    fact = parts[len(parts) // 2] if parts else entry.data
    for path, old in list(_scalars(fact))[:FIELDS_MAX]:
        for new in _other_values(path, old, values):
            changed = _with(fact, path, new)
            whole = (
                _carrying(entry, [changed if each is fact else each for each in parts]) if parts else changed
            )
            text = f"{path} of one {name} altered from {old!r} to {new!r}"
            yield _with_content(records, place, whole, Mutation.ALTER, text)


def _with_all(
    records: Sequence[Record], kind: str, places: Sequence[int], values: Mapping[str, list[Any]]
) -> Iterator[Mutant]:
    """Yield mutants in which one field of all facts of a type has another value."""
    if not places:
        return
    parts = records[places[0]].parts
    fact = parts[0] if parts else records[places[0]].data
    for path, old in list(_scalars(fact))[:FIELDS_MAX]:
        for new in _other_values(path, old, values):
            changed = list(records)
            for place in places:
                here = records[place].parts
                data = _carrying(records[place], [_with(each, path, new) for each in here]) if here else None
                changed[place] = records[place].with_data(data or _with(records[place].data, path, new))
            yield Mutant(Mutation.ALTER, f"{path} of all {kind} altered to {new!r}", tuple(changed))


def _with_swap(records: Sequence[Record], place: int) -> Iterator[Mutant]:
    """Yield logs in which a record and a later one have each other's place: the next of another type, and one far away."""
    entry = records[place]
    after = [p for p in range(place + 1, len(records)) if records[p].type != entry.type]
    for other in dict.fromkeys((*after[:1], *after[len(after) // 2 : len(after) // 2 + 1])):
        changed, there = list(records), records[other]
        changed[place] = replace(there, tick=entry.tick, occurred_at=entry.occurred_at)
        changed[other] = replace(entry, tick=there.tick, occurred_at=there.occurred_at)
        yield Mutant(
            Mutation.SWAP,
            f"{entry.type} at tick {entry.tick} swapped with {there.type} at {there.tick}",
            tuple(changed),
        )


def _with_forgery(records: Sequence[Record], pattern: EventPattern) -> Iterator[Mutant]:
    """Yield logs in which a record in the middle, and one near the end, has become an event that fits a pattern."""
    look = resolve(pattern.type)
    model = next((r for r in records if r.type == look.type), None)
    for place in {len(records) // 2, max(len(records) - 2, 0)} if records else ():
        entry = records[place]
        parts = model.parts if model else None
        data: Json = dict(parts[0] if parts else model.data) if model else {}
        for path, value in _fitting(pattern):
            data = _with(data, path, value)
        if look.agent:
            data["agent"] = look.agent
        domain, _, action = look.type.partition(".")
        entity = look.entity or (model.entity if model else entry.entity)
        subject = f"{domain}.{entity}.{action}.{entry.correlation_id}"
        content = {**model.data, _carrier(model): [data]} if model and parts else data
        forged = replace(
            entry.with_data(content), type=look.type, subject=subject, event_id=f"{entry.event_id}x"
        )
        what = f"{entry.type} at tick {entry.tick} became {look.type}"
        yield Mutant(Mutation.ALTER, what, (*records[:place], forged, *records[place + 1 :]))


def _fitting(pattern: EventPattern) -> Iterator[tuple[str, Any]]:
    """Yield fields of the data with values that meet a pattern's constraints on them."""
    for path, constraint in pattern.where.items():
        found = _satisfying(path, constraint) if segments(path)[0] not in ENVELOPE else []
        yield from ((path, value) for value in found)


def _with_content(records: Sequence[Record], place: int, data: Json, mutation: Mutation, what: str) -> Mutant:
    changed = list(records)
    changed[place] = records[place].with_data(data)
    return Mutant(mutation, what, tuple(changed))


def _carrier(entry: Record) -> str:
    return next((name for name in CARRIERS if isinstance(entry.data.get(name), list)), CARRIERS[0])


def _carrying(entry: Record, parts: list[Json]) -> Json:
    return {**entry.data, _carrier(entry): parts}


def _scalars(data: Json, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the paths and values of a fact's fields that are neither tables nor lists; of lists, those of the first element."""
    for name, value in data.items():
        match value:
            case dict():
                yield from _scalars(value, f"{path}{name}.")
            case [dict() as first, *_]:
                yield from _scalars(first, f"{path}{name}.0.")
            case int() | float() | str():
                yield path + name, value


def _with(data: Any, path: str, value: object) -> Any:  # noqa: ANN401 - any JSON
    """Return a copy of JSON with another value at a path; what is not there is made."""
    first, _, rest = path.removeprefix("data.").partition(".")
    if isinstance(data, list):
        place = int(first)
        inner = _with(data[place], rest, value) if rest else value
        return [*data[:place], inner, *data[place + 1 :]]
    inner = _with(data.get(first) or {}, rest, value) if rest else value
    return {**data, first: inner}


def _other_values(path: str, old: object, values: Mapping[str, list[Any]]) -> list[Any]:
    """Return other values of a field: those that constraints name, and some near and far."""
    named = [each for each in values.get(segments(path)[-1], ()) if each != old]
    if isinstance(old, bool):
        return [not old]
    if isinstance(old, int | float):
        scale = MICROS_PER_CREDIT if is_money(path) else 1
        exact = [round(each * scale) for each in named if isinstance(each, int | float)]
        return [*exact, *dict.fromkeys(each for each in (old + 1, old * 3 + scale, 0) if each != old)]
    return [*(each for each in named if isinstance(each, str)), f"{old}x"]


def _operands(patterns: Sequence[EventPattern]) -> dict[str, list[Any]]:
    """Return last name of a field's path → values that meet the constraints on it, or just do not."""
    found: dict[str, list[Any]] = {}
    for pattern in patterns:
        for path, constraint in pattern.where.items():
            found.setdefault(segments(path)[-1], []).extend(_candidates(constraint))
    return found


def _satisfying(path: str, constraint: Mapping[Any, Any]) -> list[Any]:
    """Return one value that meets a constraint, as the event has it; none if none was found."""
    scale = MICROS_PER_CREDIT if is_money(path) else 1
    for each in _candidates(constraint):
        if predicate(constraint)(each):
            return [round(each * scale) if scale > 1 and isinstance(each, int | float) else each]
    return []


def _candidates(constraint: Mapping[Any, Any]) -> list[Any]:
    found: list[Any] = []
    for operator, operand in constraint.items():
        values = list(operand) if isinstance(operand, list | tuple) else [operand]
        if operator == "matches":
            values = [operand.strip("^$")]
        for each in values:
            is_number = isinstance(each, int | float) and not isinstance(each, bool)
            found += [each, each + 1, each - 1] if is_number else [each, f"{each}x"]
    return found


def _sample(places: Sequence[int]) -> list[int]:
    """Return some places, spread evenly, with the first and the last."""
    if len(places) <= SAMPLES:
        return list(places)
    return [places[round(step * (len(places) - 1) / (SAMPLES - 1))] for step in range(SAMPLES)]
