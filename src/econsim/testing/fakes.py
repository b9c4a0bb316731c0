"""Shipped fakes of the ports, for econsim's tests and its users: a store in memory, a clock set by hand.

`tests/contract/` runs the same scenarios on the fakes and on the real adapters. Imports ports, errors and the types in
their signatures.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from enum import StrEnum

from econsim.domain.admission import quota
from econsim.errors import Conflict, InvalidMessage, Unavailable
from econsim.ports import WRITES_MAX, StoredEntry, Write
from econsim.schemas.quota import Quotas, QuotaUpdate


class Failure(StrEnum):
    """The way a fake commit or increment fails; its caller gets Unavailable in both."""

    BEFORE = "before"
    """Nothing was written."""
    AFTER = "after"
    """Everything was written, and the answer was lost."""


class FakeStateStore:
    """A StateStore in memory with the contract of the real one."""

    def __init__(self) -> None:
        """Start empty."""
        self.entries: list[StoredEntry] = []
        """Every write ever made, oldest first."""
        self.commits: list[int] = []
        """Number of writes of each commit made."""
        self._revisions: dict[str, int] = {}
        self._failures: list[Failure] = []

    def fail_next(self, *failures: Failure) -> None:
        """Make the next commits fail, one for each failure given."""
        self._failures.extend(failures)

    async def commit(self, prefix: str, writes: Sequence[Write], newest: int) -> int:
        """Write all or nothing; return the revision of the last write, see `ports.StateStore`."""
        await asyncio.sleep(0)
        failure = self._failures.pop(0) if self._failures else None
        if failure is not Failure.BEFORE:
            self._write(prefix, writes, newest)
        if failure is not None:
            raise Unavailable
        return len(self.entries)

    async def get(self, key: str) -> StoredEntry | None:
        """Return the newest write of a key."""
        await asyncio.sleep(0)
        revision = self._revisions.get(key, 0)
        return self.entries[revision - 1] if revision else None

    async def at(self, revision: int) -> StoredEntry | None:
        """Return the write of a revision."""
        await asyncio.sleep(0)
        return self.entries[revision - 1] if 0 < revision <= len(self.entries) else None

    async def history(self, prefix: str, start: int = 1) -> AsyncIterator[StoredEntry]:
        """Yield every write ever made to keys below `prefix.` from a revision on, oldest first."""
        await asyncio.sleep(0)
        for entry in tuple(self.entries[start - 1 :]):
            if entry.key.startswith(f"{prefix}."):
                yield entry

    def _newest(self, prefix: str) -> int:
        below = (entry.revision for entry in reversed(self.entries) if entry.key.startswith(f"{prefix}."))
        return next(below, 0)

    def _write(self, prefix: str, writes: Sequence[Write], newest: int) -> None:
        """Check the revision of the newest write below a prefix, then write all."""
        if not 0 < len(writes) <= WRITES_MAX:
            message = f"a commit holds 1 to {WRITES_MAX} writes, not {len(writes)}"
            raise InvalidMessage(message)
        found = self._newest(prefix)
        if found != newest:
            message = f"the newest write below {prefix} is at revision {found}, not {newest}"
            raise Conflict(message)
        for write in writes:
            revision = len(self.entries) + 1
            self.entries.append(StoredEntry(write.key, write.value, revision))
            self._revisions[write.key] = revision
        self.commits.append(len(writes))


class FakeWallClock:
    """A clock that stands still until `time` is set."""

    def __init__(self, time: str = "2026-01-01T00:00:00.000000000Z") -> None:
        """Start at a time, RFC 3339."""
        self.time = time
        """Time that `now` returns."""

    def now(self) -> str:
        """Return the time it was set to."""
        return self.time


class FakeLeases:
    """Leases in memory, with a time that `advance` moves. Cannot show an answer that is lost on its way."""

    def __init__(self, length_s: int = 5) -> None:
        """Start with every lease free."""
        self._length_s = length_s
        self._now_s = 0.0
        self._lease_holders: dict[str, tuple[str, float]] = {}

    def advance(self, seconds: float) -> None:
        """Move the time forward."""
        self._now_s += seconds

    async def acquire(self, name: str, holder: str) -> bool:
        """Take or renew the lease; return false if another holder has it."""
        if self._holder(name) not in ("", holder):
            return False
        self._lease_holders[name] = (holder, self._now_s + self._length_s)
        return True

    async def release(self, name: str, holder: str) -> None:
        """Give the lease back, if this holder still has it."""
        if self._holder(name) == holder:
            del self._lease_holders[name]

    def _holder(self, name: str) -> str:
        holder, until_s = self._lease_holders.get(name, ("", 0.0))
        return holder if until_s > self._now_s else ""


class FakeCounters:
    """Counters in memory."""

    def __init__(self) -> None:
        """Start with every counter at 0."""
        self.totals: dict[str, int] = {}
        """Counters that were ever added to, with their totals."""
        self.adds: list[tuple[str, int]] = []
        """Key and amount of every requested increment, oldest first."""
        self._failures: list[Failure] = []

    def fail_next(self, *failures: Failure) -> None:
        """Make the next increments fail, one for each failure given."""
        self._failures.extend(failures)

    async def add(self, key: str, amount: int) -> int:
        """Add to a counter and return its new total, see `ports.Counters`."""
        self.adds.append((key, amount))
        failure = self._failures.pop(0) if self._failures else None
        await asyncio.sleep(0)
        if failure is not Failure.BEFORE:
            self.totals[key] = self.totals.get(key, 0) + amount
        total = self.totals.get(key, 0)
        await asyncio.sleep(0)
        if failure is not None:
            raise Unavailable
        return total


class FakeTextStore:
    """A TextStore in memory."""

    def __init__(self) -> None:
        """Start empty."""
        self.texts: dict[str, bytes] = {}
        """Digest → text."""

    async def put(self, digest: str, text: bytes) -> None:
        """Store a text."""
        await asyncio.sleep(0)
        self.texts[digest] = text

    async def get(self, digest: str) -> bytes | None:
        """Return what is stored under a digest."""
        await asyncio.sleep(0)
        return self.texts.get(digest)


class FakeKeyTable:
    """A KeyTable in memory; values with a time to live never expire."""

    def __init__(self) -> None:
        """Start empty."""
        self.available = True
        """True if the table answers."""
        self._entries: dict[str, StoredEntry] = {}
        self._revision = 0

    async def get(self, key: str) -> StoredEntry | None:
        """Return what a key holds."""
        await asyncio.sleep(0)
        self._require()
        return self._entries.get(key)

    async def get_newest(self, key: str) -> StoredEntry | None:
        """Return what a key holds."""
        return await self.get(key)

    async def entries(self) -> list[StoredEntry]:
        """Return what all keys hold."""
        await asyncio.sleep(0)
        self._require()
        return list(self._entries.values())

    async def put(self, key: str, value: bytes, revision: int | None = None, ttl_s: int = 0) -> int:
        """Write a key and return its new revision, see `ports.KeyTable`."""
        await asyncio.sleep(0)
        self._require()
        found = self._entries.get(key)
        if revision is not None and revision != (found.revision if found else 0):
            if found and found.value == value:
                return found.revision
            raise Conflict(code="subject_has_another_last_sequence")
        del ttl_s
        self._revision += 1
        self._entries[key] = StoredEntry(key, value, self._revision)
        return self._revision

    def _require(self) -> None:
        if not self.available:
            raise Unavailable


class FakeQuotaTable:
    """A QuotaTable in memory."""

    def __init__(self) -> None:
        """Start with the default quotas for every agent."""
        self.available = True
        """True if the table answers."""
        self.reads: list[tuple[str, str]] = []
        """Run and agent of every `get`, oldest first."""
        self._updates: dict[tuple[str, str | None], QuotaUpdate] = {}
        self._version = 0

    async def version(self) -> int:
        """Return a number that grows with every change."""
        await self._answer()
        return self._version

    async def get(self, run: str, agent: str) -> Quotas:
        """Return an agent's limits."""
        self.reads.append((run, agent))
        await self._answer()
        return quota.effective_limits(self._update(run, None), self._update(run, agent))

    async def change(self, run: str, agent: str | None, update: QuotaUpdate) -> Quotas:
        """Change the limits of an agent, or of every agent of a run; return the new limits."""
        self._updates[run, agent] = quota.overlay(self._update(run, agent), update)
        self._version += 1
        return quota.effective_limits(self._update(run, None), self._update(run, agent))

    def _update(self, run: str, agent: str | None) -> QuotaUpdate:
        return self._updates.get((run, agent), QuotaUpdate())

    async def _answer(self) -> None:
        await asyncio.sleep(0)
        if not self.available:
            raise Unavailable
