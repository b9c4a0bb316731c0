"""Decisions about changes of a workspace: state and command in, records out. Pure.

Each function raises Refused with the code of what is wrong. `services/workspace/writer.py` stores the records of a change in
one commit, which the store refuses if the workspace has changed since: then the decision is made again.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from econsim.domain.admission.quota import QuotaKind, limit_of, refusal
from econsim.domain.workspace.chunks import FileContent
from econsim.domain.workspace.paths import check_path, parents
from econsim.domain.workspace.workspace import FileVersion, Workspace
from econsim.errors import Conflict, InvalidMessage, Refused
from econsim.schemas.base import Command
from econsim.schemas.quota import Quotas
from econsim.schemas.workspace import (
    FILE_BYTES_MAX,
    AppendToFile,
    CopyFile,
    DeleteFile,
    FileChanged,
    MoveFile,
    WriteFile,
)
from econsim.schemas.workspace_changes import FileDeleted, FileLeft, FileMoved, FileWritten, WriteKind


@dataclass(frozen=True, slots=True)
class FileDecision:
    """A change of a workspace, decided and not stored yet."""

    data: FileWritten | FileMoved | FileDeleted
    """Data of the event, which is the record."""
    left: FileLeft | None = None
    """Other half of a move."""


def command_digest(command: Command) -> str:
    """Return 32 hex digits that differ for two commands that want different things."""
    # A repeat of a long append comes with the content of a file that has grown since.
    is_addition = isinstance(command, WriteFile) and command.appended is not None
    left_out = {"chunks", "size", "expected_version"} if is_addition else {"appended"}
    content = command.model_dump_json(exclude={"causation_id", "agent_id", "tick", *left_out})
    return blake2b(f"{type(command).__name__}\n{content}".encode(), digest_size=16).hexdigest()


def earlier_answer(workspace: Workspace, command: Command) -> FileChanged | None:
    """Return the answer to a command that has taken effect before; raises Conflict if its id stood for another command."""
    done = workspace.commands.get(command.command_id)
    if done is None:
        return None
    if done.digest != command_digest(command):
        message = f"command {command.command_id!r} wanted something else before; choose a new id"
        raise Conflict(message, code="command_id_exists_with_different_fields")
    return done.changed


def write(
    workspace: Workspace, command: WriteFile | AppendToFile, content: FileContent, limits: Quotas
) -> FileDecision:
    """Decide to give a file new content; appended content comes with the content before it."""
    before = workspace.files.get(command.path)
    _check_version(before, command.path, command.expected_version)
    _check_place(workspace, command.path)
    _check_room(workspace, before, content.size, limits)
    is_append = isinstance(command, AppendToFile) or command.appended is not None
    kind = WriteKind.APPENDED if is_append else WriteKind.WRITTEN
    return FileDecision(_writing(workspace, command, content, kind))


def copy(workspace: Workspace, command: CopyFile, limits: Quotas) -> FileDecision:
    """Decide to copy a version of a file; an earlier version of a file may become its newest."""
    source = workspace.version_of(check_path(command.path), command.at)
    before = workspace.files.get(command.to)
    is_return = command.to == command.path and command.at is not None
    if before and not (command.overwrite or is_return):
        raise _exists(command.to)
    _check_place(workspace, command.to)
    _check_room(workspace, before, source.content.size, limits)
    return FileDecision(_writing(workspace, command, source.content, WriteKind.COPIED))


def move(workspace: Workspace, command: MoveFile) -> FileDecision:
    """Decide to give a file another path."""
    source = workspace.version_of(check_path(command.path))
    _check_version(source, command.path, command.expected_version)
    if command.to == command.path:
        message = f"{command.path!r} is the path of the file already"
        raise InvalidMessage(message, code="path_is_invalid")
    if command.to in workspace.files and not command.overwrite:
        raise _exists(command.to)
    _check_place(workspace, command.to, without=command.path)
    version = workspace.version + 1
    moved = FileMoved.model_construct(
        path=command.to,
        version=version,
        command_id=command.command_id,
        command_digest=command_digest(command),
        size=source.content.size,
        digest=source.digest,
        chunks=source.content.chunks,
        moved_from=command.path,
    )
    return FileDecision(moved, FileLeft.model_construct(path=command.path, version=version))


def delete(workspace: Workspace, command: DeleteFile) -> FileDecision:
    """Decide to delete a file; its versions can be read until the collector deletes them."""
    found = workspace.version_of(check_path(command.path))
    _check_version(found, command.path, command.expected_version)
    deleted = FileDeleted.model_construct(
        path=command.path,
        version=workspace.version + 1,
        command_id=command.command_id,
        command_digest=command_digest(command),
    )
    return FileDecision(deleted)


def _writing(
    workspace: Workspace, command: WriteFile | AppendToFile | CopyFile, content: FileContent, kind: WriteKind
) -> FileWritten:
    path, source = (command.to, command.path) if isinstance(command, CopyFile) else (command.path, None)
    return FileWritten.model_construct(
        path=path,
        version=workspace.version + 1,
        command_id=command.command_id,
        command_digest=command_digest(command),
        size=content.size,
        digest=content.digest,
        chunks=content.chunks,
        kind=kind,
        copied_from=source,
    )


def _check_version(found: FileVersion | None, path: str, expected: int | None) -> None:
    version = found.version if found else 0
    if expected is not None and version != expected:
        is_now = f"has version {version}" if version else "does not exist"
        message = f"{path!r} {is_now}, and version {expected} was expected; read it again and decide again"
        raise Conflict(message, code="file_has_another_version", version=version)


def _check_place(workspace: Workspace, path: str, without: str = "") -> None:
    """Refuse a path that is a folder, or lies below a file; `without` is a file that will be gone."""
    check_path(path)
    if workspace.is_folder(path) and not without.startswith(f"{path}/"):
        message = f"{path!r} is a folder, there are files below it; choose another path"
        raise Refused(message, code="path_is_a_folder")
    for folder in parents(path):
        if folder in workspace.files and folder != without:
            message = f"{folder!r} is a file, so there cannot be {path!r} below it; choose another path"
            raise Refused(message, code="path_is_below_a_file")


def _check_room(workspace: Workspace, before: FileVersion | None, size: int, limits: Quotas) -> None:
    """Refuse a change for which the agent's quotas have no room; one that makes room is never refused."""
    if size > FILE_BYTES_MAX:
        message = f"the file would have {size} bytes; a file has at most {FILE_BYTES_MAX}"
        raise InvalidMessage(message, code="file_is_too_large")
    grown = size - (before.content.size if before else 0)
    limit = limit_of(limits, QuotaKind.WORKSPACE_BYTES)
    if grown > 0 and workspace.used_bytes + grown > limit:
        raise refusal(QuotaKind.WORKSPACE_BYTES, limit, workspace.used_bytes, grown, 0)
    files, limit = len(workspace.files), limit_of(limits, QuotaKind.KV_KEYS)
    if before is None and files >= limit:
        raise refusal(QuotaKind.KV_KEYS, limit, files, 1, 0)


def _exists(path: str) -> Conflict:
    message = f"there is a file {path!r} already; say overwrite, or choose another path"
    return Conflict(message, code="file_exists")
