"""Annotations of the data of events: the fields, kinds of values and words that they allow. Pure; `names.py` holds expectations against them."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel


class ValueKind(StrEnum):
    """Kind of a field's values."""

    TEXT = "text"
    """Kind of names, ids and words."""
    NUMBER = "a number"
    """Kind of amounts, prices and ticks."""
    FLAG = "true or false"
    """Kind of what is either so or not."""


CARRIERS: Final = ("items", "chains")
"""Fields whose elements are events of their own."""


def words(annotation: object) -> frozenset[str]:
    """Return the words that an annotation allows; empty if it allows any text."""
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return frozenset(each.value for each in annotation)
    if get_origin(annotation) is Literal:
        return frozenset(each for each in get_args(annotation) if isinstance(each, str))
    members = [each for each in get_args(annotation) if each is not type(None)]
    if get_origin(annotation) in (Union, types.UnionType):
        found = [words(each) for each in members]
        return frozenset().union(*found) if all(found) else frozenset()
    return words(members[0]) if get_origin(annotation) is Annotated else frozenset()


def kinds(annotation: object) -> Iterator[ValueKind | None]:
    """Yield the kind of each member of an annotation's union; none is told of what is neither text, number nor truth value."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from kinds(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        members = (each for each in get_args(annotation) if each is not type(None))
        yield from (kind for each in members for kind in kinds(each))
    elif origin is Literal:
        yield from (_kind_of_class(type(each)) for each in get_args(annotation))
    else:
        yield _kind_of_class(annotation)


def _kind_of_class(found: object) -> ValueKind | None:
    if not isinstance(found, type):
        return None
    if issubclass(found, bool):
        return ValueKind.FLAG
    if issubclass(found, str):
        return ValueKind.TEXT
    return ValueKind.NUMBER if issubclass(found, int | float) else None


@lru_cache(256)
def fields(model: type) -> dict[str, Any] | None:
    """Return the fields of an event's data, or of the items that it carries: name → annotation; none if any are allowed."""
    found = own_fields(model)
    for carrier in CARRIERS:
        if found and carrier in found:
            merged: dict[str, Any] = {}
            for item in classes(found[carrier]):
                merged |= own_fields(item) or {}
            # The summary of a batch has a field `items` that is their number.
            if merged:
                return merged
    return found


def own_fields(model: type) -> dict[str, Any] | None:
    """Return the fields of a class: name → annotation; none if any are allowed."""
    if isinstance(model, type) and issubclass(model, BaseModel):
        return {name: field.annotation for name, field in model.model_fields.items()} or None
    return get_type_hints(model) if dataclasses.is_dataclass(model) else None


def classes(annotation: object) -> list[type]:
    """Return the documented classes in an annotation: those of a list's elements, of a union's members."""
    if isinstance(annotation, type) and (
        dataclasses.is_dataclass(annotation) or issubclass(annotation, BaseModel)
    ):
        return [annotation]
    return [found for each in get_args(annotation) for found in classes(each)]


def fields_below(annotation: object) -> dict[str, Any] | None:
    """Return the fields below one; none if that cannot be told, as of lists and of plain values."""
    found = classes(annotation)
    is_plain = not any(word in str(annotation) for word in ("tuple", "list", "dict"))
    return own_fields(found[0]) if is_plain and len(found) == 1 else None


def is_list(annotation: object) -> bool:
    """Return whether an annotation is that of a list."""
    return get_origin(annotation) in (tuple, list)
