"""The arguments of a call as a person writes them: one JSON object, or `key=value` for each argument. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from econsim.errors import InvalidMessage

FORM: Final = "write the arguments as one JSON object, or each as key=value"
"""Clause of every refusal: the two forms there are."""


def written_arguments(words: Iterable[str], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments in words; raises InvalidMessage for words of another form.

    A value stays text where the tool's input schema wants a string. Elsewhere it is read as JSON, and is text if it is none.
    """
    given = list(words)
    if len(given) == 1 and given[0].lstrip().startswith("{"):
        return _json_object(given[0])
    found: dict[str, Any] = {}
    for word in given:
        key, equals, value = word.partition("=")
        if not (key and equals):
            message = f"{word[:60]!r} is no argument; {FORM}"
            raise InvalidMessage(message)
        if key in found:
            message = f"argument {key[:60]!r} is given twice; a list is written as key=[1,2]"
            raise InvalidMessage(message)
        found[key] = value if _is_text(schema, key) else _value(value)
    return found


def _json_object(text: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"the arguments are no JSON object: {error}; {FORM}"
        raise InvalidMessage(message) from None
    return found


def _is_text(schema: Mapping[str, Any], key: str) -> bool:
    properties = schema.get("properties")
    declared = properties.get(key) if isinstance(properties, Mapping) else None
    return isinstance(declared, Mapping) and declared.get("type") == "string"


def _value(text: str) -> object:
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return found
