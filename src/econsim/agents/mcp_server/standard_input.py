"""Standard input as lines that can be waited for, so that a signal ends the server at once.

The library reads in a thread, which cannot be interrupted: a server whose input stays open would not end.
"""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Self

LINE_BYTES_MAX: Final = 2**23
"""Bytes of one message: far more than an agent may send."""


class InputLines:
    """Lines of a stream."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        """Read from a stream whose limit is the longest line."""
        self._reader = reader

    def __aiter__(self) -> Self:
        """Return the lines themselves."""
        return self

    async def __anext__(self) -> str:
        """Return the next line; an empty one for a line that is too long, which is no message."""
        try:
            line = await self._reader.readline()
        except ValueError:
            return "\n"
        if not line:
            raise StopAsyncIteration
        return line.decode(errors="replace")


@asynccontextmanager
async def standard_input() -> AsyncIterator[InputLines]:
    """Read the process's standard input for the time of the context."""
    reader = asyncio.StreamReader(limit=LINE_BYTES_MAX)
    # A copy: closing the transport closes its file.
    with os.fdopen(os.dup(sys.stdin.fileno()), "rb") as source:
        if not _can_be_waited_for(source.fileno()):
            reader.feed_data(source.read())
            reader.feed_eof()
            yield InputLines(reader)
            return
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, source)
        try:
            yield InputLines(reader)
        finally:
            transport.close()
            # A terminal is the output, too: it must not be left without blocking.
            os.set_blocking(sys.stdin.fileno(), True)


def _can_be_waited_for(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)
