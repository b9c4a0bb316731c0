"""What the core needs from outside, as Protocols: a ledger's store, time, leases, the log.

Each port has an adapter in `adapters/`, a shipped fake in `testing.py`, and one set of scenarios in
`tests/contract/` that runs on both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from econsim.schemas.quota import Quotas


@dataclass(frozen=True, slots=True)
class Write:
    """One key of an atomic commit."""

    key: str
    """Bucket key, `<run>.…`."""
    value: bytes
    """New value."""
    expected: int | None = None
    """Revision the key must have now; 0 for a key that must not exist; none for no check."""


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """One stored value."""

    key: str
    """Bucket key."""
    value: bytes
    """Stored value."""
    revision: int
    """Store-wide sequence of the write: later writes have higher ones."""


class StateStore(Protocol):
    """The bucket `agent_state`: atomic batches of writes, each key with its expected revision."""

    async def commit(self, writes: Sequence[Write]) -> int:
        """Write all or nothing; return the revision of the last (they are consecutive).

        Raises `errors.Conflict` if any key has another revision, `errors.Unavailable` if the outcome
        is unknown: read the keys back before trying again.
        """

    async def get(self, key: str) -> StoredEntry | None:
        """Return the newest value of a key."""

    def history(self, prefix: str) -> AsyncIterator[StoredEntry]:
        """Yield every write ever made to keys below `prefix.`, oldest first."""


class Leases(Protocol):
    """Named leases with a deadline: one holder at a time, lost unless renewed."""

    async def acquire(self, name: str, holder: str) -> bool:
        """Take or renew the lease; false if somebody else has it."""

    async def release(self, name: str, holder: str) -> None:
        """Give the lease back, if still held."""


class Counters(Protocol):
    """Counters that many increment at once; one that nobody touched stands at 0."""

    async def add(self, key: str, amount: int) -> int:
        """Add to a counter, a negative amount too, and return its total after that.

        Atomic: of two increments one sees the other. Raises `errors.Unavailable` if it is not known
        whether the amount was added; adding it again may then count it twice.
        """


class QuotaTable(Protocol):
    """What every agent may take; an operator changes it while a run goes on."""

    async def version(self) -> int:
        """Return a number that grows with every change of any quota.

        Raises `errors.Unavailable` if the table does not answer.
        """

    async def get(self, run: str, agent: str) -> Quotas:
        """Return an agent's limits: the defaults, the run's changes, then the agent's own.

        Raises `errors.Unavailable` if the table does not answer.
        """


class WallClock(Protocol):
    """The time of day."""

    def now(self) -> str:
        """Return the time as RFC 3339 with nanoseconds, UTC."""
