"""Drawing a report in a process of its own, which warms up while the run goes on.

Cold, charts and their JavaScript take three seconds of CPU. A thread would hold the interpreter's lock
while orders wait for it: one tick of 3.5 s was measured.
"""

from __future__ import annotations

import signal
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from econsim.errors import SetupError
from econsim.report.summary import Summary


class ReportProcess:
    """Writes one report. Its process ends with it, or with ours."""

    def __init__(self) -> None:
        """Prepare; nothing runs before `start`."""
        # Spawned, because a fork would copy the threads and sockets of a run under way.
        context = get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._theirs = theirs
        self._process = context.Process(target=_draw, args=(theirs,), name="report", daemon=True)

    def start(self) -> None:
        """Begin to warm up; called by the main thread, as all changes of signals are."""
        # Ctrl-C reaches every process of the terminal. This one ignores it from birth and ends when ours does.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._process.start()
        signal.signal(signal.SIGINT, before)
        self._theirs.close()

    def write(self, summary: Summary, path: Path) -> Path:
        """Write the report of a run and return where it lies; raises SetupError if it cannot be written."""
        try:
            self._ours.send((summary, path))
            error = self._ours.recv()
        except (EOFError, OSError):
            error = "the process that draws it died"
        self._process.join()
        if error:
            message = f"the report {path} was not written: {error}; the run itself is complete"
            raise SetupError(message)
        return path


def _draw(connection: Connection) -> None:
    """Wait for a summary and answer with what went wrong, if anything."""
    from econsim.report.html import library, write_report  # noqa: PLC0415 - heavy, and only for this process

    library()
    with suppress(EOFError):
        summary, path = connection.recv()
        try:
            write_report(summary, path)
        except OSError as error:
            connection.send((error.strerror or str(error)).lower())
        else:
            connection.send("")
