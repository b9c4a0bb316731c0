"""The ports of the core, as Protocols: the ledger's store, leases, counters, quotas, models, texts of calls, files, time.

Each port has an adapter in `adapters/`, a shipped fake in `testing/`, and one set of scenarios in `tests/contract/`
that runs on both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from econsim.schemas.mcp import ToolListing, ToolResult
    from econsim.schemas.model_call import Call, Completion, Prompt
    from econsim.schemas.quota import Quotas
    from econsim.schemas.tool_server_file import ServerTable

WRITES_MAX: Final = 1000
"""Most writes in one commit of a state store: what the server takes in one atomic batch (error 10199 above)."""


@dataclass(frozen=True, slots=True)
class Write:
    """One write of a commit."""

    key: str
    """Key in the bucket, `<run>.…`."""
    value: bytes
    """New value of the key."""


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """One stored write."""

    key: str
    """Key in the bucket."""
    value: bytes
    """Value of the key."""
    revision: int
    """Revision of the write: its sequence in the whole store, so later writes have higher ones."""


class StateStore(Protocol):
    """The bucket `agent_state`: atomic commits, each fenced by the newest write below its prefix."""

    async def commit(self, prefix: str, writes: Sequence[Write], newest: int) -> int:
        """Write all keys, each below `prefix.`, or none; return the revision of the last write.

        `newest` is the revision that the newest write below `prefix.` must have, 0 for none (compare-and-set). Raises
        `errors.Conflict` if it has another, `errors.Unavailable` if the outcome is unknown: read the keys back
        before the next attempt.
        """

    async def get(self, key: str) -> StoredEntry | None:
        """Return the newest write of a key; none if it was never written."""

    async def at(self, revision: int) -> StoredEntry | None:
        """Return the write of a revision; none if there is none. Raises `errors.Unavailable` if the store does not answer."""

    def history(self, prefix: str, start: int = 1) -> AsyncIterator[StoredEntry]:
        """Yield every write ever made to keys below `prefix.` from revision `start` on, oldest first."""


class Leases(Protocol):
    """Named leases for leader election: one holder at a time, lost at the deadline unless renewed."""

    async def acquire(self, name: str, holder: str) -> bool:
        """Take or renew the lease; return false if another holder has it."""

    async def release(self, name: str, holder: str) -> None:
        """Give the lease back, if this holder still has it."""


class Counters(Protocol):
    """Counters that many clients increment at once; a new counter is 0."""

    async def add(self, key: str, amount: int) -> int:
        """Add an amount, negative or positive, to a counter and return its new total.

        Atomic: the total of the later of two increments includes both. Not idempotent: raises `errors.Unavailable`
        if it is unknown whether the amount was added, and a repeat may count it twice.
        """


class QuotaTable(Protocol):
    """The quotas of all agents; an operator changes them while a run goes on."""

    async def version(self) -> int:
        """Return a number that grows with every change of any quota.

        Raises `errors.Unavailable` if the table does not answer.
        """

    async def get(self, run: str, agent: str) -> Quotas:
        """Return an agent's limits: the defaults, the run's changes, then the agent's own.

        Raises `errors.Unavailable` if the table does not answer.
        """


OnText = Callable[[str], None]
"""Callback that gets the text of an answer as far as it has come."""


class ModelProvider(Protocol):
    """A provider of language models."""

    name: str
    """Name of the provider, as scenarios offer it."""
    calls_max: int
    """Number of calls that the provider takes at once; further ones wait for a free place."""

    def count_input(self, prompt: Prompt) -> int:
        """Return an upper bound of the tokens of a prompt, messages, tools and schema together."""

    async def complete(self, call: Call, on_text: OnText | None = None) -> Completion:
        """Answer a call once, without repeats; `on_text` asks for the text as it grows.

        Cancelled at the call's deadline. Raises `errors.ProviderFailed`, with a word of `CallFailure` as its code and the
        tokens that the provider charges for.
        """


class TextStore(Protocol):
    """The long texts of calls, each under its own digest, so that a repeat changes nothing."""

    async def put(self, digest: str, text: bytes) -> None:
        """Store a text, durably once this returns.

        Raises `errors.Unavailable` if it may be stored or not.
        """

    async def get(self, digest: str) -> bytes | None:
        """Return what is stored under a digest, None for nothing; whoever reads it verifies it with the digest.

        Raises `errors.Unavailable` if the store does not answer.
        """


class FileRecords(Protocol):
    """The bucket `workspace_files`: the records of each workspace, in atomic commits fenced like those of `StateStore`."""

    async def commit(self, prefix: str, writes: Sequence[Write], newest: int) -> int:
        """Write all keys, each below `prefix.`, or none; see `StateStore.commit`."""

    async def since(self, prefix: str, revision: int) -> Sequence[StoredEntry]:
        """Return the records below `prefix.` that are newer than a revision, oldest first, to the newest there is now.

        Raises `errors.Unavailable` if the store does not answer.
        """

    async def delete(self, revision: int) -> bool:
        """Delete the record of a revision; return whether it was there."""

    async def newest(self) -> int:
        """Return the revision of the newest record of all workspaces, 0 for none."""

    async def counts(self) -> Mapping[str, int]:
        """Return the number of records of each workspace, by its prefix."""


class ChunkStore(Protocol):
    """The bucket `workspace_chunks`: chunks of files, each under the prefix of its workspace and its name."""

    async def put(self, prefix: str, name: str, content: bytes) -> int:
        """Store a chunk, durably once this returns, and return its place; a repeat stores it at a new place.

        Raises `errors.Unavailable` if it may be stored or not.
        """

    async def get(self, prefix: str, name: str) -> bytes | None:
        """Return what is stored under a name, None for nothing; whoever reads it verifies it with the name."""

    async def place(self, prefix: str, name: str) -> int | None:
        """Return the place of a chunk, None if there is none."""

    async def names(self, prefix: str = "") -> Mapping[str, frozenset[str]]:
        """Return the names of all chunks by the prefix of their workspace: of one workspace, or of all."""

    async def delete(self, place: int) -> bool:
        """Delete the chunk at a place; return whether it was there."""

    async def newest(self) -> int:
        """Return the place of the newest chunk of all workspaces, 0 for none."""


class KeyTable(Protocol):
    """Values under keys; a writer may name the revision that the key must have."""

    async def get(self, key: str) -> StoredEntry | None:
        """Return what a key holds, possibly a moment old; none for a key that holds nothing.

        Raises `errors.Unavailable` if the table does not answer.
        """

    async def get_newest(self, key: str) -> StoredEntry | None:
        """Return what a key holds now; none for a key that holds nothing. Raises as `get`."""

    async def entries(self) -> list[StoredEntry]:
        """Return what all keys hold. Raises as `get`."""

    async def put(self, key: str, value: bytes, revision: int | None = None, ttl_s: int = 0) -> int:
        """Write a key and return its new revision; `ttl_s` is the seconds until the key is empty again, 0 for never.

        Raises `errors.Conflict` if the key has another revision than `revision` (0 for a key that holds nothing) and
        another value, `errors.Unavailable` if it may be written or not.
        """


class ToolServer(Protocol):
    """A server of outside tools."""

    name: str
    """Name of the server among agents."""
    table: ServerTable
    """Operator's table of the server."""
    tools: Mapping[str, ToolListing]
    """Tools that agents may call, by name, as last listed."""
    listing: str
    """Digest of the tools; empty until they were listed."""

    def start(self) -> None:
        """Open the server's session in the background."""

    async def stop(self) -> None:
        """Close the session."""

    @property
    def is_open(self) -> bool:
        """Tell whether the server has a session now."""

    async def call(self, tool: str, arguments: Mapping[str, object], timeout_s: float) -> ToolResult:
        """Call a tool once; raises `errors.ToolCallFailed`, with a word of `ToolFailure` as its code."""


class WallClock(Protocol):
    """The time of day."""

    def now(self) -> str:
        """Return the time as RFC 3339 with nanoseconds, UTC."""
