"""Log of one run as commands read it. The list of runs is in `run_list`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterable
from contextlib import aclosing, suppress
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from econsim import subjects
from econsim.adapters.jetstream import run_reader
from econsim.adapters.jetstream.direct_get import StoredMessage
from econsim.adapters.poll import Poll
from econsim.cli.run_names import not_opened, was_opened
from econsim.domain.audit.envelope import DIGEST, digest
from econsim.domain.audit.facts import Record, record
from econsim.domain.audit.run_records import RunEnd, RunRecords
from econsim.errors import CorruptLog, InvalidMessage, Unavailable
from econsim.runs.retention import retention_end
from econsim.schemas import subject
from econsim.schemas.names import NO_RUN
from econsim.schemas.stream import DAY_S
from econsim.streams import AUDIT_LOG
from econsim.subjects import AUDIT

if TYPE_CHECKING:
    from nats.aio.client import Client

    from econsim.adapters.jetstream.gaps import Gap
    from econsim.ports import TextStore

COPIES_INTERVAL_S: Final = 0.02
"""Pause between two looks whether the server has copied the newest ledger entry into the log."""

BATCH: Final = 64
"""Records that a reader works on at once: they stay in the processor's cache. With 4 096 a report took a fifth longer for its part."""

CATCH_UP_S: Final = 10.0
"""Seconds to wait for ledger entries of a closed run that the server still copies into the log."""


class RunLog:
    """Records of one run: first those of the past, then new ones as the run goes on."""

    def __init__(self, client: Client, run: str, texts: TextStore | None = None) -> None:
        """Prepare to read a run of the log; with a store, long texts of calls stand in the records themselves."""
        self.damage: list[str] = []
        """Missing or unreadable records, each with its place, and calls whose text is lost; the others are read all the same."""
        self.opened = False
        """True if the run's opening was read."""
        self.kept_until = ""
        """Day on which the run begins to expire from the log; empty until the opening was read."""
        self._begun = True
        self._client = client
        self.run = run
        """Name of the run."""
        self._texts = texts
        self._newest = 0
        self._records = RunRecords()

    @property
    def end(self) -> RunEnd:
        """Return the end of the run, as far as it was read."""
        return self._records.end

    @property
    def place(self) -> int:
        """Return the place of the newest record that was read; 0 before the first."""
        return self._newest

    def begin_after(self, place: int, tick: int) -> None:
        """Let `onwards` begin after a place in the log, at which a tick was open: what stands before it is not read."""
        self._newest, self._tick = place, tick

    async def so_far(self) -> AsyncIterator[Record]:
        """Yield the records of the past; of a closed run all records.

        The server copies a ledger entry into the log a moment after it is made. Entries made before this call are
        waited for; an entry that does not come is missing.
        """
        async with aclosing(self.batches()) as batches:
            async for batch in batches:
                for entry in batch:
                    yield entry

    async def batches(self) -> AsyncGenerator[list[Record], None]:
        """Yield the same in lists, as they come."""
        made = await run_reader.journal_head(self._client, self.run)
        gaps: list[Gap] = []
        async with aclosing(run_reader.pages(self._client, self.run, gaps)) as pages:
            async for page in pages:
                for start in range(0, len(page), BATCH):
                    yield await self._take(page[start : start + BATCH])
        self.damage.extend(map(str, gaps))
        await self._require_opening()
        async for entry in self._entries_until(made):
            yield [entry]

    async def _take(self, page: Iterable[StoredMessage]) -> list[Record]:
        """Return the records of some messages, with their texts if they are asked for."""
        batch = [entry for event in page if (entry := self._entry(event))]
        if self._texts:
            batch = [await self._whole(each) if each.type == _LLM_INVOKED else each for each in batch]
        return batch

    async def newest(self, types: Collection[str] | None, count: int) -> tuple[list[Record], bool]:
        """Return the records of at least the newest `count` events of some types, or of all, oldest first.

        The second value is true if these are all. Nothing else is read: what is missing before them is not noticed, and a
        record that repeats one from before them counts as new.
        """
        await self.wait_for_copies()
        events = (row for row in subjects.TABLE if row.kind is subject.SubjectKind.EVENT)
        patterns = (
            [f"*.*.*.{self.run}"]
            if types is None
            else [row.pattern(run=self.run) for row in events if row.type in types]
        )
        stored, whole = await run_reader.newest_events(self._client, patterns, count)
        self._records.tick = _tick_before(stored)
        found = [await self._whole(entry) for event in stored if (entry := self._entry(event))]
        await self._find_end()
        await self._require_opening()
        return found, whole

    async def onwards(self) -> AsyncGenerator[Record, None]:
        """Yield new records, until the run has ended."""
        async for entry in self._through(None, lambda: self.end.reached):
            yield entry

    def check(self) -> None:
        """Raise CorruptLog if anything of the run is missing or cannot be read, NotFound if it was not opened yet."""
        if not (self._begun or self.opened or self.damage):
            raise not_opened(self.run)
        if self.damage:
            more = f", and {len(self.damage) - 1} more" if len(self.damage) > 1 else ""
            message = (
                f"the log of run {self.run!r} is not whole: {self.damage[0]}{more}; "
                f"`econsim ledger verify {self.run}` names everything"
            )
            raise CorruptLog(message)

    async def wait_for_copies(self) -> None:
        """Wait until the log has the ledger entries made so far, or note that they are missing."""
        made = await run_reader.journal_head(self._client, self.run)
        async for _ in Poll(COPIES_INTERVAL_S, CATCH_UP_S):
            copied = await run_reader.journal_copy_head(self._client, self.run)
            if copied >= made:
                return
        self.damage.append(f"the ledger's entries after {copied:,} are missing, up to {made:,}")

    async def _find_end(self) -> None:
        """Find the opening and the end of the run by the newest record of each kind."""
        self._records.end = RunEnd()
        found = [await run_reader.newest(self._client, row(run=self.run)) for row in _OPENING_AND_ENDS]
        self.opened = found[0] is not None
        for event in sorted(filter(None, found), key=attrgetter("sequence")):
            with suppress(InvalidMessage):
                self.end.see(verified_record(event))

    async def _require_opening(self) -> None:
        """Note a run whose opening is gone, or which was not opened yet."""
        if self.opened or self.run == NO_RUN:
            return
        self._begun = await was_opened(self._client, self.run)
        if self._begun:
            self.damage.append(f"the opening of the run is gone: {await self._log_age()}")

    async def _entries_until(self, made: int) -> AsyncIterator[Record]:
        """Yield the records that arrive until the log has the ledger entry `made`."""

        def whole() -> bool:
            return self.end.seen >= made and (self.end.reached or not self.end.closed)

        if whole():
            return
        try:
            async for entry in self._through(CATCH_UP_S, whole):
                yield entry
        except Unavailable:
            self.damage.append(f"the ledger's entries after {self.end.seen:,} are missing, up to {made:,}")

    async def _through(
        self, silence_s: float | None, enough: Callable[[], bool]
    ) -> AsyncGenerator[Record, None]:
        if enough():
            return
        async with aclosing(run_reader.follow(self._client, self.run, self._newest + 1)) as stored:
            while not enough():
                try:
                    event = await asyncio.wait_for(anext(stored), silence_s)
                except TimeoutError:
                    raise Unavailable from None
                if entry := self._entry(event):
                    yield await self._whole(entry)

    async def _whole(self, entry: Record) -> Record:
        if self._texts is None:
            return entry
        from econsim.services.call_texts import record_with_texts

        return await record_with_texts(self._texts, entry, self.damage)

    async def _log_age(self) -> str:
        oldest = await run_reader.oldest(self._client)
        begins = f"begins at {oldest.stored_at[:19]}" if oldest else "is empty"
        return f"the log, which keeps a run for {AUDIT_LOG.max_age_s // DAY_S} days, {begins}"

    def _entry(self, event: StoredMessage) -> Record | None:
        """Return the next event as a record; none for a repeated (deduplication) or an unreadable one."""
        self._newest = event.sequence
        try:
            entry = verified_record(event)
        except InvalidMessage as error:
            self.damage.append(f"the record at place {event.sequence} of {AUDIT} cannot be read: {error}")
            return None
        if entry.type == subjects.RUN_OPENED.type:
            self.opened, self.kept_until = True, retention_end(event.stored_at)
        return self._records.take(entry)


_LLM_INVOKED: Final = subjects.LLM_INVOKED.type

_OPENING_AND_ENDS: Final = (
    subjects.RUN_OPENED,
    subjects.RUN_STOPPED,
    subjects.RUN_RESUMED,
    subjects.RUN_CLOSED,
)


def _tick_before(stored: Iterable[StoredMessage]) -> int:
    """Return the tick of a run before the first of these events, as far as they tell it; 0 if they do not."""
    for event in stored:
        with suppress(InvalidMessage):
            entry = record(event.subject, event.payload)
            if entry.tick:
                return entry.tick - (entry.type == subjects.TICKED.type)
    return 0


def verified_record(event: StoredMessage) -> Record:
    """Return a record of the log; raises InvalidMessage if it is no event, or if its digest differs."""
    sent = event.headers.get(DIGEST)
    if sent is None:
        # No service wrote it, or it lost its header: its form must be checked. The forms of all events take time to load.
        from econsim.domain.audit.decoding import decode

        decode(event.subject, event.payload)
    elif sent != digest(event.subject, event.payload):
        message = f"the record on {event.subject!r} is not what was sent: its digest differs"
        raise InvalidMessage(message)
    return record(event.subject, event.payload)
