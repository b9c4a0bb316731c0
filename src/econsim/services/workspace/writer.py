"""Changes of files: decided, and stored in one commit, which is the event as well.

Theory of operation. A crash, or a lost answer, at each step:

    step     written to                        after a crash right here
    put      bucket `workspace_chunks`         a chunk that no record names is deleted after the collector's grace
    decide   nothing                           the agent repeats its command
    commit   bucket `workspace_files`          the record is there: a repeat of the command finds it and has the same answer
    answer   nothing                           the same

The server copies the record into the log, so there is no step between a change and its event. Two workers that change one
workspace at once: the commit names the newest record that its decision knew, so one is refused, catches up and decides again.
So a worker need not catch up before it decides, but it does before it refuses.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from econsim.domain.admission.quota import QuotaKind, limit_of
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.audit.envelope import Envelope
from econsim.domain.workspace import changes
from econsim.domain.workspace.changes import FileDecision
from econsim.domain.workspace.chunks import (
    FileContent,
    described_content,
    extend,
    inline_content,
    split,
)
from econsim.domain.workspace.kinds import EVENTS
from econsim.domain.workspace.records import record_key
from econsim.domain.workspace.workspace import Workspace, file_changed
from econsim.errors import Conflict, EconsimError, InvalidMessage, Unavailable
from econsim.ports import StoredEntry, Write
from econsim.schemas.base import Command
from econsim.schemas.quota import Quotas
from econsim.schemas.workspace import (
    CHUNK_BYTES,
    AppendToFile,
    ChunkStored,
    CopyFile,
    DeleteFile,
    FileChanged,
    MoveFile,
    WriteFile,
)
from econsim.schemas.workspace_changes import FileDeleted, FileMoved
from econsim.services.context import ServiceContext
from econsim.services.workspace.content import ContentStore
from econsim.services.workspaces import AgentFiles

TRIES_MAX: Final = 20
"""Decisions of one command: each that is refused means that another change of the workspace was stored."""

NOTHING: Final = FileContent(0, ())
"""Content of a file that does not exist yet."""


@dataclass(frozen=True, slots=True)
class WorkspaceWriter:
    """Changes of one agent's files."""

    context: ServiceContext
    """Context of the service."""
    run: ActiveRun
    """Run of the agent."""
    files: AgentFiles
    """Workspace of the agent."""
    store: ContentStore
    """Content of files."""

    async def put(self, content: bytes) -> ChunkStored:
        """Store a chunk of a file that will be written; raises QuotaExceeded if too many wait for a file."""
        described, named = split(content)
        if len(named) != 1:
            message = (
                f"a chunk has 1 to {CHUNK_BYTES} bytes, not {len(content)}; a file without content needs none"
            )
            raise InvalidMessage(message, code="message_is_too_large" if content else InvalidMessage.code)
        limit = limit_of(await self._limits(), QuotaKind.WORKSPACE_BYTES)
        uploads = self.store.workspaces.uploads
        with uploads.room(self.files.prefix, len(content), limit, time.monotonic()):
            await self.store.put(self.files.prefix, *next(iter(named.items())))
        return ChunkStored.model_construct(digest=described.chunks[0], size=len(content))

    async def write(self, command: WriteFile) -> FileChanged:
        """Write a file whole."""
        if command.chunks is None:
            content, brought = split(inline_content(command))
        else:
            content, brought = described_content(command.chunks, command.size or 0), {}

        async def decide(workspace: Workspace) -> FileDecision:
            change = changes.write(workspace, command, content, await self._limits())
            await self.store.ensure(self.files, content, brought)
            return change

        return await self._change(command, decide)

    async def append(self, command: AppendToFile) -> FileChanged:
        """Add content at the end of a file."""
        addition = inline_content(command)

        async def decide(workspace: Workspace) -> FileDecision:
            found = workspace.files.get(command.path)
            content, brought = await self._extend(found.content if found else NOTHING, addition)
            change = changes.write(workspace, command, content, await self._limits())
            await self.store.ensure(self.files, content, brought)
            return change

        return await self._change(command, decide)

    async def move(self, command: MoveFile) -> FileChanged:
        """Give a file another path."""

        async def decide(workspace: Workspace) -> FileDecision:
            return changes.move(workspace, command)

        return await self._change(command, decide)

    async def copy(self, command: CopyFile) -> FileChanged:
        """Copy a file: only its record is written, because the content is there."""

        async def decide(workspace: Workspace) -> FileDecision:
            return changes.copy(workspace, command, await self._limits())

        return await self._change(command, decide)

    async def delete(self, command: DeleteFile) -> FileChanged:
        """Delete a file."""

        async def decide(workspace: Workspace) -> FileDecision:
            return changes.delete(workspace, command)

        return await self._change(command, decide)

    async def _change(
        self, command: Command, decide: Callable[[Workspace], Awaitable[FileDecision]]
    ) -> FileChanged:
        """Decide and store a change; first on the workspace as this worker knows it, which is mostly how it is."""
        async with self.files.changing:
            for tries in range(TRIES_MAX):
                is_current = tries > 0 or not self.files.workspace.revision
                if is_current:
                    await self.files.catch_up()
                with suppress(_Outdated):
                    return await self._try(command, decide, is_current=is_current)
        message = f"other changes came first {TRIES_MAX} times; try again"
        raise Unavailable(message)

    async def _try(
        self, command: Command, decide: Callable[[Workspace], Awaitable[FileDecision]], *, is_current: bool
    ) -> FileChanged:
        """Decide and store once; raises _Outdated if the workspace has changed, or may have so that a refusal is wrong."""
        workspace = self.files.workspace
        try:
            if answer := changes.earlier_answer(workspace, command):
                return answer
            newest, change = workspace.revision, await decide(workspace)
        except EconsimError as error:
            if is_current:
                raise
            raise _Outdated from error
        try:
            await self._commit(change, command, newest)
        except Conflict as error:
            raise _Outdated from error
        return file_changed(change.data)

    async def _commit(self, change: FileDecision, command: Command, newest: int) -> None:
        """Store the records of a change and fold them; raises Conflict if the workspace has changed."""
        writes = self._writes(change, command)
        last = await self.store.workspaces.records.commit(self.files.prefix, writes, newest)
        for revision, write in enumerate(writes, last - len(writes) + 1):
            self.files.evolve(StoredEntry(write.key, write.value, revision))
        if not isinstance(change.data, FileDeleted | FileMoved):
            content = FileContent(change.data.size, change.data.chunks)
            self.store.workspaces.uploads.settle(self.files.prefix, content.names)

    def _writes(self, change: FileDecision, command: Command) -> list[Write]:
        key = record_key(self.files.run, self.files.agent, change.data)
        tick = getattr(command, "tick", 0) or self.context.runs.tick(self.run.name) or 0
        envelope = Envelope(
            self.run.name, self.run.data.salt, tick, self.context.clock.now(), command.causation_id
        )
        row = EVENTS[key.split(".")[2]]
        event = envelope.event(row, self.files.agent, change.data, self.files.agent, change.data.version)
        writes = [Write(key, event.json())]
        if change.left:
            left = record_key(self.files.run, self.files.agent, change.left)
            writes.append(Write(left, change.left.model_dump_json().encode()))
        return writes

    async def _extend(self, before: FileContent, addition: bytes) -> tuple[FileContent, Mapping[str, bytes]]:
        tail = await self.store.read(self.files, before, before.size - before.tail_size, before.tail_size)
        return extend(before, tail, addition)

    async def _limits(self) -> Quotas:
        return await self.context.meter.quotas(self.run.name, self.files.agent)


class _Outdated(Exception):
    """The workspace is not as it was known."""
