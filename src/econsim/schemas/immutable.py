"""Small immutable records of the hot path, which are made a million times a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

Record = TypeVar("Record")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def immutable(cls: type[Record]) -> type[Record]:
    """Make a class a dataclass with slots that type checkers hold immutable, and that can be a key.

    `dataclass(frozen=True)` also refuses assignments at run time, and pays for it at every construction: 2.7 µs for eight
    fields instead of 0.5, which is an eighth of the processor time of a run of 1 000 traders.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
