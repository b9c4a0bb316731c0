"""Shipped doubles of the ports, for our tests and for yours: a store in memory, a clock in your hand.

`tests/contract/` runs the same scenarios on these and on the real adapters. Imports ports and errors.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from enum import StrEnum

from econsim.errors import Conflict, InvalidMessage, Unavailable
from econsim.ports import Entry, Write

WRITES_MAX = 1000
"""Writes in one commit, as on the server."""


class Failure(StrEnum):
    """How a commit of the fake store may fail; its caller sees Unavailable either way."""

    BEFORE = "before"
    """Nothing was written."""
    AFTER = "after"
    """Everything was written, only the answer was lost."""


class FakeStateStore:
    """A StateStore in memory with the contract of the real one."""

    def __init__(self) -> None:
        """Start empty."""
        self.entries: list[Entry] = []
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

    async def get(self, key: str) -> Entry | None:
        """Return the newest value of a key."""
        await asyncio.sleep(0)
        revision = self._revisions.get(key, 0)
        return self.entries[revision - 1] if revision else None

    async def history(self, prefix: str) -> AsyncIterator[Entry]:
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
            self.entries.append(Entry(write.key, write.value, revision))
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
