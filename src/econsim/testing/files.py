"""Shipped fakes of the stores of files, in memory; `tests/contract/test_file_stores.py` holds them to the real ones."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

from econsim.domain.workspace.kinds import VERSIONS_MAX
from econsim.ports import StoredEntry, Write
from econsim.testing.fakes import FakeStateStore


class FakeFileRecords(FakeStateStore):
    """The records of workspaces in memory with the contract of the real ones."""

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self._gone: set[int] = set()

    async def since(self, prefix: str, revision: int) -> Sequence[StoredEntry]:
        """Return the records newer than a revision that the store still has, oldest first."""
        await asyncio.sleep(0)
        newer = (entry for entry in self.stored_entries() if entry.revision > revision)
        return [entry for entry in newer if entry.key.startswith(f"{prefix}.")]

    async def delete(self, revision: int) -> bool:
        """Delete the record of a revision."""
        await asyncio.sleep(0)
        there = any(entry.revision == revision for entry in self.stored_entries())
        self._gone.add(revision)
        return there

    async def newest(self) -> int:
        """Return the revision of the newest record."""
        return len(self.entries)

    async def counts(self) -> Mapping[str, int]:
        """Return the number of records of each workspace, by its prefix."""
        return Counter(".".join(entry.key.split(".")[:2]) for entry in self.stored_entries())

    def _newest(self, prefix: str) -> int:
        below = [entry for entry in self.stored_entries() if entry.key.startswith(f"{prefix}.")]
        return below[-1].revision if below else 0

    def _write(self, prefix: str, writes: Sequence[Write], newest: int) -> None:
        """Write all, then drop of each key the oldest record above `VERSIONS_MAX`: it never comes back."""
        super()._write(prefix, writes, newest)
        for write in writes:
            kept = [entry.revision for entry in self.stored_entries() if entry.key == write.key]
            self._gone.update(kept[:-VERSIONS_MAX])

    def stored_entries(self) -> list[StoredEntry]:
        """Return the records that are there: without those that were deleted, or dropped out."""
        return [entry for entry in self.entries if entry.revision not in self._gone]


class FakeChunkStore:
    """A ChunkStore in memory."""

    def __init__(self) -> None:
        """Start empty."""
        self.chunks: dict[tuple[str, str], tuple[int, bytes]] = {}
        """Place and content of each chunk, by prefix and name."""
        self._newest = 0

    async def put(self, prefix: str, name: str, content: bytes) -> int:
        """Store a chunk at a new place."""
        await asyncio.sleep(0)
        self._newest += 1
        self.chunks[prefix, name] = self._newest, content
        return self._newest

    async def get(self, prefix: str, name: str) -> bytes | None:
        """Return what is stored under a name."""
        await asyncio.sleep(0)
        return self.chunks.get((prefix, name), (0, None))[1]

    async def place(self, prefix: str, name: str) -> int | None:
        """Return the place of a chunk."""
        await asyncio.sleep(0)
        return self.chunks.get((prefix, name), (None, b""))[0]

    async def names(self, prefix: str = "") -> Mapping[str, frozenset[str]]:
        """Return the names of all chunks by the prefix of their workspace."""
        await asyncio.sleep(0)
        workspaces = {workspace for workspace, _ in self.chunks if prefix in ("", workspace)}
        return {
            workspace: frozenset(name for owner, name in self.chunks if owner == workspace)
            for workspace in workspaces
        }

    async def delete(self, place: int) -> bool:
        """Delete the chunk at a place."""
        await asyncio.sleep(0)
        found = [key for key, (there, _) in self.chunks.items() if there == place]
        for key in found:
            del self.chunks[key]
        return bool(found)

    async def newest(self) -> int:
        """Return the place of the newest chunk."""
        return self._newest
