"""Records of a run in a file, as commands read them: one kept in the state directory, or an archive. Like `run_log`, without a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from itertools import islice
from pathlib import Path
from typing import Final

from econsim import subjects
from econsim.domain.audit.facts import Record
from econsim.domain.audit.run_records import RunEnd, RunRecords
from econsim.errors import CorruptLog
from econsim.runs.run_file import read_events

RECORDS_A_TURN: Final = 1_000
"""Records between two moments at which Ctrl-C is noticed: milliseconds."""


class KeptLog:
    """Records of one run in a file; nothing new comes to it."""

    def __init__(self, path: Path, run: str) -> None:
        """Prepare to read a file."""
        self.run = run
        """Name of the run."""
        self.damage: list[str] = []
        """Sentences about what is wrong with the file."""
        self.opened = False
        """True if the run's opening was read."""
        self.kept_until = ""
        """Day on which the run begins to expire: empty, because a file stays."""
        self._path = path
        self._records = RunRecords()

    @property
    def end(self) -> RunEnd:
        """Return the end of the run, as far as it was read."""
        return self._records.end

    async def so_far(self) -> AsyncGenerator[Record, None]:
        """Yield all records."""
        async for batch in self.batches():
            for entry in batch:
                yield entry

    async def batches(self) -> AsyncGenerator[list[Record], None]:
        """Yield all records in lists."""
        events = read_events(self._path, self.damage)
        while batch := list(islice(events, RECORDS_A_TURN)):
            await asyncio.sleep(0)
            self.opened = self.opened or any(entry.type == subjects.RUN_OPENED.type for entry in batch)
            yield [taken for entry in batch if (taken := self._records.take(entry))]

    async def onwards(self) -> AsyncGenerator[Record, None]:
        """Yield nothing: no service works on the run."""
        return
        yield  # an iterator without an item

    def check(self) -> None:
        """Raise CorruptLog if the file is not what was written."""
        if self.damage:
            raise CorruptLog("; ".join(self.damage))
