"""Where in a TOML text a key is written, found by reading table headers and keys line by line.

Good enough for messages: for a key inside an inline table or an array it gives the line of the
innermost key found. Called by `scenario_files` alone.
"""

from __future__ import annotations

from collections import Counter
from re import match
from typing import TypeAlias

Key: TypeAlias = tuple[int | str, ...]
"""A path: names of keys, and positions (from 0) in arrays of tables."""


def line_of(text: str, key: Key) -> int:
    """Return the line, from 1, of a key or of its nearest table that is written out; 1 if none is."""
    lines = _lines(text)
    while key and key not in lines:
        key = key[:-1]
    return lines.get(key, 1)


def _lines(text: str) -> dict[Key, int]:
    """Return path → line for every header and key."""
    lines: dict[Key, int] = {}
    tables: Counter[Key] = Counter()
    here: Key = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if found := match(r"\s*([\w-]+)\s*=", line):
            lines.setdefault((*here, found[1]), number)
        if header := match(r"\s*\[(\[?)\s*([\w.\s-]+?)\s*\]\]?\s*(#.*)?$", line):
            here = _inside(tables, header[2])
            lines.setdefault(here, number)
            here = _element(tables, here) if header[1] else here
            lines[here] = number
    return lines


def _element(tables: Counter[Key], array: Key) -> Key:
    """Return the path of an array's next element, and count it."""
    tables[array] += 1
    return (*array, tables[array] - 1)


def _inside(tables: Counter[Key], dotted: str) -> Key:
    """Return a header's path: each array of tables on the way stands for its newest element."""
    path: Key = ()
    names = [name.strip() for name in dotted.split(".")]
    for position, name in enumerate(names):
        path = (*path, name)
        if tables[path] and position < len(names) - 1:
            path = (*path, tables[path] - 1)
    return path
