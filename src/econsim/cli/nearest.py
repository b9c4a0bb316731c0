"""Remedy for an unknown name: the nearest known name, or all of them."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

LISTED_MAX: Final = 20
"""Names that one sentence lists; further names are counted."""


def name_suggestion(name: str, known: Iterable[str], several: str) -> str:
    """Return the remedy for a name that is not among the known ones; `several` is the plural noun for them."""
    names = list(known)
    if near := get_close_matches(name, names, n=1):
        return f"did you mean {near[0]!r}?"
    if not names:
        return f"there are no {several}"
    more = f" and {len(names) - LISTED_MAX} more" if len(names) > LISTED_MAX else ""
    return f"the {several} are {', '.join(names[:LISTED_MAX])}{more}"
