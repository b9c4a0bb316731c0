"""Answers about files: content at any version that is kept, and lines that contain a text."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from itertools import islice
from typing import Final

from econsim.domain.workspace import views
from econsim.domain.workspace.paths import check_path
from econsim.domain.workspace.workspace import FileVersion
from econsim.errors import EconsimError, InvalidMessage
from econsim.schemas.workspace import (
    FileList,
    FileMatch,
    FileMatches,
    FilePart,
    FileStat,
    ListFiles,
    ReadFile,
    SearchFiles,
    StatFile,
)
from econsim.services.workspace.content import LOST, ContentStore
from econsim.services.workspaces import AgentFiles

SEARCHED_BYTES_MAX: Final = 2**20
"""Bytes of a file that is searched; a larger one is named instead."""

SEARCHED_FILES_MAX: Final = 256
"""Files searched for one answer."""

AT_ONCE: Final = 32
"""Files read at once by a search."""


@dataclass(frozen=True, slots=True)
class WorkspaceReader:
    """Answers about one agent's files."""

    files: AgentFiles
    """Workspace of the agent."""
    store: ContentStore
    """Content of files."""

    async def read(self, request: ReadFile) -> FilePart:
        """Return a part of a file; raises NotFound, or EconsimError if content is lost."""
        check_path(request.path)
        await self.files.catch_up()
        try:
            file, content = await self._part(request)
        except EconsimError as error:
            if error.error_code != LOST:
                raise
            # The version may have been collected since: then the error is that it is not kept.
            await self.files.catch_up()
            file, content = await self._part(request)
        return FilePart.model_construct(
            path=file.path,
            version=file.version,
            size=file.content.size,
            digest=file.digest,
            offset=request.offset,
            text=_text(content) if request.as_text else None,
            base64=None if request.as_text else base64.b64encode(content).decode(),
        )

    async def list(self, request: ListFiles) -> FileList:
        """Return files by path."""
        return views.list_files(await self.files.catch_up(), request)

    async def stat(self, request: StatFile) -> FileStat:
        """Return the facts about a file."""
        return views.stat(await self.files.catch_up(), request)

    async def search(self, request: SearchFiles) -> FileMatches:
        """Return lines of files that contain a text, of so many files as one answer may take."""
        workspace = await self.files.catch_up()
        under = views.files_under(workspace, request.under, request.after)
        wanted = list(islice(under, SEARCHED_FILES_MAX + 1))
        matches: list[FileMatch] = []
        skipped: list[str] = []
        done, is_full = 0, False
        while not is_full and done < min(len(wanted), SEARCHED_FILES_MAX):
            some = wanted[done : done + AT_ONCE]
            for file, text in zip(some, await asyncio.gather(*map(self._text_of, some)), strict=True):
                lines = [*islice(views.matching_lines(file, text or "", request), request.limit)]
                if is_full := len(matches) + len(lines) > request.limit:
                    break
                done += 1
                matches += lines
                if text is None:
                    skipped.append(file.path)
            is_full = is_full or len(matches) == request.limit
        following = wanted[done - 1].path if done < len(wanted) else None
        return FileMatches.model_construct(matches=tuple(matches), skipped=tuple(skipped), next=following)

    async def _part(self, request: ReadFile) -> tuple[FileVersion, bytes]:
        if request.before is None:
            file = self.files.workspace.version_of(request.path, request.at)
        else:
            file = views.version_before(self.files.workspace, request.path, request.before)
        return file, await self.store.read(self.files, file.content, request.offset, request.length)

    async def _text_of(self, file: FileVersion) -> str | None:
        """Return the text of a file, none if it is no text or too large."""
        if file.content.size > SEARCHED_BYTES_MAX:
            return None
        content = await self.store.read(self.files, file.content, 0, file.content.size)
        try:
            return content.decode()
        except UnicodeDecodeError:
            return None


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        message = f"the part is no UTF-8 text from byte {error.start} on; read it as base64"
        raise InvalidMessage(message, code="file_is_no_text") from None
