"""The first difference of two prompts, as one line: the path of the field, and both values, shortened. Pure."""

from __future__ import annotations

import json
from typing import Final

SHOWN_MAX: Final = 40
"""Characters of a value that are shown."""

BEFORE: Final = 10
"""Characters that are shown before the first one that differs."""

_NOTHING: Final = object()


def prompt_difference(recorded: str, asked: str) -> str | None:
    """Return the first field in which two prompts, given as JSON text, differ, with both values; None for equal prompts."""
    return _difference(json.loads(recorded), json.loads(asked), "")


def _difference(recorded: object, asked: object, path: str) -> str | None:
    """Return the first difference of two values at a path."""
    if recorded == asked and type(recorded) is type(asked):
        return None
    if isinstance(recorded, dict) and isinstance(asked, dict):
        pairs = [(f"{path}.{key}", key) for key in {**recorded, **asked}]
        found = (_difference(recorded.get(key, _NOTHING), asked.get(key, _NOTHING), at) for at, key in pairs)
        return next((each for each in found if each), None)
    if isinstance(recorded, list) and isinstance(asked, list):
        length = max(len(recorded), len(asked))
        found = (_difference(_item(recorded, n), _item(asked, n), f"{path}[{n}]") for n in range(length))
        return next((each for each in found if each), None)
    start = _start(recorded, asked)
    where = f"{path.removeprefix('.')}, character {start + 1}" if start else path.removeprefix(".")
    return f"{where}: recorded is {_shown_value(recorded, start)}, asked is {_shown_value(asked, start)}"


def _item(values: list[object], place: int) -> object:
    return values[place] if place < len(values) else _NOTHING


def _start(recorded: object, asked: object) -> int:
    """Return the place of the first character in which two texts differ; 0 for other values."""
    if not isinstance(recorded, str) or not isinstance(asked, str):
        return 0
    pairs = zip(recorded, asked, strict=False)
    return next((n for n, (one, other) in enumerate(pairs) if one != other), min(len(recorded), len(asked)))


def _shown_value(value: object, start: int) -> str:
    if value is _NOTHING:
        return "nothing"
    if not isinstance(value, str):
        text = repr(value)
        return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"
    first = max(0, start - BEFORE)
    part = repr(value[first : first + SHOWN_MAX])
    return f"{'…' if first else ''}{part}{'…' if len(value) > first + SHOWN_MAX else ''}"
