"""The last lines of what an agent says, whatever it says and however much."""

from __future__ import annotations

import asyncio
import codecs
from collections import deque
from collections.abc import Callable
from typing import Final

LINES_MAX: Final = 200
"""Lines that are kept: a traceback, with what came before it."""

LINE_CHARS_MAX: Final = 500
"""Characters of a line; a longer one is broken."""

READ_BYTES: Final = 16 * 2**10
"""Read at once; an agent that talks faster than it is read waits."""

OnLine = Callable[[str], None]
"""Told each line."""


class OutputTail:
    """The end of one agent's output, made of printable lines."""

    def __init__(self, on_line: OnLine | None = None, most: int | None = None) -> None:
        """Start empty; take no more than `most` bytes, if there is a limit."""
        self.over = False
        """Whether more was said than is taken."""
        self._left = most
        self.lines: deque[str] = deque(maxlen=LINES_MAX)
        """What is kept, oldest first."""
        self._on_line = on_line or (lambda _: None)
        self._begun = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    async def follow(self, reader: asyncio.StreamReader) -> None:
        """Read to the end."""
        while data := await reader.read(READ_BYTES):
            self.add(data)
        self.finish()

    def add(self, data: bytes) -> None:
        """Take what was said, as far as the limit; a line counts when it is complete or too long."""
        if self._left is not None:
            self.over = self.over or len(data) > self._left
            data = data[: self._left]
            self._left -= len(data)
        *complete, rest = (self._begun + self._decoder.decode(data)).split("\n")
        for line in complete:
            self._keep(line)
        while len(rest) > LINE_CHARS_MAX:
            self._keep(rest[:LINE_CHARS_MAX])
            rest = rest[LINE_CHARS_MAX:]
        self._begun = rest

    def finish(self) -> None:
        """Take the last line, which nothing ended."""
        if self._begun:
            self._keep(self._begun)
            self._begun = ""

    def _keep(self, line: str) -> None:
        # Whoever reads this has a terminal, which must not obey a stranger.
        plain = "".join(char if char.isprintable() else " " for char in line.rstrip("\r"))
        for start in range(0, len(plain) or 1, LINE_CHARS_MAX):
            part = plain[start : start + LINE_CHARS_MAX]
            self.lines.append(part)
            self._on_line(part)
