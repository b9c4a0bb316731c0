"""The workspace service: every worker answers requests about files; one at a time collects what no file needs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from econsim import subjects
from econsim.domain.agent.active_run import ActiveRun
from econsim.errors import NotAllowed
from econsim.schemas.workspace import (
    AppendToFile,
    ChunkStored,
    CopyFile,
    DeleteFile,
    FileChanged,
    FileList,
    FileMatches,
    FilePart,
    FileStat,
    ListFiles,
    MoveFile,
    ReadFile,
    SearchFiles,
    StatFile,
    WriteFile,
)
from econsim.services.context import ServiceContext
from econsim.services.definition import ServiceDefinition
from econsim.services.handlers import caller, current_context
from econsim.services.leadership import Component, LeaderTask
from econsim.services.tick_watch import TickWatch
from econsim.services.workspace import collector
from econsim.services.workspace.content import ContentStore
from econsim.services.workspace.reader import WorkspaceReader
from econsim.services.workspace.writer import WorkspaceWriter
from econsim.services.workspaces import AgentFiles

service = ServiceDefinition("workspace")
"""The workspace service."""

BYTES_MAX: Final = 131_072
"""Bytes of a command: the digests of the largest file are 107 000."""

AT_ONCE_MAX: Final = 32
"""Requests of one kind handled at once; further ones wait in the subscriber (backpressure)."""

_changing = partial(service.request, bytes_max=BYTES_MAX, max_workers=AT_ONCE_MAX)
_reading = partial(service.request, max_workers=AT_ONCE_MAX)


@service.raw_request(subjects.PUT_CHUNK, max_workers=AT_ONCE_MAX)
async def put_chunk(content: bytes) -> ChunkStored:
    """Store a chunk of a file that will be written."""
    return await (await _writer()).put(content)


@_changing(subjects.WRITE_FILE)
async def write_file(command: WriteFile) -> FileChanged:
    """Write a file whole; answered when the change is durable."""
    return await (await _writer(command.tick)).write(command)


@_changing(subjects.APPEND_TO_FILE)
async def append_to_file(command: AppendToFile) -> FileChanged:
    """Add content at the end of a file."""
    return await (await _writer(command.tick)).append(command)


@_changing(subjects.MOVE_FILE)
async def move_file(command: MoveFile) -> FileChanged:
    """Give a file another path."""
    return await (await _writer()).move(command)


@_changing(subjects.COPY_FILE)
async def copy_file(command: CopyFile) -> FileChanged:
    """Copy a file, or an earlier version of one."""
    return await (await _writer()).copy(command)


@_changing(subjects.DELETE_FILE)
async def delete_file(command: DeleteFile) -> FileChanged:
    """Delete a file."""
    return await (await _writer()).delete(command)


@_reading(subjects.READ_FILE)
async def read_file(request: ReadFile) -> FilePart:
    """Return a part of a file's content."""
    return await (await _reader()).read(request)


@_reading(subjects.LIST_FILES)
async def list_files(request: ListFiles) -> FileList:
    """Return files by path."""
    return await (await _reader()).list(request)


@_reading(subjects.STAT_FILE)
async def stat_file(request: StatFile) -> FileStat:
    """Return the facts about a file."""
    return await (await _reader()).stat(request)


@_reading(subjects.SEARCH_FILES)
async def search_files(request: SearchFiles) -> FileMatches:
    """Return lines of files that contain a text."""
    return await (await _reader()).search(request)


@service.in_background
def components(context: ServiceContext) -> Sequence[Component]:
    """Return what keeps the ticks current that changes of files carry."""
    return (TickWatch(context),)


@service.tasks_of_service
def collection(context: ServiceContext) -> Sequence[LeaderTask]:
    """Return the task that deletes what no file needs."""
    return (LeaderTask(collector.LEASE, partial(collector.serve, context)),)


async def _writer(tick: int = 0) -> WorkspaceWriter:
    """Return the writer of the sender's files; raises NotAllowed for an external agent that names a tick."""
    run, files = await _files_of_caller()
    if tick and files.agent in run.externals:
        message = "tick is for hosts alone; leave it out"
        raise NotAllowed(message, code="tick_is_for_hosts")
    context = current_context()
    return WorkspaceWriter(context, run, files, ContentStore(context.workspaces))


async def _reader() -> WorkspaceReader:
    _, files = await _files_of_caller()
    return WorkspaceReader(files, ContentStore(current_context().workspaces))


async def _files_of_caller() -> tuple[ActiveRun, AgentFiles]:
    """Return the workspace of the sender, who is the last token of the subject; raises NotFound for none in the run."""
    context, sender = current_context(), caller()
    run = await context.require_run(sender.run)
    return run, context.workspaces.of(run.name, run.agent(sender.agent).id)
