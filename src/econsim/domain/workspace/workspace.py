"""One agent's workspace: the fold of its records into files, versions, commands and chunks in use. Pure.

Life cycle of the collections:

    collection   holds                              entry comes           entry goes                     bound
    files, paths path → newest version              write, move, copy     deletion, move                 quota of keys
    earlier      path → versions before             the next change       forgotten by the collector,    VERSIONS_MAX a
                                                                          or by the store                path and kind
    commands     command → what it did              each change           with its record                records
    _hidden      path → revision of its deletion    deletion, move        forgotten, or a new file       records
    _chunks      name of a chunk → versions with it each version          with the version               chunks of versions
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from econsim.domain.workspace.chunks import FileContent
from econsim.domain.workspace.kinds import VERSIONS_MAX
from econsim.domain.workspace.paths import parents
from econsim.domain.workspace.records import RecordData, parse_record
from econsim.errors import NotFound
from econsim.ports import StoredEntry
from econsim.schemas.workspace import FileChanged
from econsim.schemas.workspace_changes import (
    Collected,
    FileContentChange,
    FileDeleted,
    FileLeft,
    FileMoved,
    FileWritten,
)


@dataclass(frozen=True, slots=True)
class FileVersion:
    """One version of a file."""

    path: str
    """Path of the file."""
    version: int
    """Version of the file."""
    content: FileContent
    """Content of the version."""
    digest: str
    """Digest of the content."""
    changed_at: str
    """Time of the version."""
    revision: int
    """Revision of the version's record."""


@dataclass(frozen=True, slots=True)
class DoneCommand:
    """A command that has taken effect."""

    digest: str
    """Digest of the command."""
    changed: FileChanged
    """Answer to the command."""


class Workspace:
    """The files of one agent in one run."""

    def __init__(self) -> None:
        """Start before the first record."""
        self.files: dict[str, FileVersion] = {}
        """Newest version of each file, by path."""
        self.paths: list[str] = []
        """Paths of all files, in order."""
        self.earlier: defaultdict[str, list[FileVersion]] = defaultdict(list)
        """Versions before the newest that can be read, by path, oldest first."""
        self.commands: dict[str, DoneCommand] = {}
        """Commands that have taken effect, by id."""
        self.condemned: Mapping[str, int] = {}
        """Chunks that the collector deletes by its newest mark: name → place."""
        self.forgotten: tuple[int, ...] = ()
        """Revisions of records that the collector deletes by its newest mark."""
        self.mark_revision = 0
        """Revision of the collector's newest mark, 0 for none."""
        self.revision = 0
        """Revision of the newest record."""
        self.version = 0
        """Number of the newest change."""
        self.changed_at = ""
        """Time of the newest change; empty before the first."""
        self.used_bytes = 0
        """Bytes of all files."""
        self._folders: Counter[str] = Counter()
        self._hidden: dict[str, int] = {}
        self._chunks: Counter[str] = Counter()
        self._per_key: defaultdict[str, deque[tuple[int, str, str]]] = defaultdict(deque)

    def evolve(self, stored: StoredEntry) -> None:
        """Fold one record, oldest first; raises pydantic's ValidationError if it cannot be read."""
        if stored.revision <= self.revision:
            return
        data, changed_at = parse_record(stored.key, stored.value)
        self.revision = stored.revision
        self.version = max(self.version, data.version)
        self.changed_at = max(self.changed_at, changed_at)
        self._note_key(stored, data)
        match data:
            case FileWritten() | FileMoved():
                self._put(_file_version(data, changed_at, stored.revision))
                self._note_command(data)
            case FileDeleted():
                self._hide(data.path, stored.revision)
                self._note_command(data)
            case FileLeft():
                self._hide(data.path, stored.revision)
            case Collected():
                self.condemned = {each.name: each.place for each in data.condemned}
                self.forgotten, self.mark_revision = data.forgotten, stored.revision
                self._forget(frozenset(data.forgotten))

    def version_of(self, path: str, at: int | None = None) -> FileVersion:
        """Return a version of a file, the newest by default; raises NotFound if there is none."""
        newest, earlier = self.files.get(path), self.earlier.get(path, [])
        if newest and at in (None, newest.version):
            return newest
        if not newest and not earlier:
            raise missing_file(path)
        if at is None:
            kept = ", ".join(str(version.version) for version in earlier)
            message = f"{path!r} is deleted; until it is collected, its versions can be read: {kept}"
            raise NotFound(message, code="file_does_not_exist")
        for found in earlier:
            if found.version == at:
                return found
        message = f"version {at} of {path!r} is not kept, or never was; stat names those there are"
        raise NotFound(message, code="version_is_not_kept")

    def is_folder(self, path: str) -> bool:
        """Return whether there are files below a path."""
        return self._folders[path] > 0

    def names_chunk(self, name: str) -> bool:
        """Return whether a version that can be read has a chunk."""
        return self._chunks[name] > 0

    def earlier_versions(self) -> list[FileVersion]:
        """Return all earlier versions, oldest first."""
        every = (version for versions in self.earlier.values() for version in versions)
        return sorted(every, key=lambda version: version.revision)

    def idle_deletions(self) -> list[int]:
        """Return the revisions of deletions that hide no earlier version any more, oldest first."""
        return sorted(revision for path, revision in self._hidden.items() if not self.earlier.get(path))

    def _note_command(self, data: FileContentChange | FileDeleted) -> None:
        self.commands[data.command_id] = DoneCommand(data.command_digest, file_changed(data))

    def _put(self, version: FileVersion) -> None:
        self._supersede(version.path)
        insort(self.paths, version.path)
        self.files[version.path] = version
        self.used_bytes += version.content.size
        self._chunks.update(frozenset(version.content.names))
        self._folders.update(parents(version.path))
        self._hidden.pop(version.path, None)

    def _hide(self, path: str, revision: int) -> None:
        self._supersede(path)
        self._hidden[path] = revision

    def _supersede(self, path: str) -> None:
        """Make the newest version of a path an earlier one."""
        if (before := self.files.pop(path, None)) is None:
            return
        self.earlier[path].append(before)
        del self.paths[bisect_left(self.paths, path)]
        self.used_bytes -= before.content.size
        for folder in parents(path):
            self._folders[folder] -= 1
            if not self._folders[folder]:
                del self._folders[folder]

    def _note_key(self, stored: StoredEntry, data: RecordData) -> None:
        """Forget the record that the store drops because its key has too many."""
        if isinstance(data, Collected):
            return
        kept = self._per_key[stored.key]
        kept.append((stored.revision, data.path, "" if isinstance(data, FileLeft) else data.command_id))
        if len(kept) > VERSIONS_MAX:
            revision, path, command_id = kept.popleft()
            self.commands.pop(command_id, None)
            self._drop(path, frozenset([revision]))

    def _forget(self, revisions: frozenset[int]) -> None:
        if not revisions:
            return
        for path in [*self.earlier]:
            self._drop(path, revisions)
        for path in [path for path, revision in self._hidden.items() if revision in revisions]:
            del self._hidden[path]
        for key in [*self._per_key]:
            before = self._per_key[key]
            for command_id in (each[2] for each in before if each[0] in revisions):
                self.commands.pop(command_id, None)
            kept = self._per_key[key] = deque(each for each in before if each[0] not in revisions)
            if not kept:
                del self._per_key[key]

    def _drop(self, path: str, revisions: frozenset[int]) -> None:
        """Forget earlier versions of a path."""
        versions = self.earlier.get(path, [])
        gone = [version for version in versions if version.revision in revisions]
        self._release(gone)
        left = [version for version in versions if version.revision not in revisions]
        if left:
            self.earlier[path] = left
        else:
            self.earlier.pop(path, None)

    def _release(self, versions: Iterable[FileVersion]) -> None:
        for version in versions:
            for name in frozenset(version.content.names):
                self._chunks[name] -= 1
                if not self._chunks[name]:
                    del self._chunks[name]


def missing_file(path: str) -> NotFound:
    """Return the error for a path without a file."""
    message = f"there is no file {path!r}; list names those there are"
    return NotFound(message, code="file_does_not_exist")


def file_changed(data: FileContentChange | FileDeleted) -> FileChanged:
    """Return the answer to the command of a change."""
    size, digest = (0, "") if isinstance(data, FileDeleted) else (data.size, data.digest)
    return FileChanged.model_construct(path=data.path, version=data.version, size=size, digest=digest)


def _file_version(data: FileContentChange, changed_at: str, revision: int) -> FileVersion:
    content = FileContent(data.size, data.chunks)
    return FileVersion(data.path, data.version, content, data.digest, changed_at, revision)
