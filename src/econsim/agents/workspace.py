"""The workspace service as an agent calls it: files that survive the agent, with versions and a listing.

Small content travels in one command. Larger content is cut into chunks, which are put a few at a time, and then the file is
written with their digests: a reader sees the old file or the new one. Each command has an id of its own, so a repeat after a
lost answer changes nothing more.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterable, AsyncIterator
from hashlib import sha256
from typing import Any, Final, TypeVar

from econsim import subjects
from econsim.adapters.clock import random_id
from econsim.agents.channel import AgentChannel, read_stored_value
from econsim.domain.workspace.chunks import FileContent, is_intact, split
from econsim.errors import Conflict, InvalidMessage, Refused
from econsim.identity.agent_account import OWN_CHUNK
from econsim.schemas.base import Message, validated_message
from econsim.schemas.subject import Subject
from econsim.schemas.types import AMOUNT_MAX
from econsim.schemas.workspace import (
    CHUNK_BYTES,
    FILE_BYTES_MAX,
    INLINE_BYTES_MAX,
    AppendToFile,
    ChunkStored,
    CopyFile,
    DeleteFile,
    FileChanged,
    FileEntry,
    FileList,
    FileMatch,
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

PUTS_AT_ONCE: Final = 8
"""Chunks of a file under way at once."""

GETS_AT_ONCE: Final = 16
"""Chunks of a file asked for at once, 2 MiB."""

UPLOADS_MAX: Final = 3
"""Uploads of a file whose chunks are deleted before it is written, as after a pause of many minutes."""

VERSION_REFUSAL: Final = "file_has_another_version"
"""Code of a change that expected another version of its file."""

_Request = TypeVar("_Request", bound=Message)
_Reply = TypeVar("_Reply", bound=Message)


class WorkspaceService:
    """One agent's files.

    A change may be given a `command_id`: a call with the same id and arguments takes effect once, however often it is made.
    Every method raises InvalidMessage for a malformed argument before anything is sent, Refused by code otherwise:
    `file_does_not_exist`, `file_has_another_version`, `workspace_bytes_are_exceeded`, …; Unavailable if there is no answer in
    time, when a change may be stored or not.
    """

    def __init__(self, channel: AgentChannel) -> None:
        """Use an agent's channel."""
        self._channel = channel

    async def write(
        self,
        path: str,
        content: bytes | str,
        *,
        expected_version: int | None = None,
        command_id: str | None = None,
    ) -> FileChanged:
        """Write a file whole; `expected_version` 0 is for a file that must not exist."""
        data = content.encode() if isinstance(content, str) else content
        fields = {"path": path, "expected_version": expected_version, "command_id": command_id}
        if len(data) <= INLINE_BYTES_MAX:
            request = _command(WriteFile, fields, base64=_base64(data))
            return await self._channel.ask(subjects.WRITE_FILE, request, FileChanged)
        return await self._write_chunks(fields, data)

    async def write_stream(
        self,
        path: str,
        content: AsyncIterable[bytes],
        *,
        expected_version: int | None = None,
        command_id: str | None = None,
    ) -> FileChanged:
        """Write a file from pieces of any length, without the whole of it in memory."""
        size = 0

        async def count_bytes() -> AsyncIterator[bytes]:
            nonlocal size
            async for piece in _chunks(content):
                size += len(piece)
                yield piece

        digests = await self._put(count_bytes())
        fields = {"path": path, "expected_version": expected_version, "command_id": command_id}
        request = _command(WriteFile, fields, chunks=tuple(digests), size=size)
        return await self._channel.ask(subjects.WRITE_FILE, request, FileChanged)

    async def append(self, path: str, content: bytes | str, *, command_id: str | None = None) -> FileChanged:
        """Add content at the end of a file, which is made if it does not exist.

        The same `command_id` again has the first outcome. More than 32 KiB puts the chunks of the whole file.
        """
        data = content.encode() if isinstance(content, str) else content
        if len(data) <= INLINE_BYTES_MAX:
            request = _command(AppendToFile, {"path": path, "command_id": command_id}, base64=_base64(data))
            return await self._channel.ask(subjects.APPEND_TO_FILE, request, FileChanged)
        addition = {
            "path": path,
            "command_id": command_id or random_id(),
            "appended": sha256(data).hexdigest(),
        }
        if command_id and (earlier := await self._earlier_append(addition)):
            return earlier
        while True:
            before, version = await self._newest(path)
            try:
                return await self._write_chunks({**addition, "expected_version": version}, before + data)
            except Refused as error:
                if error.error_code != VERSION_REFUSAL:
                    raise

    async def read(self, path: str, *, at: int | None = None) -> bytes:
        """Return the content of a file, at an earlier version if asked for."""
        return b"".join([part async for part in self.read_stream(path, at=at)])

    async def read_text(self, path: str, *, at: int | None = None) -> str:
        """Return the content of a file as text; raises InvalidMessage if it is no UTF-8."""
        try:
            return (await self.read(path, at=at)).decode()
        except UnicodeDecodeError as error:
            message = f"{path!r} is no UTF-8 text from byte {error.start} on"
            raise InvalidMessage(message, code="file_is_no_text") from None

    async def read_stream(self, path: str, *, at: int | None = None) -> AsyncIterator[bytes]:
        """Yield the content of a file, chunk by chunk, all of one version; each chunk is verified by its digest."""
        facts = await self.stat(path, at=at)
        content = FileContent(facts.size, facts.chunks)
        for first in range(0, len(content.names), GETS_AT_ONCE):
            names = content.names[first : first + GETS_AT_ONCE]
            parts = await asyncio.gather(*map(self._chunk, names))
            for place, part in enumerate(parts, first):
                # A replica may lag behind, and the version may be collected: the service tells which it is.
                yield part or await self._from_service(path, facts.version, content, place)

    async def list_files(self, under: str = "") -> list[FileEntry]:
        """Return the files below a folder, by path."""
        found: list[FileEntry] = []
        after = ""
        while True:
            page = await self._ask(subjects.LIST_FILES, ListFiles, FileList, under=under, after=after)
            found += page.files
            if page.next is None:
                return found
            after = page.next

    async def stat(self, path: str, *, at: int | None = None) -> FileStat:
        """Return the facts about a file, and its versions."""
        return await self._ask(subjects.STAT_FILE, StatFile, FileStat, path=path, at=at)

    async def move(
        self,
        path: str,
        to: str,
        *,
        expected_version: int | None = None,
        overwrite: bool = False,
        command_id: str | None = None,
    ) -> FileChanged:
        """Give a file another path."""
        fields = {
            "path": path,
            "to": to,
            "expected_version": expected_version,
            "overwrite": overwrite,
            "command_id": command_id,
        }
        return await self._channel.ask(subjects.MOVE_FILE, _command(MoveFile, fields), FileChanged)

    async def copy(
        self,
        path: str,
        to: str,
        *,
        at: int | None = None,
        overwrite: bool = False,
        command_id: str | None = None,
    ) -> FileChanged:
        """Copy a file; `to` the same path `at` an earlier version brings that version back."""
        fields = {"path": path, "to": to, "at": at, "overwrite": overwrite, "command_id": command_id}
        return await self._channel.ask(subjects.COPY_FILE, _command(CopyFile, fields), FileChanged)

    async def delete(
        self, path: str, *, expected_version: int | None = None, command_id: str | None = None
    ) -> FileChanged:
        """Delete a file."""
        fields = {"path": path, "expected_version": expected_version, "command_id": command_id}
        return await self._channel.ask(subjects.DELETE_FILE, _command(DeleteFile, fields), FileChanged)

    async def search(self, text: str, under: str = "", *, ignore_case: bool = False) -> list[FileMatch]:
        """Return the lines below a folder that contain a text; files that are no text have none."""
        fields = {"text": text, "under": under, "ignore_case": ignore_case}
        found: list[FileMatch] = []
        after = ""
        while True:
            page = await self._ask(subjects.SEARCH_FILES, SearchFiles, FileMatches, **fields, after=after)
            found += page.matches
            if page.next is None:
                return found
            after = page.next

    async def _write_chunks(self, fields: dict[str, Any], data: bytes) -> FileChanged:
        """Put the chunks of a file and write it; put them again if they were deleted meanwhile."""
        if len(data) > FILE_BYTES_MAX:
            message = f"the content has {len(data)} bytes; a file has at most {FILE_BYTES_MAX}"
            raise InvalidMessage(message, code="file_is_too_large")
        for uploads in range(1, UPLOADS_MAX + 1):
            digests = await self._put(_pieces(data))
            request = _command(WriteFile, fields, chunks=tuple(digests), size=len(data))
            try:
                return await self._channel.ask(subjects.WRITE_FILE, request, FileChanged)
            except Refused as error:
                if error.error_code != "chunk_is_missing" or uploads == UPLOADS_MAX:
                    raise
        raise AssertionError

    async def _earlier_append(self, addition: dict[str, Any]) -> FileChanged | None:
        """Return the outcome of an append that was made before; no file has this version, so that a new one is refused."""
        request = _command(WriteFile, addition, expected_version=AMOUNT_MAX, chunks=(), size=0)
        try:
            return await self._channel.ask(subjects.WRITE_FILE, request, FileChanged)
        except Refused as error:
            if error.error_code != VERSION_REFUSAL:
                raise
            return None

    async def _put(self, pieces: AsyncIterator[bytes]) -> list[str]:
        """Put chunks, a few at once; return their digests in order."""
        puts: list[asyncio.Task[str]] = []
        room = asyncio.Semaphore(PUTS_AT_ONCE)
        try:
            async with asyncio.TaskGroup() as group:
                async for piece in pieces:
                    await room.acquire()
                    puts.append(group.create_task(self._put_one(piece, room)))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        return [put.result() for put in puts]

    async def _put_one(self, piece: bytes, room: asyncio.Semaphore) -> str:
        try:
            stored = await self._channel.ask(subjects.PUT_CHUNK, piece, ChunkStored)
        finally:
            room.release()
        if stored.digest != split(piece)[0].chunks[0]:
            message = "the service stored other content than was sent; put it again"
            raise Conflict(message)
        return stored.digest

    async def _chunk(self, name: str) -> bytes:
        """Return a chunk as the server has it, empty if it does not have it."""
        digest, _, size = name.partition(".")
        found = await read_stored_value(self._channel.client, OWN_CHUNK.format(digest=digest, size=size))
        return found if found and is_intact(name, found) else b""

    async def _from_service(self, path: str, at: int, content: FileContent, place: int) -> bytes:
        fields = {"path": path, "at": at, "offset": place * CHUNK_BYTES, "length": content.chunk_size(place)}
        part = await self._ask(subjects.READ_FILE, ReadFile, FilePart, **fields)
        return base64.b64decode(part.base64 or "")

    async def _newest(self, path: str) -> tuple[bytes, int]:
        """Return the newest content of a file and its version; nothing and 0 if there is none."""
        try:
            version = (await self.stat(path)).version
        except Refused as error:
            if error.error_code != "file_does_not_exist":
                raise
            return b"", 0
        return await self.read(path, at=version), version

    async def _ask(
        self, row: Subject, request: type[_Request], reply: type[_Reply], **fields: object
    ) -> _Reply:
        return await self._channel.ask(row, validated_message(request, **fields), reply)


def _command(model: type[_Request], fields: dict[str, Any], **content: object) -> _Request:
    given = {**fields, **content}
    return validated_message(model, **(given | {"command_id": given["command_id"] or random_id()}))


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), CHUNK_BYTES):
        yield content[at : at + CHUNK_BYTES]


async def _chunks(content: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Yield content in pieces of CHUNK_BYTES, the last one shorter."""
    waiting = bytearray()
    async for piece in content:
        waiting += piece
        while len(waiting) >= CHUNK_BYTES:
            yield bytes(waiting[:CHUNK_BYTES])
            del waiting[:CHUNK_BYTES]
    if waiting:
        yield bytes(waiting)
