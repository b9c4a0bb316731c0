"""JSON Schemas of prompts as texts: schemas with the same text are one object in a process, and its text is made once.

A thousand agents send the schema of their answers with each thought; it is counted, checked and compared several times a call. What
is kept is found by the object itself, so nobody may change a schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter

SHARED_MAX: Final = 256
"""Schemas kept; a market has two or three."""

SHARED_BYTES_MAX: Final = 8_192
"""Bytes of the longest text that is kept: longer schemas come from agents that make them up."""

_JSON: Final = TypeAdapter(dict[str, object])

_objects: Final[dict[bytes, dict[str, Any]]] = {}
_texts: Final[dict[int, tuple[Mapping[str, Any], bytes]]] = {}


def schema_text(schema: Mapping[str, Any]) -> bytes:
    """Return the JSON text of a schema, without spaces; raises RecursionError or ValueError for one that JSON cannot hold."""
    kept = _texts.get(id(schema))
    if kept is not None and kept[0] is schema:
        return kept[1]
    if not isinstance(schema, dict):
        return _JSON.dump_json(dict(schema))
    text = _JSON.dump_json(schema)
    if len(text) <= SHARED_BYTES_MAX:
        if len(_texts) >= SHARED_MAX:
            _texts.clear()
            _objects.clear()
        _objects.setdefault(text, schema)
        _texts[id(schema)] = schema, text
    return text


def shared_schema(schema: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the object that stands for all schemas of the same text."""
    if schema is None:
        return None
    try:
        text = _JSON.dump_json(schema)
    except (RecursionError, ValueError):  # whoever checks the schema says so
        return schema
    shared = _objects.get(text)
    if shared is None:
        schema_text(schema)
        return schema
    return shared
