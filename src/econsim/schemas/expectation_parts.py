"""The parts of which expectations are made: patterns of events, constraints on their fields, bounds, keys of state.

Each is checked by itself here; `domain/expectation/names.py` holds names against the catalog of events.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from operator import ge, gt, le, lt
from typing import Annotated, Any, Final, Literal, Self, TypeAlias, get_args
from unicodedata import category

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from econsim.schemas.base import Message
from econsim.schemas.scenario_parts import wrong

TEXT_LENGTH_MAX: Final = 200
"""Characters of a pattern, a field's path or a name in an expectation: each stands in one line of a verdict."""

CONSTRAINTS_MAX: Final = 16
"""Constraints of one pattern, and fields that correlate: no event has more fields that matter together."""

LARGEST: Final = 1e300
"""Magnitude of a number that fields are compared with: differences of larger ones are not finite."""

TICKS_MAX: Final = 10**9
"""Ticks of a bound: more than any run has."""

Operator = Literal["<", "<=", "==", "!=", ">=", ">", "in", "matches", "between"]
"""Operator of a constraint."""

OPERATORS: Final[tuple[str, ...]] = get_args(Operator)
"""Operators of constraints."""

_ORDERED: Final = ("<", "<=", ">=", ">")


class ExpectationPart(Message):
    """A table of an expectation, whose words are text in TOML."""

    model_config = ConfigDict(strict=False)


class Bound(ExpectationPart):
    """A distance in a run: exactly one of ticks, milliseconds of the events' own times, or events of the log."""

    ticks: Annotated[int, Field(strict=True, ge=0, le=TICKS_MAX)] | None = None
    """Distance in ticks."""
    ms: Annotated[float, Field(strict=True, gt=0)] | None = None
    """Distance in milliseconds, between the times that stand in the events."""
    events: Annotated[int, Field(strict=True, ge=1)] | None = None
    """Distance in events of the run's log."""

    @model_validator(mode="after")
    def check_unit(self) -> Self:
        """Refuse none and several units."""
        given = [name for name in ("ticks", "ms", "events") if getattr(self, name) is not None]
        if len(given) != 1:
            what = f"bound has {' and '.join(given)}" if given else "bound has no unit"
            raise wrong(what, "give exactly one of ticks, ms and events, like { ticks = 5 }")
        return self

    @property
    def unit(self) -> str:
        """Return the unit: `ticks`, `ms` or `events`."""
        return "ticks" if self.ticks is not None else "ms" if self.ms is not None else "events"

    @property
    def size(self) -> float:
        """Return the distance in its unit; milliseconds as microseconds, of which the times of events are whole numbers."""
        if self.ms is not None:
            # Rounded: 1.001 ms are 1001 microseconds, and 1000 * 1.001 is a little less.
            return round(1000 * self.ms, 3)
        return self.ticks if self.ticks is not None else self.events or 0

    def __str__(self) -> str:
        """Return the bound in words."""
        size, unit = self.size if self.ms is None else self.ms, self.unit
        return f"{size:g} {unit.removesuffix('s') if size == 1 and unit != 'ms' else unit}"


def _with_operator(value: object) -> object:
    """Return a bare value as the constraint that demands it."""
    return dict(value) if isinstance(value, Mapping) else {"==": value}


def _check_constraint(value: dict[str, Any]) -> dict[str, Any]:
    """Refuse empty constraints, operands that do not fit their operator, and what no value can meet."""
    if not value:
        what = "constraint is empty"
        raise wrong(what, 'write an operator and a value, like { ">=" = 2.5 }')
    for operator, operand in value.items():
        remedy = _operand_mistake(operator, operand)
        if remedy:
            what = f"{operand!r} does not go with {operator!r}"
            raise wrong(what, remedy)
    if _is_impossible(value):
        what = f"no value is {' and '.join(f'{each} {operand!r}' for each, operand in value.items())}"
        raise wrong(what, "correct one of the operands, or leave one out")
    return value


def _is_impossible(value: Mapping[str, Any]) -> bool:
    """Return whether no value can meet all operators; operands of a test that compare as they like are not judged."""
    plain = (str, int, float)
    if not all(isinstance(each, plain) for operand in value.values() for each in _several(operand)):
        return False
    named = [
        _several(operand) if each == "in" else (operand,)
        for each, operand in value.items()
        if each in ("==", "in")
    ]
    if named:
        return not any(all(_meets(each, *test) for test in value.items()) for each in named[0])
    pairs = [value["between"]] if "between" in value else []
    lows = [*((low, False) for low, _ in pairs), *((value[o], o == ">") for o in (">", ">=") if o in value)]
    highs = [
        *((high, False) for _, high in pairs),
        *((value[o], o == "<") for o in ("<", "<=") if o in value),
    ]
    return any(
        low > high or (low == high and (is_above or is_below))
        for low, is_above in lows
        for high, is_below in highs
    )


def _several(operand: object) -> tuple[Any, ...]:
    return tuple(operand) if isinstance(operand, list | tuple) else (operand,)


def _meets(value: Any, operator: str, operand: Any) -> bool:  # noqa: ANN401 - as a file has it
    """Return whether a value meets an operator; a value of another kind than the operand does not."""
    is_number = isinstance(value, int | float)
    match operator:
        case "==":
            return bool(value == operand)
        case "!=":
            return bool(value != operand)
        case "in":
            return value in operand
        case "matches":
            return isinstance(value, str) and re.search(operand, value) is not None
        case "between":
            return is_number and operand[0] <= value <= operand[1]
    return is_number and bool(_COMPARE[operator](value, operand))


_COMPARE: Final = {"<": lt, "<=": le, ">=": ge, ">": gt}


def _operand_mistake(operator: str, operand: object) -> str:
    """Return what an operand should be; empty if it is that."""
    if any(isinstance(each, int | float) and not -LARGEST <= each <= LARGEST for each in _several(operand)):
        return f"compare with a finite number, between {-LARGEST:g} and {LARGEST:g}"
    if operator in _ORDERED and not _is_number(operand):
        return "compare with a number"
    if operator == "in" and not (isinstance(operand, list | tuple) and operand):
        return 'give a list of at least one value, like ["bid", "ask"]'
    if operator == "between":
        pair = operand if isinstance(operand, list | tuple) else ()
        if len(pair) != 2 or not all(map(_is_number, pair)) or pair[0] > pair[1]:
            return "give two numbers, the lower first, like [2.0, 2.5]"
    if operator == "matches":
        return _pattern_mistake(operand)
    return ""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _pattern_mistake(operand: object) -> str:
    if not isinstance(operand, str) or len(operand) > TEXT_LENGTH_MAX:
        return f"give a regular expression of at most {TEXT_LENGTH_MAX} characters"
    try:
        re.compile(operand)
    except re.error as error:
        return f"correct the regular expression: {error}"
    return ""


Constraint: TypeAlias = Annotated[
    dict[Operator, Any], BeforeValidator(_with_operator), AfterValidator(_check_constraint)
]
"""A constraint on a value: operator → operand, all of which must hold. A bare value means `==`. Amounts of money are in credits."""

FieldPath = Annotated[str, Field(min_length=1, max_length=TEXT_LENGTH_MAX)]
"""Path of a field of an event: `data.price` or shorter `price`; of its envelope `actor`, `tick`, `entity`, `event_id`."""

Correlation = Annotated[tuple[FieldPath, ...], Field(max_length=CONSTRAINTS_MAX)]
"""Fields that two events have in common: `agent`, or `order_id = bid_id` where they differ in name."""


class EventPattern(ExpectationPart):
    """A pattern of events: a type and constraints on fields. Each item of a batch is an event of its own here."""

    type: Annotated[str, Field(min_length=1, max_length=TEXT_LENGTH_MAX)]
    """Type of the event, as `market.trade_executed` or `trade_executed`; `market.cpu.trade_executed` is of one market, and
    `agent.genesis_001.bid_accepted` of one agent."""
    where: Annotated[dict[FieldPath, Constraint], Field(max_length=CONSTRAINTS_MAX)] = Field(
        default_factory=dict
    )
    """Constraints: path of a field → what must hold for its value."""


def _require_form(schema: dict[str, Any]) -> None:
    """Ask for the word of the form in the published schema: in Python the class says it."""
    schema["required"] = [*dict.fromkeys(("form", *schema.get("required", ())))]


class Form(ExpectationPart):
    """An expectation of any form."""

    model_config = ConfigDict(json_schema_extra=_require_form)

    name: Annotated[str, Field(max_length=TEXT_LENGTH_MAX)] = ""
    """Name of the expectation in verdicts; by default its content in words."""

    @field_validator("name", mode="after")
    @classmethod
    def check_name(cls, name: str) -> str:
        """Refuse characters that nobody sees, among them those that move a terminal's cursor or turn its text round."""
        if any(category(sign).startswith("C") for sign in name):
            what = f"{name!a} has a character that nobody sees"
            raise wrong(what, "leave it out")
        return name
