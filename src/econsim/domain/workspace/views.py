"""Answers about a workspace: listings, facts about a file, lines that contain a text. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import islice

from econsim.domain.workspace.paths import check_folder, check_path
from econsim.domain.workspace.workspace import FileVersion, Workspace, missing_file
from econsim.schemas.workspace import (
    EarlierVersion,
    FileEntry,
    FileList,
    FileMatch,
    FileStat,
    ListFiles,
    SearchFiles,
    StatFile,
)

LINE_LENGTH_MAX = 240
"""Characters of a line in an answer."""


def files_under(workspace: Workspace, under: str, after: str) -> Iterator[FileVersion]:
    """Yield the files below a folder, by path, from behind a path on; raises InvalidMessage for what is no folder."""
    prefix = check_folder(under)
    first = bisect_right(workspace.paths, after) if after >= prefix else bisect_left(workspace.paths, prefix)
    for path in islice(workspace.paths, first, None):
        if not path.startswith(prefix):
            return
        yield workspace.files[path]


def version_before(workspace: Workspace, path: str, place: str) -> FileVersion:
    """Return the version of a file that a place in a hosted agent's cycles knows: without changes by its later commands.

    So a cycle that is repeated after a crash reads what it read at first. Raises NotFound if there was none.
    """
    changed = workspace.commands.items()
    later = [done.changed.version for id_, done in changed if is_later(id_, place)]
    current = workspace.files.get(path)
    if current is None or not later or current.version < min(later):
        return workspace.version_of(path)
    known = [each for each in workspace.earlier.get(path, ()) if each.version < min(later)]
    if not known:
        raise missing_file(path)
    return known[-1]


def is_later(command_id: str, place: str) -> bool:
    """Return whether a command was sent behind a place in the cycles of a hosted agent."""
    cycle, _, ordinal = command_id.partition(".")
    if not (cycle.isdecimal() and ordinal.isdecimal()):
        return False
    own, _, at = place.partition(".")
    return (int(cycle), int(ordinal)) > (int(own), int(at))


def list_files(workspace: Workspace, request: ListFiles) -> FileList:
    """Return files of a workspace in the order of their paths."""
    found: list[FileEntry] = []
    following: str | None = None
    for file in files_under(workspace, request.under, request.after):
        if len(found) == request.limit:
            following = found[-1].path
            break
        found.append(_entry(file))
    return FileList.model_construct(
        files=tuple(found),
        next=following,
        file_count=len(workspace.files),
        used_bytes=workspace.used_bytes,
    )


def stat(workspace: Workspace, request: StatFile) -> FileStat:
    """Return the facts about a file; raises NotFound if there is none."""
    file = workspace.version_of(check_path(request.path), request.at)
    earlier = reversed(workspace.earlier.get(file.path, []))
    return FileStat.model_construct(
        path=file.path,
        version=file.version,
        size=file.content.size,
        digest=file.digest,
        changed_at=file.changed_at,
        chunks=file.content.chunks,
        earlier=tuple(_earlier(version) for version in earlier),
    )


def matching_lines(file: FileVersion, text: str, request: SearchFiles) -> Iterable[FileMatch]:
    """Yield the lines of a file's text that contain what is searched."""
    wanted = request.text.casefold() if request.ignore_case else request.text
    for number, line in enumerate(text.splitlines(), 1):
        if wanted in (line.casefold() if request.ignore_case else line):
            yield FileMatch.model_construct(
                path=file.path, version=file.version, line=number, text=line[:LINE_LENGTH_MAX]
            )


def _entry(file: FileVersion) -> FileEntry:
    return FileEntry(file.path, file.version, file.content.size, file.digest)


def _earlier(version: FileVersion) -> EarlierVersion:
    return EarlierVersion.model_construct(
        version=version.version, size=version.content.size, digest=version.digest
    )
