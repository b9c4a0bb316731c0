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
from collections.abc import Awaitable, Callable
from typing import Final

from econsim import subjects
from econsim.adapters.jetstream.audit_log import last_event
from econsim.adapters.poll import Poll
from econsim.domain.workspace import collection
from econsim.domain.workspace.collection import GRACE_S, Horizon
from econsim.domain.workspace.records import mark_key
from econsim.errors import Conflict, EconsimError
from econsim.ports import StoredEntry, Write
from econsim.schemas.workspace_changes import Collected
from econsim.services.context import ServiceContext
from econsim.services.workspaces import AgentFiles, Workspaces

LEASE: Final = "collector.workspace"
"""Lease of the task's leader."""

INTERVAL_S: Final = 60.0
"""Pause between two looks."""

_log = logging.getLogger(__name__)


async def serve(context: ServiceContext) -> None:
    """Collect from time to time, until cancelled."""

    async def is_forgotten(run: str) -> bool:
        return await last_event(context.client, subjects.RUN_OPENED(run=run)) is None

    collector = Collector(context, context.workspaces, is_forgotten)
    async for _ in Poll(INTERVAL_S):
        await collector.look()


class Collector:
    """The collector of all workspaces, in the worker that leads."""

    def __init__(
        self,
        context: ServiceContext,
        workspaces: Workspaces,
        is_forgotten: Callable[[str], Awaitable[bool]],
        grace_s: float = GRACE_S,
    ) -> None:
        """Delete nothing that is not there for so long already; `is_forgotten` tells whether the log has no such run."""
        self._context = context
        self._workspaces = workspaces
        self._is_forgotten = is_forgotten
        self._grace_s = grace_s
        self._looks: deque[tuple[float, Horizon]] = deque()
        self._past = Horizon(0, 0)
        self._finished: dict[str, int] = {}
        self._clean: dict[str, tuple[int, frozenset[str]]] = {}

    async def look(self) -> int:
        """Collect in every workspace; return how many chunks and records were deleted."""
        self._note(Horizon(await self._workspaces.chunks.newest(), await self._workspaces.records.newest()))
        chunks, records = await self._workspaces.chunks.names(), await self._workspaces.records.counts()
        forgotten = await self._forgotten_runs({prefix.split(".")[0] for prefix in records})
        self._clean = {prefix: seen for prefix, seen in self._clean.items() if prefix in records}
        self._finished = {prefix: mark for prefix, mark in self._finished.items() if prefix in records}
        deleted = 0
        for prefix in sorted(chunks.keys() | records.keys()):
            seen = records.get(prefix, 0), chunks.get(prefix, frozenset())
            run, agent = prefix.split(".")
            files = self._workspaces.of(run, agent)
            if run in forgotten:
                deleted += await self._delete_all(files)
            elif self._clean.get(prefix) != seen:
                deleted += await self._collect(files, *seen)
        return deleted

    def _note(self, newest: Horizon) -> None:
        """Note what is there now, and move the horizon to what was there a grace ago."""
        now = time.monotonic()
        self._looks.append((now, newest))
        while self._looks and self._looks[0][0] <= now - self._grace_s:
            self._past = self._looks.popleft()[1]

    async def _collect(self, files: AgentFiles, count: int, names: frozenset[str]) -> int:
        """Collect in one workspace; one that fails is left for the next look."""
        try:
            async with files.changing:
                workspace = await files.catch_up()
                finished = await self._finish(files, names)
                limits = await self._context.meter.quotas(files.run, files.agent)
                if not finished and collection.is_clean(workspace, names, limits):
                    self._clean[files.prefix] = count, names
                    return 0
                places = await self._places(files, collection.chunks_without_version(workspace, names))
                mark = collection.mark(workspace, places, limits, self._past)
                if mark is None:
                    return finished
                await self._write_mark(files, mark)
                return finished + await self._finish(files, names)
        except Conflict:
            return 0
        except EconsimError as error:
            where = files.agent, files.run
            _log.warning("files of %s in run %s are not collected now: %s", *where, error)
            return 0

    async def _write_mark(self, files: AgentFiles, mark: Collected) -> None:
        key, value = mark_key(files.run, files.agent), mark.model_dump_json().encode()
        newest = files.workspace.revision
        revision = await self._workspaces.records.commit(files.prefix, [Write(key, value)], newest)
        files.evolve(StoredEntry(key, value, revision))

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

    async def _forgotten_runs(self, runs: set[str]) -> set[str]:
        """Return the runs that are not open and that the log does not have any more."""
        closed = sorted(runs - self._context.runs.keys())
        return {run for run in closed if await self._is_forgotten(run)}

    async def _delete_all(self, files: AgentFiles) -> int:
        """Delete a workspace of a forgotten run, if its newest change is that old: nobody can change it any more.

        The chunks lose their names with the records, and are collected like all chunks that no file has.
        """
        workspace = await files.catch_up()
        if not collection.is_expired(workspace.changed_at, self._context.clock.now()):
            return 0
        deleted = 0
        for stored in await self._workspaces.records.since(files.prefix, 0):
            deleted += await self._workspaces.records.delete(stored.revision)
        self._workspaces.forget(files)
        return deleted
