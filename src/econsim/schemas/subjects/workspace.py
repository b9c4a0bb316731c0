"""Subjects of the workspace service."""

from __future__ import annotations

from typing import Final

from econsim.schemas.subject import Subject
from econsim.schemas.subject_rows import event, request

__all__ = [
    "APPEND_TO_FILE",
    "COPY_FILE",
    "DELETE_FILE",
    "FILE_DELETED",
    "FILE_MOVED",
    "FILE_WRITTEN",
    "LIST_FILES",
    "MOVE_FILE",
    "PUT_CHUNK",
    "READ_FILE",
    "SEARCH_FILES",
    "STAT_FILE",
    "WRITE_FILE",
]


def _operation(name: str, message: str, reply: str, description: str) -> Subject:
    """Return a request about the files of the asking agent."""
    operation = f"workspace.{name}"
    return request("workspace", f"system.{operation}", message, reply, description, short=operation)


def _change(name: str, message: str, description: str) -> Subject:
    """Return an event about a file, which the server copies out of bucket `workspace_files`."""
    text = f"{description} Sourced from bucket `workspace_files`."
    return event("workspace", f"system.workspace.{name}", message, text)


PUT_CHUNK: Final = _operation(
    "put", "ChunkContent", "ChunkStored", "Chunk of a large file, as bare bytes, before the file is written."
)
WRITE_FILE: Final = _operation("write", "WriteFile", "FileChanged", "Write of a whole file.")
APPEND_TO_FILE: Final = _operation("append", "AppendToFile", "FileChanged", "Content at the end of a file.")
MOVE_FILE: Final = _operation("move", "MoveFile", "FileChanged", "New path of a file.")
COPY_FILE: Final = _operation("copy", "CopyFile", "FileChanged", "Copy of a file, or of an earlier version.")
DELETE_FILE: Final = _operation("delete", "DeleteFile", "FileChanged", "Deletion of a file.")
READ_FILE: Final = _operation("read", "ReadFile", "FilePart", "Content of a file, at any version kept.")
LIST_FILES: Final = _operation("list", "ListFiles", "FileList", "Files by path.")
STAT_FILE: Final = _operation("stat", "StatFile", "FileStat", "Facts about a file, and its versions.")
SEARCH_FILES: Final = _operation(
    "search", "SearchFiles", "FileMatches", "Lines of files that contain a text."
)

FILE_WRITTEN: Final = _change("file_written", "FileWritten", "An agent wrote a file: path, size, digest.")
FILE_MOVED: Final = _change("file_moved", "FileMoved", "An agent gave a file another path.")
FILE_DELETED: Final = _change("file_deleted", "FileDeleted", "An agent deleted a file.")

REQUESTS: Final = (
    PUT_CHUNK,
    WRITE_FILE,
    APPEND_TO_FILE,
    MOVE_FILE,
    COPY_FILE,
    DELETE_FILE,
    READ_FILE,
    LIST_FILES,
    STAT_FILE,
    SEARCH_FILES,
)
"""Requests, in the order of the table."""

EVENTS: Final = (FILE_WRITTEN, FILE_MOVED, FILE_DELETED)
"""Events, in the order of the table."""
