"""The JSON Schemas of messages and files: fields are described by the docstrings below them, amounts of money are in credits.

The docstrings are read from the source when a schema is made. Pydantic can read them itself, for each class when it is imported:
that took a sixth of the time of a short command, and most commands never make a schema.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from functools import cache

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import DataclassSchema, ModelSchema, WithDefaultSchema

from econsim.schemas.money import CREDITS_SCHEMA
from econsim.schemas.types import MICROS_PER_CREDIT


class DocumentedJsonSchema(GenerateJsonSchema):
    """A JSON Schema generator that describes each field by the docstring below it, and writes default amounts in credits."""

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        """Return the schema of a model."""
        return _describe_fields(schema["cls"], super().model_schema(schema))

    def dataclass_schema(self, schema: DataclassSchema) -> JsonSchemaValue:
        """Return the schema of a dataclass."""
        return _describe_fields(schema["cls"], super().dataclass_schema(schema))

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        """Return the schema of a field that has a default."""
        found = super().default_schema(schema)
        if str(found.get("description", "")).startswith(CREDITS_SCHEMA) and found.get("default") is not None:
            found["default"] = found["default"] / MICROS_PER_CREDIT
        return found


def field_descriptions(cls: type) -> Mapping[str, str]:
    """Return the docstrings below the fields of a class and of what it inherits from; none where there is no source."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        found |= _docstrings(base.__module__).get(base.__name__, {})
    return found


def _describe_fields(cls: type, schema: JsonSchemaValue) -> JsonSchemaValue:
    """Return the schema of a class with a description of each field that has none of its own."""
    descriptions, fields = field_descriptions(cls), getattr(cls, "__pydantic_fields__", {})
    for name, written in schema.get("properties", {}).items():
        if name in descriptions and (name not in fields or fields[name].description is None):
            written["description"] = descriptions[name]
    return schema


@cache
def _docstrings(module: str) -> Mapping[str, Mapping[str, str]]:
    """Return class → field → docstring for the classes of a module; nothing for a module without source."""
    try:
        source = inspect.getsource(sys.modules[module])
    except (KeyError, OSError, TypeError):
        return {}
    classes = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
    return {each.name: dict(_fields(each)) for each in classes}


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, after in zip(node.body, node.body[1:], strict=False):
        match field, after:
            case ast.AnnAssign(target=ast.Name(name)), ast.Expr(ast.Constant(str(text))):
                yield name, inspect.cleandoc(text)
