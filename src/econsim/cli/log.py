"""Runs and their records as commands read them: which there are, which is the last, and all of one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from econsim import grammar, subjects
from econsim.adapters import reading
from econsim.adapters.stored import Stored
from econsim.domain.audit import Record, record
from econsim.domain.repeats import Repeats
from econsim.errors import NotFound, Unavailable
from econsim.schemas.admin import NO_RUN

if TYPE_CHECKING:
    from nats.aio.client import Client

LAST: Final = "last"
"""What stands for the newest run."""

CATCH_UP_S: Final = 10.0
"""Longest to wait for entries of a closed run's ledger that the server still copies into the log."""


@dataclass(frozen=True, slots=True)
class RunSeen:
    """A run in the log."""

    name: str
    """Its id."""
    scenario: str
    """Name of what was run."""
    opened_at: str
    """RFC 3339 time, UTC."""
    tick: int
    """The newest tick."""
    closed: bool
    """Whether it ended."""
    failure: str
    """Reason why it ended early, as a sentence; empty when it ran to its end, or is open."""


async def resolve(client: Client, run: str) -> str:
    """Return the id of a run that is in the log, the newest for `last`; raises NotFound.

    `none` stands for events about no run.
    """
    if run != LAST:
        if run != NO_RUN and await reading.newest(client, subjects.RUN_OPENED(run=run)) is None:
            message = f"there is no run {run!r} in the log; `econsim runs` lists those there are"
            raise NotFound(message, code="run_does_not_exist")
        return run
    newest = await reading.newest(client, subjects.RUN_OPENED.pattern())
    if newest is None:
        message = "there are no runs in the log yet; start one with `econsim run genesis`"
        raise NotFound(message, code="run_does_not_exist")
    return grammar.fields(newest.subject).run


async def runs(client: Client) -> list[RunSeen]:
    """Return the runs in the log, oldest first."""
    return [await _seen(client, opened) for opened in await reading.opened(client)]


async def _seen(client: Client, opening: Stored) -> RunSeen:
    run, opened = grammar.fields(opening.subject).run, record(opening.subject, opening.payload)
    ticked = await _newest(client, subjects.TICKED, run)
    closed = await _newest(client, subjects.RUN_CLOSED, run)
    name = str(opened.data["scenario"]["name"])
    failure = closed.data.get("failure", "") if closed else ""
    return RunSeen(run, name, opened.occurred_at, ticked.tick if ticked else 0, closed is not None, failure)


async def _newest(client: Client, subject: grammar.Subject, run: str) -> Record | None:
    stored = await reading.newest(client, subject(run=run))
    return None if stored is None else record(stored.subject, stored.payload)


class End:
    """Watches a run's records for its end: closed, and every entry of its ledger seen."""

    def __init__(self) -> None:
        """Start before the first record."""
        self.closed = False
        self._wanted: int | None = None
        self._seen = 0

    @property
    def reached(self) -> bool:
        """Tell whether nothing can follow any more."""
        return self._wanted is not None and self._seen >= self._wanted

    def see(self, entry: Record) -> None:
        """Take the next record in."""
        if entry.type == subjects.RUN_CLOSED.type:
            self.closed, self._wanted = True, entry.data["journal_sequence"]
        elif entry.type in (subjects.TRANSFER_POSTED.type, subjects.TRANSFER_REFUSED.type):
            self._seen = max(self._seen, entry.data["sequence"])


class RunLog:
    """The records of one run, as far as it has come and then as it goes on."""

    def __init__(self, client: Client, run: str) -> None:
        """Read a run that is in the log."""
        self.end = End()
        """Whether the run has ended."""
        self._client = client
        self._run = run
        self._newest = 0
        self._repeats = Repeats()

    async def so_far(self) -> AsyncIterator[Record]:
        """Yield what there is now; of a closed run everything.

        The server copies the ledger's entries into the log a moment after they are made, so the last
        ones of a closed run are waited for; raises Unavailable if they do not come.
        """
        async with aclosing(reading.events(self._client, self._run)) as stored:
            async for event in stored:
                if entry := self._taken(event):
                    yield entry
        if self.end.closed:
            async for entry in self._through(CATCH_UP_S):
                yield entry

    async def onwards(self) -> AsyncIterator[Record]:
        """Yield what comes after what was read, until the run has ended."""
        async for entry in self._through(None):
            yield entry

    async def _through(self, silence_s: float | None) -> AsyncIterator[Record]:
        if self.end.reached:
            return
        async with aclosing(reading.follow(self._client, self._run, self._newest + 1)) as stored:
            while not self.end.reached:
                try:
                    event = await asyncio.wait_for(anext(stored), silence_s)
                except TimeoutError:
                    message = f"the log of run {self._run!r} lacks the newest entries of its ledger"
                    raise Unavailable(message) from None
                if entry := self._taken(event):
                    yield entry

    def _taken(self, event: Stored) -> Record | None:
        """Return a record, or none for one that repeats another."""
        self._newest = event.sequence
        entry = record(event.subject, event.payload)
        self.end.see(entry)
        return None if self._repeats.told(entry) else entry
