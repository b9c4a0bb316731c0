"""Last lines of an agent's output, printable and bounded."""

from __future__ import annotations

import asyncio
import codecs
from collections import deque
from collections.abc import Callable
from typing import Final

LINES_MAX: Final = 200
"""Lines stored: a traceback, with some lines before it."""

LINE_CHARS_MAX: Final = 500
"""Characters of a line; a longer line is broken."""

READ_BYTES: Final = 16 * 2**10
"""Bytes read at once; an agent that writes faster than it is read waits (backpressure)."""

OnLine = Callable[[str], None]
"""Callback for each line."""


class OutputTail:
    """Last printable lines of one agent's output."""

    def __init__(self, on_line: OnLine | None = None, most: int | None = None) -> None:
        """Start empty; take at most `most` bytes, none for no limit."""
        self.over = False
        """True if the output exceeded the limit of bytes."""
        self._left = most
        self.lines: deque[str] = deque(maxlen=LINES_MAX)
        """Last lines, oldest first."""
        self._on_line = on_line or (lambda _: None)
        self._begun = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    async def follow(self, reader: asyncio.StreamReader) -> None:
        """Read the output to its end."""
        while data := await reader.read(READ_BYTES):
            self.add(data)
        self.finish()

    def add(self, data: bytes) -> None:
        """Add output up to the limit; a line is stored when it is complete or too long."""
        if self._left is not None:
            self.over = self.over or len(data) > self._left
            data = data[: self._left]
            self._left -= len(data)
        *complete, rest = (self._begun + self._decoder.decode(data)).split("\n")
        for line in complete:
            self._store(line)
        while len(rest) > LINE_CHARS_MAX:
            self._store(rest[:LINE_CHARS_MAX])
            rest = rest[LINE_CHARS_MAX:]
        self._begun = rest

    def finish(self) -> None:
        """Store the last line, which has no line end."""
        if self._begun:
            self._store(self._begun)
            self._begun = ""

    def _store(self, line: str) -> None:
        # A terminal would obey control characters, and the agent is not trusted.
        plain = "".join(char if char.isprintable() else " " for char in line.rstrip("\r"))
        for start in range(0, len(plain) or 1, LINE_CHARS_MAX):
            part = plain[start : start + LINE_CHARS_MAX]
            self.lines.append(part)
            self._on_line(part)
