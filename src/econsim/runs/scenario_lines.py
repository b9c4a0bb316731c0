"""Lines of a TOML text: the line of each table, key, array element and key of an inline table.

The text was parsed by `tomllib` before, so this reader finds lines and checks nothing. A key that it cannot find gets the
line of its nearest table. Called by `scenario_file` alone.
"""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from functools import lru_cache
from typing import Final, TypeAlias

Key: TypeAlias = tuple[int | str, ...]
"""A path: names of keys, and positions (from 0) in arrays."""

_SPACE: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_NAME: Final = re.compile(r"""[\w-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_WORD: Final = re.compile(
    r'''"""(?:[^\\]|\\.)*?"{3,5}(?!")|\'\'\'.*?\'{3,5}(?!\')|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^,\]}\s#]+''',
    re.DOTALL,
)
"""A value that is neither array nor inline table: text of any form, a number, a truth value."""


def line_of(text: str, key: Key) -> int:
    """Return the line, from 1, of a key or of its nearest table that is written out; 1 if none is."""
    lines = _lines(text)
    while key and key not in lines:
        key = key[:-1]
    return lines.get(key, 1)


@lru_cache(maxsize=1)
def _lines(text: str) -> dict[Key, int]:
    """Return path → line for every table, key and element."""
    reader = _Reader(text)
    with suppress(_UnknownForm):
        reader.read()
    return reader.lines


class _UnknownForm(Exception):
    """Error of a text that continues in a form this reader does not know."""


class _Reader:
    """A position in the text, and the lines found before it."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Key, int] = {}
        self._text = text
        self._at = 0
        self._line = 1
        self._tables: Counter[Key] = Counter()

    def read(self) -> None:
        """Read tables and keys to the end of the text; raises _UnknownForm for a form it does not know."""
        here: Key = ()
        while self._next():
            if self._skip("[["):
                here = self._header(element=True)
            elif self._skip("["):
                here = self._header(element=False)
            else:
                self._pair(here)

    def _header(self, *, element: bool) -> Key:
        """Read a table's header; each array of tables on the way stands for its newest element."""
        path: Key = ()
        line, names = self._line, self._names()
        for position, name in enumerate(names):
            path = (*path, name)
            last = position == len(names) - 1
            if last and element:
                self.lines.setdefault(path, line)
                self._tables[path] += 1
            if self._tables[path] and (element or not last):
                path = (*path, self._tables[path] - 1)
            self.lines.setdefault(path, line)
        self._expect("]]" if element else "]")
        return path

    def _pair(self, here: Key) -> None:
        """Read a key and its value."""
        line, path = self._line, here
        for name in self._names():
            path = (*path, name)
            self.lines.setdefault(path, line)
        self._expect("=")
        self._value(path)

    def _value(self, path: Key) -> None:
        self._next()
        if self._skip("["):
            place = 0
            while self._next() != "]":
                self.lines.setdefault((*path, place), self._line)
                self._value((*path, place))
                place += 1
                self._comma("]")
            self._expect("]")
        elif self._skip("{"):
            while self._next() != "}":
                self._pair(path)
                self._comma("}")
            self._expect("}")
        else:
            self._take(_WORD)

    def _comma(self, end: str) -> None:
        if self._next() != end:
            self._expect(",")

    def _names(self) -> list[str]:
        """Read a dotted key."""
        names = [self._name()]
        while self._next() == ".":
            self._expect(".")
            names.append(self._name())
        return names

    def _name(self) -> str:
        self._next()
        return self._take(_NAME).strip("\"'")

    def _next(self) -> str:
        """Go to what is no space and no comment; return its first character, nothing at the end."""
        self._take(_SPACE)
        return self._text[self._at : self._at + 1]

    def _skip(self, mark: str) -> bool:
        """Pass a mark, if it stands here."""
        found = self._text.startswith(mark, self._at)
        if found:
            self._at += len(mark)
        return found

    def _expect(self, mark: str) -> None:
        self._next()
        if not self._skip(mark):
            raise _UnknownForm

    def _take(self, form: re.Pattern[str]) -> str:
        found = form.match(self._text, self._at)
        if found is None:
            raise _UnknownForm
        self._line += found[0].count("\n")
        self._at = found.end()
        return found[0]
