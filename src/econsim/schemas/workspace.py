"""Files of agents: requests to the workspace service and their answers.

A file is cut into chunks of CHUNK_BYTES. A small one travels whole in one command; of a larger one each chunk is put first,
and the command that writes the file names their digests. The events about changes are in `schemas/workspace_changes.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Self

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from econsim.schemas.base import CONFIG, Command, Message, Request
from econsim.schemas.types import AMOUNT_MAX, Tick

CHUNK_BYTES: Final = 131_072
"""Bytes of every chunk of a file but the last, 128 KiB: with headers it fits in one message of an agent."""

INLINE_BYTES_MAX: Final = 32_768
"""Bytes of content that a command carries itself: as text in JSON they may take more room than as base64."""

CHUNKS_MAX: Final = 1_600
"""Chunks of one file: their digests fit in one message of an agent."""

FILE_BYTES_MAX: Final = CHUNKS_MAX * CHUNK_BYTES
"""Bytes of one file, 200 MiB."""

READ_BYTES_MAX: Final = 2**20
"""Bytes of a file in one answer."""

LIST_MAX: Final = 1_000
"""Files in one answer of a listing."""

MATCHES_MAX: Final = 100
"""Lines in one answer of a search."""

PATH_BYTES_MAX: Final = 512
"""Bytes of a path in UTF-8."""

BASE64_LENGTH_MAX: Final = -(-INLINE_BYTES_MAX // 3) * 4
"""Characters of content in a command as base64."""

Path = Annotated[str, Field(min_length=1, max_length=PATH_BYTES_MAX)]
"""Path of a file: names with `/` between them, relative to the agent's workspace; `domain/workspace/paths.py` has the rules."""

Folder = Annotated[str, Field(max_length=PATH_BYTES_MAX)]
"""Path of a folder; empty for the whole workspace."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256, 64 hex digits."""

FileVersionNumber = Annotated[int, Field(strict=True, ge=1, le=AMOUNT_MAX)]
"""Version of a file: the number of the change of the workspace that made it, from 1."""

ExpectedVersion = Annotated[int, Field(strict=True, ge=0, le=AMOUNT_MAX)]
"""Version that a file must have; 0 for a file that must not exist."""

FileSize = Annotated[int, Field(strict=True, ge=0, le=FILE_BYTES_MAX)]
"""Bytes of a file."""

Base64 = Annotated[str, Field(max_length=BASE64_LENGTH_MAX)]
"""Content as base64, the standard alphabet with padding."""


class ChunkContent(Message):
    """Content of one chunk: the bytes of the message as they are, 1 to CHUNK_BYTES of them, and no JSON.

    The chunk is stored until a command names it; one that no file has is deleted after a while.
    """

    content_type: ClassVar[str] = "application/octet-stream"

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the schema of bytes: the payload is not an object."""
        return {"type": "string", "description": handler(core_schema)["description"]}


class ChunkStored(Message):
    """A chunk is stored."""

    digest: Digest
    """SHA-256 of the chunk's content."""
    size: Annotated[int, Field(ge=1, le=CHUNK_BYTES)]
    """Bytes of the chunk."""


class InlineContent(Command):
    """Content that a command carries itself, in one of two forms."""

    tick: Tick = 0
    """Logical time of the change; for hosts alone, 0 for the run's newest tick."""
    text: Annotated[str, Field(max_length=INLINE_BYTES_MAX)] | None = None
    """Content as text, stored as UTF-8."""
    base64: Base64 | None = None
    """Content as base64."""


class WriteFile(InlineContent):
    """Command to write a file whole: all of its new content becomes readable at once."""

    path: Path
    """Path of the file."""
    chunks: Annotated[tuple[Digest, ...], Field(max_length=CHUNKS_MAX)] | None = None
    """Digests of the file's chunks, in order; each was put before, or is part of a file of the same workspace."""
    size: FileSize | None = None
    """Bytes of the file, with `chunks`."""
    expected_version: ExpectedVersion | None = None
    """Version that the file must have; none for any."""
    appended: Digest | None = None
    """SHA-256 of content that is added at the end of the file's `expected_version`, if the command is a long append: a repeat
    adds the same content to whatever version, and gets the first outcome."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.appended is not None and (self.chunks is None or self.expected_version is None):
            message = "`appended` says what `chunks` add to `expected_version`: give all three"
            raise ValueError(message)
        given = [name for name in ("text", "base64", "chunks") if getattr(self, name) is not None]
        if len(given) != 1 or (self.size is None) != (self.chunks is None):
            message = "give the content once: `text`, or `base64`, or `chunks` with `size`"
            raise ValueError(message)
        return self


class AppendToFile(InlineContent):
    """Command to add content at the end of a file, which is made if it does not exist."""

    path: Path
    """Path of the file."""
    expected_version: ExpectedVersion | None = None
    """Version that the file must have; none for any."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.text is None) == (self.base64 is None):
            message = "give the content once: `text` or `base64`"
            raise ValueError(message)
        return self


class MoveFile(Command):
    """Command to give a file another path, without a moment at which it has both or none."""

    path: Path
    """Path of the file."""
    to: Path
    """New path of the file."""
    expected_version: ExpectedVersion | None = None
    """Version that the file must have; none for any."""
    overwrite: bool = False
    """True to replace a file at the new path."""


class CopyFile(Command):
    """Command to copy a file, or one of its earlier versions."""

    path: Path
    """Path of the file."""
    to: Path
    """Path of the copy; that of the file itself brings an earlier version back."""
    at: FileVersionNumber | None = None
    """Version to copy; none for the newest."""
    overwrite: bool = False
    """True to replace a file at the path of the copy."""


class DeleteFile(Command):
    """Command to delete a file."""

    path: Path
    """Path of the file."""
    expected_version: ExpectedVersion | None = None
    """Version that the file must have; none for any."""


class FileChanged(Message):
    """A change of a file, stored."""

    path: str
    """Path of the file."""
    version: FileVersionNumber
    """Version that the change made."""
    size: int
    """Bytes of the file; 0 for a deleted one."""
    digest: str
    """Digest of the file: SHA-256 of the digests of its chunks, one after the other as bytes; empty for a deleted one."""


class ReadFile(Request):
    """Request for content of a file."""

    path: Path
    """Path of the file."""
    at: FileVersionNumber | None = None
    """Version to read; none for the newest."""
    offset: FileSize = 0
    """Bytes before the part."""
    length: Annotated[int, Field(strict=True, ge=1, le=READ_BYTES_MAX)] = READ_BYTES_MAX
    """Bytes of the part, at most."""
    as_text: bool = False
    """True for the content as text."""
    before: Annotated[str, Field(pattern=r"^[0-9]{1,15}\.[0-9]{1,15}$")] | None = None
    """Place in the cycles of a hosted agent, `<cycle>.<ordinal>`: the answer is as it was before its later commands; none
    for the newest."""


class FilePart(Message):
    """A part of a file's content."""

    path: str
    """Path of the file."""
    version: FileVersionNumber
    """Version of the file."""
    size: FileSize
    """Bytes of the whole file."""
    digest: Digest
    """Digest of the whole file."""
    offset: FileSize
    """Bytes before the part."""
    text: str | None = None
    """Part as text; none unless asked for."""
    base64: str | None = None
    """Part as base64; none if it is text."""


class ListFiles(Request):
    """Request for the files of a workspace, by path."""

    under: Folder = ""
    """Folder to list, with all below it."""
    after: Folder = ""
    """Path to continue behind; empty to start."""
    limit: Annotated[int, Field(strict=True, ge=1, le=LIST_MAX)] = LIST_MAX
    """Files in the answer, at most."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file as a listing has it."""

    __pydantic_config__ = CONFIG

    path: str
    """Path of the file."""
    version: FileVersionNumber
    """Version of the file."""
    size: FileSize
    """Bytes of the file."""
    digest: Digest
    """Digest of the file."""


class FileList(Message):
    """Files of a workspace, in the order of their paths."""

    files: tuple[FileEntry, ...]
    """Files, at most as many as asked for."""
    next: str | None = None
    """Path to continue behind; none at the end."""
    file_count: int
    """Files of the whole workspace."""
    used_bytes: int
    """Bytes of all files of the workspace."""


class StatFile(Request):
    """Request for what is known of a file."""

    path: Path
    """Path of the file."""
    at: FileVersionNumber | None = None
    """Version to describe; none for the newest."""


class EarlierVersion(Message):
    """A version of a file that can still be read."""

    version: FileVersionNumber
    """Version of the file."""
    size: FileSize
    """Bytes of the file."""
    digest: Digest
    """Digest of the file."""


class FileStat(Message):
    """Facts about a file."""

    path: str
    """Path of the file."""
    version: FileVersionNumber
    """Version of the file."""
    size: FileSize
    """Bytes of the file."""
    digest: Digest
    """Digest of the file."""
    changed_at: str
    """Time of the version: RFC 3339, UTC."""
    chunks: tuple[Digest, ...]
    """Digests of the file's chunks, in order."""
    earlier: tuple[EarlierVersion, ...]
    """Earlier versions that can be read, the newest first."""


class SearchFiles(Request):
    """Request for lines of files that contain a text."""

    text: Annotated[str, Field(min_length=1, max_length=256)]
    """Text to find, as it stands."""
    under: Folder = ""
    """Folder to search, with all below it."""
    after: Folder = ""
    """Path to continue behind; empty to start."""
    ignore_case: bool = False
    """True to find the text in capitals and small letters alike."""
    limit: Annotated[int, Field(strict=True, ge=1, le=MATCHES_MAX)] = MATCHES_MAX
    """Lines in the answer, at most; those of one file are never parted, and of a file with more only the first are found."""


class FileMatch(Message):
    """A line that contains a text."""

    path: str
    """Path of the file."""
    version: FileVersionNumber
    """Version of the file."""
    line: int
    """Number of the line, from 1."""
    text: str
    """Line, cut where it is long."""


class FileMatches(Message):
    """Lines of files that contain a text."""

    matches: tuple[FileMatch, ...]
    """Lines, by path and number."""
    skipped: tuple[str, ...]
    """Paths of files that are no text, or too large to be searched."""
    next: str | None = None
    """Path to continue behind; none at the end."""
