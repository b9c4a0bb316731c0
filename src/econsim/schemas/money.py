"""Money in credits, as people write it in files, and in integer micro-credits, as the code computes with it.

Owns the conversion, exact or refused, and the limits in credits. Used by scenarios and reports.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from math import isfinite
from re import fullmatch
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from econsim.schemas.types import AMOUNT_MAX, MICROS_PER_CREDIT, PRICE_MAX

SHOWN_MAX: Final = 60
"""Characters of a wrong value shown in an error."""

CREDITS_SCHEMA: Final = "Credits"
"""First word of the description of an amount of money in a JSON Schema."""

_WRITTEN: Final = r"-?[0-9]+(\.[0-9]+)?"
"""Pattern of credits as text: digits and at most one point."""


def parse_credits(value: object) -> int:
    """Return written credits (`3.25`, `"3.25"`, `3`) in micro-credits.

    Raises ValueError for a value that is no amount: other types, other text, more than six decimals, nan and inf.
    """
    if isinstance(value, float) and not isfinite(value):
        message = (
            f"{value} is not an amount of credits: no amount is infinite or undefined; write it like 3.25"
        )
        raise ValueError(message)
    text = isinstance(value, str) and fullmatch(_WRITTEN, value)
    if isinstance(value, bool) or not (text or isinstance(value, int | float)):
        message = f"{printed_value(value)} is not an amount of credits; write it like 3.25"
        raise ValueError(message)
    micros = Decimal(str(value)) * MICROS_PER_CREDIT
    if micros != micros.to_integral_value():
        message = f"{printed_value(value)} has more than six decimals; a credit has 1 000 000 micro-credits"
        raise ValueError(message)
    return int(micros)


def printed_value(value: object) -> str:
    """Return a value as the text an error shows: as a file has it, in one short line."""
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"


def format_credits(micros: int) -> str:
    """Return micro-credits as text in credits, exactly: `3250000` → `3.25`."""
    whole, rest = divmod(abs(micros), MICROS_PER_CREDIT)
    text = f"{whole}.{rest:06d}".rstrip("0") if rest else str(whole)
    return f"-{text}" if micros < 0 else text


def _bounded_parser(least: int, most: int) -> Callable[[object], int]:
    """Return a parser of credits that refuses values out of bounds; its errors are in credits, a schema's would not be."""

    def parse(value: object) -> int:
        micros = parse_credits(value)
        if not least <= micros <= most:
            bounds = f"at least {format_credits(least)} and at most {format_credits(most)} credits"
            message = f"{printed_value(value)} is outside the limits; write {bounds}"
            raise ValueError(message)
        return micros

    return parse


def _credits_schema(least: int, most: int) -> WithJsonSchema:
    digits = len(str(most // MICROS_PER_CREDIT))
    number = {
        "type": "number",
        "minimum": least / MICROS_PER_CREDIT,
        "maximum": most / MICROS_PER_CREDIT,
    }
    sign = "-?" if least < 0 else ""
    text = {"type": "string", "pattern": rf"^{sign}[0-9]{{1,{digits}}}(\.[0-9]{{1,6}})?$"}
    limits = f"{format_credits(least)} to {format_credits(most)}"
    return WithJsonSchema(
        {"anyOf": [number, text], "description": f"{CREDITS_SCHEMA}, {limits}, up to six decimals."}
    )


Credits = Annotated[
    int,
    Field(ge=0, le=AMOUNT_MAX),
    BeforeValidator(_bounded_parser(0, AMOUNT_MAX)),
    PlainSerializer(format_credits),
    _credits_schema(0, AMOUNT_MAX),
]
"""Amount of money: credits in files and on the wire, micro-credits in memory."""

UnitCredits = Annotated[
    int,
    Field(ge=0, le=PRICE_MAX),
    BeforeValidator(_bounded_parser(0, PRICE_MAX)),
    PlainSerializer(format_credits),
    _credits_schema(0, PRICE_MAX),
]
"""Value, cost or price of one unit: credits in files and on the wire, micro-credits in memory."""

PriceCredits = Annotated[
    int,
    Field(ge=1, le=PRICE_MAX),
    BeforeValidator(_bounded_parser(1, PRICE_MAX)),
    PlainSerializer(format_credits),
    _credits_schema(1, PRICE_MAX),
]
"""Price of one unit, above zero: credits in files and on the wire, micro-credits in memory."""

SignedCredits = Annotated[
    int,
    Field(ge=-PRICE_MAX, le=PRICE_MAX),
    BeforeValidator(_bounded_parser(-PRICE_MAX, PRICE_MAX)),
    PlainSerializer(format_credits),
    _credits_schema(-PRICE_MAX, PRICE_MAX),
]
"""Credits a unit that are added or taken away, such as a tax: credits in files and on the wire, micro-credits in memory."""
