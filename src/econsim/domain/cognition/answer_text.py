"""The JSON in the text of a model's answer, whatever the model wrote around it. Pure.

Models put JSON in code fences, think aloud before it, and write numbers as texts and texts as numbers. Numbers with a
point are read as text, so that an amount of credits stays exact.
"""

from __future__ import annotations

import json
import re
from typing import Final

PLACES_MAX: Final = 1_000
"""Brackets at which a value is looked for: a text of nothing but brackets costs no more than this."""

SHOWN_MAX: Final = 40
"""Characters of a wrong value shown in a sentence."""

_BRACKET: Final = re.compile(r"[{\[]")
_FENCED: Final = re.compile(r"```(?:json|JSON)?\s*\n(.*?)\n?```", re.DOTALL)
_WHOLE: Final = re.compile(r"\s*([0-9]{1,15})(\.0*)?\s*")
_DECODER: Final = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)


def json_values(text: str) -> list[object]:
    """Return the JSON objects and lists in a text, in its order; all numbers in them are text."""
    values: list[object] = []
    at = 0
    for _ in range(PLACES_MAX):
        bracket = _BRACKET.search(text, at)
        if bracket is None:
            break
        try:
            value, at = _DECODER.raw_decode(text, bracket.start())
        except RecursionError:  # no answer is so deep, and every bracket of it would cost as much
            break
        except ValueError:
            at = bracket.end()
        else:
            values.append(value)
    return values


def without_fence(text: str) -> str:
    """Return a text without the one code fence around it, if it has one; models put JSON in fences unasked."""
    fenced = _FENCED.fullmatch(text.strip())
    return fenced[1] if fenced else text


def whole_number(value: object) -> int | None:
    """Return a whole number that a model wrote as a number or as text; None for anything else."""
    if not isinstance(value, str) or not (match := _WHOLE.fullmatch(value)):
        return None
    return int(match[1])


def brief_text(value: object) -> str:
    """Return a value as a sentence shows it, in a few characters."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"
