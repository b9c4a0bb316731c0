"""Results and errors of tools as JSON: exact for every reader, and harmless in a terminal.

Amounts are decimal text, and so is an integer that some readers would round. Text of the result is plain ASCII: characters
that steer a terminal or turn the direction of writing are seen, not obeyed.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import Final

from pydantic import BaseModel

from econsim.errors import EconsimError
from econsim.schemas.base import error_body
from econsim.schemas.refusals import refusal_codes

EXACT_INTEGER_MAX: Final = 2**53 - 1
"""Largest integer that every reader of JSON keeps exact."""

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]
"""A value of JSON."""

_LINK: Final = re.compile(r"\[([^\]]+)\]\([^)]+\)")


def json_value(value: object) -> Json:  # noqa: PLR0911 - one line for each kind of value
    """Return a value of the SDK as JSON: records with their fields and properties, amounts as text."""
    match value:
        case None | bool() | float():
            return value
        case Enum():
            return json_value(value.value)
        case Decimal():
            return f"{value.normalize():f}"
        case int():
            return value if abs(value) <= EXACT_INTEGER_MAX else str(value)
        case str():
            return value
        case BaseModel():
            return json_value(value.model_dump())
        case Mapping():
            return {str(key): json_value(each) for key, each in value.items()}
        case Sequence():
            return [json_value(each) for each in value]
    return {name: json_value(getattr(value, name)) for name in _names(value)}


def _names(value: object) -> list[str]:
    """Return the fields of a record, and its properties: what is available is computed."""
    assert dataclasses.is_dataclass(value)
    properties = [name for name, member in vars(type(value)).items() if isinstance(member, property)]
    return [*(field.name for field in dataclasses.fields(value)), *properties]


def result_object(value: object) -> dict[str, Json]:
    """Return a result as an object, which is what the protocol carries: a list is its `items`."""
    found = json_value(value)
    return found if isinstance(found, dict) else {"items": found}


def error_object(error: EconsimError) -> dict[str, Json]:
    """Return an error as an object: code, message, whether and when to call again, and the remedy of its code."""
    known = refusal_codes().get(error.error_code)
    remedy = _LINK.sub(r"\1", known.remedy) if known else ""
    return {"error": json_value(error_body(error).model_dump() | {"remedy": remedy})}


def text_of(value: dict[str, Json]) -> str:
    """Return an object as text for a language model."""
    return json.dumps(value, ensure_ascii=True)
