"""Workspaces in one worker: each is folded from its records, and caught up with before it is used.

Any worker serves any workspace. What is here is a copy: the store refuses a change by a worker whose copy is old.

    collection    holds                    entry comes      entry goes                                bound
    _workspaces   prefix → its workspace   first use        as the one unused longest above the       WORKSPACES_MAX
                                                            bound, unless it is being changed
"""

from __future__ import annotations

import asyncio
from typing import Final

from pydantic import ValidationError

from econsim.domain.workspace.records import prefix
from econsim.domain.workspace.uploads import Uploads
from econsim.domain.workspace.workspace import Workspace
from econsim.errors import CorruptLog
from econsim.ports import ChunkStore, FileRecords, StoredEntry

WORKSPACES_MAX: Final = 256
"""Workspaces kept at once: one of ten thousand files takes about 10 MB."""


class AgentFiles:
    """One agent's workspace, as this worker knows it."""

    def __init__(self, run: str, agent: str, records: FileRecords) -> None:
        """Know nothing yet; `catch_up` before anything else."""
        self.run = run
        self.agent = agent
        self.prefix = prefix(run, agent)
        """Prefix of the workspace's keys."""
        self.workspace = Workspace()
        """Files of the workspace."""
        self.changing = asyncio.Lock()
        """Held during a change: two at once in one worker would only make one of them start over."""
        self._records = records

    async def catch_up(self) -> Workspace:
        """Fold the records that are new; raises Unavailable, or CorruptLog if one cannot be read."""
        for stored in await self._records.since(self.prefix, self.workspace.revision):
            self.evolve(stored)
        return self.workspace

    def evolve(self, stored: StoredEntry) -> None:
        """Fold one record."""
        try:
            self.workspace.evolve(stored)
        except ValidationError as error:
            message = f"the record {stored.key} at revision {stored.revision} cannot be read"
            raise CorruptLog(message) from error


class Workspaces:
    """The workspaces of all agents, and the stores they are in."""

    def __init__(self, records: FileRecords, chunks: ChunkStore) -> None:
        """Start with none."""
        self.records = records
        """Records of changes."""
        self.chunks = chunks
        """Content of files."""
        self.uploads = Uploads()
        """Chunks put in this worker that no file has yet."""
        self._workspaces: dict[str, AgentFiles] = {}

    def of(self, run: str, agent: str) -> AgentFiles:
        """Return the workspace of an agent, not yet caught up with."""
        key = prefix(run, agent)
        found = self._workspaces.pop(key, None) or AgentFiles(run, agent, self.records)
        self._workspaces[key] = found
        if len(self._workspaces) > WORKSPACES_MAX:
            self._forget_oldest()
        return found

    def forget(self, files: AgentFiles) -> None:
        """Forget a workspace, because its records are deleted."""
        self._workspaces.pop(files.prefix, None)

    def _forget_oldest(self) -> None:
        for key, found in [*self._workspaces.items()]:
            if not found.changing.locked():
                del self._workspaces[key]
                return
