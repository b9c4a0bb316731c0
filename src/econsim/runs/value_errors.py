"""Sentences for the schemas' complaints about a value: the one table that translates pydantic's words.

Called by `scenario_file` for scenario files, and by the command line for options that a schema checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from re import findall
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from econsim.schemas.money import printed_value

SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "float_type": ("is no number", "write a number like 3.5, without quotes"),
    "finite_number": ("is no number that can be measured", "write one like 3.5"),
    "int_type": ("is no whole number", "write one like 3, without quotes"),
    "int_from_float": ("is no whole number", "write one like 3"),
    "int_parsing_size": ("is too large", "write a smaller number"),
    "bool_type": ("is neither true nor false", "write one of them, without quotes"),
    "string_type": ("is no text", 'write it in quotes, like "cpu"'),
    "tuple_type": ("is no list", "write one in brackets, like [3.25, 3.00]"),
    "model_type": ("is no table", "write its keys under a header, or in braces"),
    "enum": ("is not one of the words of this key", "write {expected}, in quotes"),
    "string_pattern_mismatch": ("is no name", "use a-z 0-9 _ -, a letter or digit first"),
    "string_too_short": ("is too short", "write at least {min_length} characters"),
    "string_too_long": ("is too long", "write at most {max_length} characters"),
    "too_short": ("has too few entries", "write at least {min_length}"),
    "too_long": ("has too many entries", "write at most {max_length}"),
    "greater_than_equal": ("is too small", "write a number from {range}"),
    "less_than_equal": ("is too large", "write a number from {range}"),
    "greater_than": ("is too small", "write a number above {gt}"),
    "less_than": ("is too large", "write a number below {lt}"),
}
"""Kind of a schema's complaint → what is wrong with the value, and what would be right."""

NO_SENTENCE: Final = ("cannot be used here", "")
"""Error and remedy for a kind of complaint that has no sentence."""


def sentence(problem: ErrorDetails, table: type[BaseModel]) -> tuple[str, str]:
    """Return what is wrong with a value and what would be right; `table` is the schema that has its key."""
    context = problem.get("ctx", {})
    what, remedy = SENTENCES.get(problem["type"], NO_SENTENCE)
    expected = str(context.get("expected", ""))
    words: dict[str, Any] = {**context, "expected": expected, "range": _range(problem, table)}
    near = get_close_matches(str(problem["input"]), findall(r"'([^']*)'", expected), n=1, cutoff=0.4)
    remedy = f"did you mean {near[0]!r}?" if near else remedy.format(**words)
    return f"{printed_value(problem['input'])} {what}", remedy


def _range(problem: ErrorDetails, table: type[BaseModel]) -> str:
    """Return the numbers that a key takes, as "1 to 9", "1 upwards" or "9 downwards"."""
    limits = dict(problem.get("ctx", {}))
    field = table.model_fields.get(str(problem["loc"][-1])) if problem["loc"] else None
    for limit in field.metadata if field else ():
        limits |= {name: getattr(limit, name) for name in ("ge", "le") if hasattr(limit, name)}
    if "le" not in limits:
        return f"{limits.get('ge')} upwards"
    return f"{limits['ge']} to {limits['le']}" if "ge" in limits else f"{limits['le']} downwards"
