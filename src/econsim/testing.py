"""Shipped doubles of the ports, for our tests and for yours: a store in memory, a clock in your hand.

`tests/contract/` runs the same scenarios on these and on the real adapters. Imports ports, errors and what
they speak of.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from enum import StrEnum

from econsim.domain.admission import quota
from econsim.errors import Conflict, InvalidMessage, Unavailable
from econsim.ports import StoredEntry, Write
from econsim.schemas.quota import Quotas, QuotaUpdate

WRITES_MAX = 1000
"""Writes in one commit, as on the server."""


class Failure(StrEnum):
    """How a commit of the fake store, or an increment, may fail; its caller sees Unavailable either way."""

    BEFORE = "before"
    """Nothing was written."""
    AFTER = "after"
    """Everything was written, only the answer was lost."""


class FakeStateStore:
    """A StateStore in memory with the contract of the real one."""

    def __init__(self) -> None:
        """Start empty."""
        self.entries: list[StoredEntry] = []
        """Every write ever made, oldest first."""
        self.commits: list[int] = []
        """Number of writes of each commit that was made."""
        self._revisions: dict[str, int] = {}
        self._failures: list[Failure] = []

    def fail_next(self, *failures: Failure) -> None:
        """Let the next commits fail, one for each failure given."""
        self._failures.extend(failures)

    async def commit(self, writes: Sequence[Write]) -> int:
        """Write all or nothing; return the revision of the last, see `ports.StateStore`."""
        await asyncio.sleep(0)
        failure = self._failures.pop(0) if self._failures else None
        if failure is not Failure.BEFORE:
            self._write(writes)
        if failure is not None:
            raise Unavailable
        return len(self.entries)

    async def get(self, key: str) -> StoredEntry | None:
        """Return the newest value of a key."""
        await asyncio.sleep(0)
        revision = self._revisions.get(key, 0)
        return self.entries[revision - 1] if revision else None

    async def history(self, prefix: str) -> AsyncIterator[StoredEntry]:
        """Yield every write ever made to keys below `prefix.`, oldest first."""
        await asyncio.sleep(0)
        for entry in tuple(self.entries):
            if entry.key.startswith(f"{prefix}."):
                yield entry

    def _write(self, writes: Sequence[Write]) -> None:
        """Check all expectations, then write."""
        if not 0 < len(writes) <= WRITES_MAX:
            message = f"a commit holds 1 to {WRITES_MAX} writes, not {len(writes)}"
            raise InvalidMessage(message)
        seen: set[str] = set()
        for write in writes:
            found = self._revisions.get(write.key, 0)
            if write.expected is not None and (write.key in seen or write.expected != found):
                message = f"{write.key} is at revision {found}, not {write.expected}"
                raise Conflict(message)
            seen.add(write.key)
        for write in writes:
            revision = len(self.entries) + 1
            self.entries.append(StoredEntry(write.key, write.value, revision))
            self._revisions[write.key] = revision
        self.commits.append(len(writes))


class FakeWallClock:
    """A clock that stands still until told."""

    def __init__(self, time: str = "2026-01-01T00:00:00.000000000Z") -> None:
        """Start at a time, RFC 3339."""
        self.time = time
        """What `now` returns."""

    def now(self) -> str:
        """Return the time it was set to."""
        return self.time


class FakeLeases:
    """Leases in memory, whose time passes when told. Cannot show an answer that is lost on its way."""

    def __init__(self, length_s: int = 5) -> None:
        """Start with every lease free."""
        self._length_s = length_s
        self._now_s = 0.0
        self._held: dict[str, tuple[str, float]] = {}

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now_s += seconds

    async def acquire(self, name: str, holder: str) -> bool:
        """Take or renew the lease; false if somebody else has it."""
        if self._holder(name) not in ("", holder):
            return False
        self._held[name] = (holder, self._now_s + self._length_s)
        return True

    async def release(self, name: str, holder: str) -> None:
        """Give the lease back, if still held."""
        if self._holder(name) == holder:
            del self._held[name]

    def _holder(self, name: str) -> str:
        holder, until_s = self._held.get(name, ("", 0.0))
        return holder if until_s > self._now_s else ""


class FakeCounters:
    """Counters in memory."""

    def __init__(self) -> None:
        """Start with every counter at 0."""
        self.totals: dict[str, int] = {}
        """Every counter that was ever added to."""
        self.adds: list[tuple[str, int]] = []
        """Key and amount of every increment that was asked for, oldest first."""
        self._failures: list[Failure] = []

    def fail_next(self, *failures: Failure) -> None:
        """Let the next increments fail, one for each failure given."""
        self._failures.extend(failures)

    async def add(self, key: str, amount: int) -> int:
        """Add to a counter and return its total after that, see `ports.Counters`."""
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


class FakeQuotaTable:
    """A QuotaTable in memory."""

    def __init__(self) -> None:
        """Start with the defaults for everybody."""
        self.available = True
        """Whether it answers."""
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
        """Change limits of an agent, or of every agent of a run; return what holds from now on."""
        self._updates[run, agent] = quota.overlay(self._update(run, agent), update)
        self._version += 1
        return quota.effective_limits(self._update(run, None), self._update(run, agent))

    def _update(self, run: str, agent: str | None) -> QuotaUpdate:
        return self._updates.get((run, agent), QuotaUpdate())

    async def _answer(self) -> None:
        await asyncio.sleep(0)
        if not self.available:
            raise Unavailable
