"""The process of a tool server: bytes to its standard input, bounded lines from its output, its last words for the log.

The process is in a session of its own and is killed with every process it started when the context is left. How it is
confined is the launcher's part (`agents/sandbox/tool_server.py`), which the composition root hands in.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from econsim.adapters.mcp.bounded_lines import BoundedLines, LongLine
from econsim.adapters.poll import Poll
from econsim.schemas.tool_server_file import StdioTable

READ_BYTES: Final = 65_536
"""Bytes read at once."""

EXIT_S: Final = 1.0
"""Seconds that a server has to end by itself once its standard input is closed."""

EXIT_INTERVAL_S: Final = 0.01
"""Pause between two looks whether a process has ended, seconds."""

WORDS_MAX: Final = 20
"""Lines of a server's standard error that are kept."""

WORD_LENGTH_MAX: Final = 300
"""Characters of such a line."""


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Launch:
    """The command line of a server's process, and what the process inherits."""

    command: Sequence[str]
    """Program and arguments."""
    environment: Mapping[str, str]
    """Whole environment of the process."""
    directory: str
    """Working directory of the process."""
    descriptors: Sequence[int] = ()
    """File descriptors that the process inherits."""


Launcher = Callable[[StdioTable], AbstractContextManager[Launch]]
"""Maker of a launch; its descriptors are open for the time of the context. Raises SetupError for a server that cannot be
started here."""


class ServerProcess:
    """A running process of a tool server."""

    def __init__(self, process: Process, line_bytes_max: int) -> None:
        """Speak to a process that was just started."""
        self._process = process
        self._line_bytes_max = line_bytes_max
        self._words: deque[str] = deque(maxlen=WORDS_MAX)

    @property
    def is_silent(self) -> bool:
        """Tell whether the process has closed its output."""
        return self._process.stdout is not None and self._process.stdout.at_eof()

    @property
    def last_words(self) -> str:
        """Return the last printable line of the standard error, empty if there is none."""
        return next((word for word in reversed(self._words) if word.strip()), "")

    async def lines(self) -> AsyncIterator[bytes | LongLine]:
        """Yield the lines of the output until the process closes it."""
        stream, lines = self._process.stdout, BoundedLines(self._line_bytes_max)
        assert stream is not None
        while data := await stream.read(READ_BYTES):
            for line in lines.feed(data):
                yield line

    async def write(self, lines: bytes) -> None:
        """Write lines, without the last line feed; raises OSError if the process has closed its input."""
        stream = self._process.stdin
        assert stream is not None
        stream.write(lines + b"\n")
        await stream.drain()

    async def listen(self) -> None:
        """Keep the newest lines of the standard error, until the process closes it."""
        stream, lines = self._process.stderr, BoundedLines(READ_BYTES)
        assert stream is not None
        while data := await stream.read(READ_BYTES):
            for line in lines.feed(data):
                text = line.head if isinstance(line, LongLine) else line
                self._words.append(_printable(text))

    async def end(self) -> None:
        """Close the input, and kill the process with all it started unless it ends by itself."""
        with contextlib.suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wait(), EXIT_S)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wait(), EXIT_S)
        transport = getattr(self._process, "_transport", None)
        if transport is not None:
            # A process that escaped its group would hold the pipes open.
            transport.close()

    async def _wait(self) -> None:
        """Wait for the process alone: `wait` also waits for the end of its pipes, which its children may hold."""
        async for _ in Poll(EXIT_INTERVAL_S):
            if self._process.returncode is not None:
                return


@asynccontextmanager
async def server_process(
    launcher: Launcher, table: StdioTable, line_bytes_max: int
) -> AsyncIterator[ServerProcess]:
    """Run the process of a server for the time of the context; raises SetupError or OSError if it cannot be started."""
    with launcher(table) as launch:
        process = await asyncio.create_subprocess_exec(
            *launch.command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=dict(launch.environment),
            cwd=launch.directory,
            pass_fds=tuple(launch.descriptors),
            start_new_session=True,
        )
    running = ServerProcess(process, line_bytes_max)
    listening = asyncio.create_task(running.listen())
    try:
        yield running
    finally:
        ended_by_itself = running.is_silent
        # Also when cancelled: a half-ended process would stay.
        await asyncio.shield(running.end())
        listening.cancel()
        if ended_by_itself:
            _log.warning(
                "%s ended by itself; its last words: %s", table.command, running.last_words or "none"
            )


def _printable(line: bytes) -> str:
    text = line.decode(errors="replace")[:WORD_LENGTH_MAX]
    return "".join(char if char.isprintable() else " " for char in text)
