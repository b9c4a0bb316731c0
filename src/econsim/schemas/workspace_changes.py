"""Changes of workspaces, as the log has them: each is the record of the change itself, with digests and never content."""

from __future__ import annotations

from econsim.schemas.base import Message, Word
from econsim.schemas.types import Identifier
from econsim.schemas.workspace import Digest, FileSize, FileVersionNumber


class WriteKind(Word):
    """The way content came into a file."""

    WRITTEN = "written"
    """Written whole."""
    APPENDED = "appended"
    """Added at the end."""
    COPIED = "copied"
    """Copied from another file, or from an earlier version."""


class FileChange(Message):
    """The parts that all changes of files share."""

    path: str
    """Path of the file."""
    version: FileVersionNumber
    """Version that the change made: its number among the changes of the workspace."""
    command_id: Identifier
    """Id of the agent's command; a repeat finds this change by it."""
    command_digest: str
    """Digest of the agent's command, 32 hex digits."""


class FileContentChange(FileChange):
    """The parts of changes that give a file content."""

    size: FileSize
    """Bytes of the file."""
    digest: Digest
    """Digest of the file: SHA-256 of the digests of its chunks, one after the other as bytes."""
    chunks: tuple[Digest, ...]
    """Digests of the file's chunks, in order."""


class FileWritten(FileContentChange):
    """An agent wrote a file, or a part of it."""

    kind: WriteKind
    """Way the content came into the file."""
    copied_from: str | None = None
    """Path of the copied file; none unless copied."""


class FileMoved(FileContentChange):
    """An agent gave a file another path."""

    moved_from: str
    """Path that the file had."""


class FileDeleted(FileChange):
    """An agent deleted a file."""


class FileLeft(Message):
    """A file is no longer at a path, because it was moved: the other half of the record of a move, not an event."""

    path: str
    """Path that the file had."""
    version: FileVersionNumber
    """Version that the move made."""


class Condemned(Message):
    """A chunk that no file needs."""

    name: str
    """Name of the chunk in its workspace."""
    place: int
    """Place of the chunk in its stream: the same content put again has another."""


class Collected(Message):
    """A mark of the collector: what it deletes next. Not an event.

    A change of the workspace that was decided before the mark is refused by the store and decided again after it.
    """

    condemned: tuple[Condemned, ...] = ()
    """Chunks to be deleted."""
    forgotten: tuple[int, ...] = ()
    """Revisions of the records to be deleted: superseded versions, and deletions that hide nothing any more."""
    version: int
    """Number of the workspace's newest change: the count must go on when the record of that change is deleted."""
