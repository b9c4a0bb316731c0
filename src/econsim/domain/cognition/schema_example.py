"""The smallest value that a JSON Schema asks for, so that `rules` answers schemas that it has no policy for. Pure.

It knows the words that schemas of answers use, and not those that ask for a search: a pattern, a sum of conditions. Its
user checks the value.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, floor
from typing import Final

_TYPES: Final = ("object", "array", "string", "integer", "number", "boolean", "null")


def schema_example(schema: Mapping[str, object]) -> object:
    """Return a small value for a schema that `schema_check` takes; it may still break rules that it does not know."""
    return _example(schema, schema)


def _example(schema: object, root: Mapping[str, object]) -> object:
    """Return a value for a part of a schema; `root` is the whole, which references point into."""
    value: object = None
    match schema:
        case {"const": fixed} | {"enum": [fixed, *_]}:
            value = fixed
        case {"$ref": str(reference)}:
            value = _example(_part(root, reference), root)
        case {"anyOf": [first, *_]} | {"oneOf": [first, *_]}:
            value = _example(first, root)
        case {"allOf": [*parts], **rest}:
            together = [part for part in (*parts, rest) if isinstance(part, dict)]
            value = _example({name: word for part in together for name, word in part.items()}, root)
        case dict():
            value = _of_type(schema, root)
    return value


def _part(root: Mapping[str, object], reference: str) -> object:
    part: object = root
    for word in reference.removeprefix("#/").split("/"):
        key = word.replace("~1", "/").replace("~0", "~")
        part = part[int(key)] if isinstance(part, list) else part[key] if isinstance(part, dict) else None
    return part


def _of_type(schema: Mapping[str, object], root: Mapping[str, object]) -> object:
    match _type_of(schema):
        case "object":
            return _object(schema, root)
        case "array":
            return _array(schema, root)
        case "string":
            return "x" * _whole(schema.get("minLength"))
        case "integer" | "number":
            return _number(schema)
        case "boolean":
            return False
    return None


def _type_of(schema: Mapping[str, object]) -> object:
    said = schema.get("type")
    if isinstance(said, list):
        return said[0] if said else None
    if said is None:
        return "object" if "properties" in schema or "required" in schema else "null"
    return said if said in _TYPES else None


def _object(schema: Mapping[str, object], root: Mapping[str, object]) -> object:
    properties, required = schema.get("properties"), schema.get("required")
    known = properties if isinstance(properties, dict) else {}
    return {name: _example(known.get(name), root) for name in required} if isinstance(required, list) else {}


def _array(schema: Mapping[str, object], root: Mapping[str, object]) -> object:
    first = schema.get("prefixItems")
    rows = first if isinstance(first, list) else []
    least = _whole(schema.get("minItems"))
    return [_example(rows[n] if n < len(rows) else schema.get("items"), root) for n in range(least)]


def _number(schema: Mapping[str, object]) -> int:
    """Return the whole number nearest to 0 within the bounds of a schema."""
    least = [ceil(bound) for bound in _numbers(schema, "minimum")]
    least += [floor(bound) + 1 for bound in _numbers(schema, "exclusiveMinimum")]
    most = [floor(bound) for bound in _numbers(schema, "maximum")]
    most += [ceil(bound) - 1 for bound in _numbers(schema, "exclusiveMaximum")]
    return min([max([0, *least]), *most])


def _numbers(schema: Mapping[str, object], name: str) -> list[int | float]:
    bound = schema.get(name)
    return [bound] if isinstance(bound, int | float) else []


def _whole(value: object) -> int:
    return min(value, 1_000) if isinstance(value, int) else 0
