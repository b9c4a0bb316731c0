"""Money as people write it: credits in files and on the wire, integer micro-credits in memory.

Owns the conversion, which is exact or refused. Used by scenarios and reports.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from econsim.schemas.types import AMOUNT_MAX, MICROS_PER_CREDIT


def parse_credits(value: object) -> object:
    """Turn credits as written (`3.25`, `"3.25"`, `3`) into micro-credits; leave the rest to validation."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    try:
        micros = Decimal(str(value)) * MICROS_PER_CREDIT
    except InvalidOperation:
        message = f"{value!r} is not an amount of credits; write it like 3.25"
        raise ValueError(message) from None
    if not micros.is_finite() or micros != micros.to_integral_value():
        message = f"{value!r} has more than six decimals; a credit has 1 000 000 micro-credits"
        raise ValueError(message)
    return int(micros)


def format_credits(micros: int) -> str:
    """Write micro-credits as credits, exactly: `3250000` → `3.25`."""
    text = f"{Decimal(micros) / MICROS_PER_CREDIT:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


Credits = Annotated[
    int,
    Field(ge=0, le=AMOUNT_MAX),
    BeforeValidator(parse_credits),
    PlainSerializer(format_credits),
    WithJsonSchema({"type": ["number", "string"], "description": "Credits, up to six decimals."}),
]
"""Credits in the file and on the wire, micro-credits in memory."""
