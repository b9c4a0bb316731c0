"""The snapshots of one component of a run: the newest is read when its leader starts, and written anew as the log grows.

Theory of operation. A component that folds the log begins with `newest` and folds what comes after it, its tail. While it leads it
counts what it adds to the tail, and offers its state after each step of its work (`offer`). If the tail is long, the state is copied at
once, made into bytes in a thread and written by a task of its own, so a snapshot neither delays nor fails the work it is made of. Then
a component rests from it for a multiple of the time it took. It has one snapshot, which the next one replaces.

| After a crash, or beside another leader | |
| --- | --- |
| before a snapshot is written | the one before counts, and the tail is longer |
| two leaders | each writes with the revision it saw last, so the slower one loses; what either wrote is a fold of the one log |
| the log is another one, or shorter | its record at the snapshot's place has another digest: the whole log is folded |
| another version of econsim | the form has another name: the whole log is folded |
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from time import perf_counter, thread_time
from typing import Final, Generic

from econsim.domain.audit.snapshot import SnapshotForm, State, StateSnapshot
from econsim.errors import Conflict, CorruptJournal, CorruptLog, EconsimError, InvalidMessage, Unavailable
from econsim.ports import KeyTable

EVENT_ITEMS: Final = 5
"""Items that take as long to fold as one more event takes to read and decode, 45 µs."""

TAIL_MIN: Final = 2_000
"""Items in the tail from which on a snapshot is worth writing: folding them takes 20 ms."""

REST: Final = 50
"""Times as long as a snapshot took to make pass before the next one: however large the state and however fast the run, snapshots take
two percent of a processor."""

BYTES_MAX: Final = 7 * 2**20
"""Bytes of a snapshot, with room in a message of 8 MiB: a larger state is folded from the log."""

DROPPED: Final = b"dropped"
"""Value of the key of a snapshot that does not fit its log."""

DigestAt = Callable[[int], Awaitable[str | None]]
"""Function that returns the digest of the log's record at a place, None if it has none there."""

_log = logging.getLogger(__name__)


class Snapshots(Generic[State]):
    """The snapshots of one component."""

    def __init__(self, table: KeyTable, key: str, form: SnapshotForm[State]) -> None:
        """Keep them under a key, in this form."""
        self._table = table
        self._key = key
        self._form = form
        self._revision = 0
        self._tail = 0
        self._rests_until = 0.0
        self._writing: asyncio.Task[None] | None = None
        self._is_beaten = False
        self._is_used = False

    async def newest(self, digest_at: DigestAt) -> StateSnapshot[State] | None:
        """Return the newest snapshot, after which the tail begins; none, with a line in the service's log, if it cannot be used."""
        self._tail = 0
        try:
            entry = await self._table.get(self._key)
            self._revision = entry.revision if entry else 0
            if entry is None or entry.value == DROPPED:
                return None
            snapshot = await self._require_fit(entry.value, digest_at)
        except EconsimError as error:
            _log.warning("the whole history is read, without snapshot %s: %s", self._key, error)
            return None
        self._is_used = True
        return snapshot

    def count(self, events: int, items: int = 0) -> None:
        """Count what was added to the tail: events, and the items in them."""
        self._tail += EVENT_ITEMS * events + items

    def offer(self, take: Callable[[], StateSnapshot[State]]) -> None:
        """Write what `take` returns if the tail is long and the last snapshot long ago; never fails, never waits."""
        is_busy = self._writing is not None and not self._writing.done()
        if self._tail < TAIL_MIN or is_busy or self._is_beaten or perf_counter() < self._rests_until:
            return
        self._tail, began = 0, thread_time()
        try:
            snapshot = take()
        except Exception:  # noqa: BLE001 - whatever it is, the component's work goes on
            _log.warning("no snapshot %s could be taken", self._key, exc_info=True)
            return
        self._writing = asyncio.create_task(self._write(snapshot, thread_time() - began))

    @asynccontextmanager
    async def in_use(self) -> AsyncIterator[None]:
        """Lead the component in this context: at its end a write that is under way ends too.

        If what the log has after a snapshot does not follow from it, the snapshot is dropped, and the next leader folds everything.
        """
        try:
            yield
        except (CorruptLog, CorruptJournal):
            if self._is_used:
                await self._drop()
            raise
        finally:
            if self._writing:
                self._writing.cancel()

    async def _drop(self) -> None:
        _log.warning("snapshot %s is dropped: the log after it does not follow from it", self._key)
        with suppress(Conflict, Unavailable):
            await self._table.put(self._key, DROPPED, self._revision)

    async def wait(self) -> None:
        """Wait for the write that is under way, if there is one."""
        if self._writing:
            await asyncio.wait({self._writing})

    async def _require_fit(self, value: bytes, digest_at: DigestAt) -> StateSnapshot[State]:
        """Return the snapshot of these bytes; raises InvalidMessage for one that cannot be used, Unavailable without an answer."""
        snapshot = await asyncio.to_thread(self._form.decode, value)
        if await digest_at(snapshot.sequence) != snapshot.digest:
            message = f"the log has another record at place {snapshot.sequence}"
            raise InvalidMessage(message)
        return snapshot

    async def _write(self, snapshot: StateSnapshot[State], taking_s: float) -> None:
        try:
            value, making_s = await asyncio.to_thread(self._encode, snapshot)
            self._rests_until = perf_counter() + REST * (taking_s + making_s)
            if len(value) > BYTES_MAX:
                _log.warning("snapshot %s is not written: it has %d bytes", self._key, len(value))
                return
            await self._put(value, snapshot.sequence)
        except Exception as error:  # noqa: BLE001 - whatever it is, the component's work goes on
            _log.warning("snapshot %s is not written: %s", self._key, error)

    def _encode(self, snapshot: StateSnapshot[State]) -> tuple[bytes, float]:
        """Return a snapshot as bytes, and the seconds of processor time that this took."""
        began = thread_time()
        return self._form.encode(snapshot), thread_time() - began

    async def _put(self, value: bytes, sequence: int) -> None:
        """Write a snapshot, or give up for good if another leader's covers as much; an older one is replaced the next time."""
        try:
            self._revision = await self._table.put(self._key, value, self._revision)
        except Conflict:
            entry = await self._table.get(self._key)
            self._revision = entry.revision if entry else 0
            self._is_beaten = entry is not None and self._coverage(entry.value) >= sequence

    def _coverage(self, value: bytes) -> int:
        """Return the place up to which a stored snapshot covers the log, 0 for one that cannot be read."""
        try:
            return self._form.decode(value).sequence
        except InvalidMessage:
            return 0
