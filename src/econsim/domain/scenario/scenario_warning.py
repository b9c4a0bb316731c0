"""A warning about a scenario, and the path of the key that a person would change. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Key: TypeAlias = tuple[int | str, ...]
"""A path: names of keys, and positions (from 0) in arrays."""


@dataclass(frozen=True, slots=True)
class ScenarioWarning:
    """One key of a scenario with a value that is probably a mistake."""

    key: Key
    """Key in the scenario."""
    what: str
    """Problem with the value, and its reason."""
    remedy: str
    """Change that would make sense."""
