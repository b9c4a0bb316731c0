"""The parameters of a coded trader that a strategist's model writes: their schema, and their reading with clamping. Pure.

All are whole numbers, so that limits hold in every model and every machine computes alike. A value out of bounds is
clamped with a sentence and not refused: the code trades every tick, and a strategy that is nearly right is better than
the one before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any, Final, NamedTuple

from econsim.domain.cognition.answer_text import brief_text, json_values, whole_number
from econsim.schemas.types import QUANTITY_MAX

REMARKS_MAX: Final = 20
"""Sentences about one answer."""


class Bounds(NamedTuple):
    """The least and the greatest value of a parameter."""

    least: int
    """Least value."""
    most: int
    """Greatest value."""


BOUNDS: Final[Mapping[str, Bounds]] = {
    "margin_min_percent": Bounds(0, 90),
    "margin_max_percent": Bounds(0, 90),
    "learning_percent": Bounds(0, 100),
    "activity_percent": Bounds(1, 100),
    "units_max": Bounds(0, QUANTITY_MAX),
}
"""Parameter → its bounds."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """The parameters of a coded trader on one market; the defaults bound nothing that the trader does by itself."""

    margin_min_percent: int = 0
    """Smallest profit margin, percent: over the cost of a seller, below the value of a buyer."""
    margin_max_percent: int = 90
    """Largest profit margin, percent."""
    learning_percent: int = 30
    """Learning rate, percent of the way from the present price to the target; 0 keeps the margin as it is."""
    activity_percent: int = 100
    """Chance, in percent, that the trader acts at a tick."""
    units_max: int = QUANTITY_MAX
    """Units that the trader trades in a period, at most."""


@dataclass(frozen=True, slots=True)
class ParsedStrategies:
    """The reading of a strategist's answer."""

    strategies: Mapping[str, Strategy] = field(default_factory=dict)
    """Resource → strategy on its market; a market that the answer leaves out keeps its strategy."""
    remarks: tuple[str, ...] = ()
    """Sentence about each value that was clamped or left out."""


@lru_cache(maxsize=64)
def strategy_schema(resources: tuple[str, ...]) -> dict[str, Any]:
    """Return the JSON Schema of a strategist's answer; the same object for the same markets."""
    properties: dict[str, Any] = {"resource": {"type": "string", "enum": [*resources]}}
    for name, bounds in BOUNDS.items():
        properties[name] = {"type": "integer", "minimum": bounds.least, "maximum": bounds.most}
    row = {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"strategies": {"type": "array", "maxItems": max(1, len(resources)), "items": row}},
        "required": ["strategies"],
        "additionalProperties": False,
    }


def parse_strategies(
    text: str, resources: Sequence[str], present: Mapping[str, Strategy] | None = None
) -> ParsedStrategies:
    """Return the strategies in an answer; a parameter that is left out keeps its `present` value.

    Never raises: a text without strategies gives none, with a sentence.
    """
    rows = _rows(json_values(text))
    if rows is None:
        return ParsedStrategies(remarks=("the answer has no JSON object with a list of strategies",))
    strategies: dict[str, Strategy] = {}
    remarks: list[str] = []
    for row in rows:
        resource = _resource(row, resources)
        if resource is None:
            remarks.append(
                f"{brief_text(row.get('resource'))} is no market; there are {', '.join(resources)}"
            )
            continue
        before = strategies.get(resource) or (present or {}).get(resource, Strategy())
        strategies[resource] = _strategy(row, resource, before, remarks)
    return ParsedStrategies(strategies, tuple(remarks[:REMARKS_MAX]))


def _rows(values: list[object]) -> list[dict[str, object]] | None:
    """Return the rows of the last value that has any: a list of strategies, a bare list, or one strategy."""
    for value in reversed(values):
        match value:
            case {"strategies": list(rows)}:
                return [row for row in rows if isinstance(row, dict)]
            case [{}, *_]:
                return [row for row in value if isinstance(row, dict)]
            case {"strategies": dict(row)}:
                return [row]
            case dict() if BOUNDS.keys() & value.keys():
                return [value]
    return None


def _resource(row: Mapping[str, object], resources: Sequence[str]) -> str | None:
    said = row.get("resource")
    if said is None and len(resources) == 1:
        return resources[0]
    name = said.strip().lower() if isinstance(said, str) else ""
    return name if name in resources else None


def _strategy(row: Mapping[str, object], resource: str, before: Strategy, remarks: list[str]) -> Strategy:
    values = {each.name: getattr(before, each.name) for each in fields(Strategy)}
    for name, bounds in BOUNDS.items():
        if name not in row:
            continue
        said = row[name]
        number = _number(said)
        if number is None:
            remarks.append(
                f"{name} {brief_text(said)} of {resource} is not a whole number; {values[name]} stays"
            )
            continue
        values[name] = min(max(number, bounds.least), bounds.most)
        if values[name] != number:
            limits = f"{bounds.least} to {bounds.most}"
            remarks.append(f"{name} {number} of {resource} is outside {limits}; {values[name]} is used")
    if values["margin_min_percent"] > values["margin_max_percent"]:
        remarks.append(f"margin_min_percent of {resource} is above margin_max_percent; both are exchanged")
        least, most = values["margin_max_percent"], values["margin_min_percent"]
        values.update(margin_min_percent=least, margin_max_percent=most)
    return Strategy(**values)


def _number(said: object) -> int | None:
    """Return a whole number, negative ones too: they are clamped."""
    if isinstance(said, str) and said.strip().startswith("-"):
        positive = whole_number(said.strip()[1:])
        return None if positive is None else -positive
    return whole_number(said)
