"""The collector: deletes chunks that no file needs and versions beyond the limit. One worker at a time.

It looks at every workspace, writes a mark that says what it will delete, and deletes it. The mark is a record of the workspace:
whoever decided a change before it is refused by the store, catches up, and does not count on what the mark condemns. So no
chunk is deleted that a file names, whatever stops for however long between two steps. Decision 0033 has the argument.

    a crash after   is repaired by
    the mark        the next look, which finishes the newest mark of a workspace before it writes another
    some deletions  the same: a place is deleted once, and never used again
"""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import Final

from econsim.adapters.poll import Poll
from econsim.domain.workspace import collection
from econsim.domain.workspace.collection import GRACE_S, Horizon
from econsim.domain.workspace.records import mark_key
from econsim.errors import Conflict, EconsimError
from econsim.ports import StoredEntry, Write
from econsim.services.context import ServiceContext
from econsim.services.workspaces import AgentFiles, Workspaces

LEASE: Final = "collector.workspace"
"""Lease of the task's leader."""

INTERVAL_S: Final = 60.0
"""Pause between two looks."""

_log = logging.getLogger(__name__)


async def serve(context: ServiceContext) -> None:
    """Collect from time to time, until cancelled."""
    collector = Collector(context, context.workspaces)
    async for _ in Poll(INTERVAL_S):
        await collector.look()


class Collector:
    """The collector of all workspaces, in the worker that leads."""

    def __init__(self, context: ServiceContext, workspaces: Workspaces, grace_s: float = GRACE_S) -> None:
        """Delete nothing that is not there for so long already."""
        self._context = context
        self._workspaces = workspaces
        self._grace_s = grace_s
        self._looks: deque[tuple[float, Horizon]] = deque()
        self._past = Horizon(0, 0)
        self._idle_at: Horizon | None = None
        self._finished: dict[str, int] = {}

    async def look(self) -> int:
        """Collect in every workspace; return how many chunks and records were deleted."""
        newest = Horizon(await self._workspaces.chunks.newest(), await self._workspaces.records.newest())
        self._note(newest)
        if self._idle_at == newest and self._past == newest:
            return 0
        deleted = 0
        chunks = await self._workspaces.chunks.names()
        for prefix in sorted(chunks.keys() | await self._workspaces.records.prefixes()):
            run, agent = prefix.split(".")
            deleted += await self._collect(run, agent, chunks.get(prefix, frozenset()))
        self._idle_at = None if deleted else newest
        return deleted

    def _note(self, newest: Horizon) -> None:
        """Note what is there now, and move the horizon to what was there a grace ago."""
        now = time.monotonic()
        self._looks.append((now, newest))
        while self._looks and self._looks[0][0] <= now - self._grace_s:
            self._past = self._looks.popleft()[1]

    async def _collect(self, run: str, agent: str, names: frozenset[str]) -> int:
        """Collect in one workspace; one that fails is left for the next look."""
        files = self._workspaces.of(run, agent)
        try:
            async with files.changing:
                workspace = await files.catch_up()
                finished = await self._finish(files, names)
                places = await self._places(files, collection.chunks_without_version(workspace, names))
                limits = await self._context.meter.quotas(run, agent)
                mark = collection.mark(workspace, places, limits, self._past)
                if mark is None:
                    return finished
                key, value = mark_key(run, agent), mark.model_dump_json().encode()
                revision = await self._workspaces.records.commit(
                    files.prefix, [Write(key, value)], workspace.revision
                )
                files.evolve(StoredEntry(key, value, revision))
                return finished + await self._finish(files, names)
        except Conflict:
            return 0
        except EconsimError as error:
            _log.warning("files of %s in run %s are not collected now: %s", agent, run, error)
            return 0

    async def _finish(self, files: AgentFiles, names: frozenset[str]) -> int:
        """Delete what the newest mark of a workspace says."""
        workspace, deleted = files.workspace, 0
        if self._finished.get(files.prefix) == workspace.mark_revision:
            return 0
        for name, place in workspace.condemned.items():
            if name in names and await self._workspaces.chunks.delete(place):
                deleted += 1
        for revision in workspace.forgotten:
            deleted += await self._workspaces.records.delete(revision)
        self._finished[files.prefix] = workspace.mark_revision
        return deleted

    async def _places(self, files: AgentFiles, names: list[str]) -> dict[str, int]:
        """Return the places of chunks that are there."""
        found = {name: await self._workspaces.chunks.place(files.prefix, name) for name in names}
        return {name: place for name, place in found.items() if place is not None}
