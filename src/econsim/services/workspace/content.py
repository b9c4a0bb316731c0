"""Content of files in the chunk store: what a command brings is put, what it names is found, what is read is verified."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from econsim.domain.workspace.chunks import FileContent, chunk_name, is_intact
from econsim.domain.workspace.uploads import Upload
from econsim.errors import EconsimError, NotFound
from econsim.services.workspaces import AgentFiles, Workspaces

LOST: Final = "file_content_is_lost"
"""Code of content that the store does not have, or has otherwise."""


@dataclass(frozen=True, slots=True)
class ContentStore:
    """Chunks of all workspaces."""

    workspaces: Workspaces
    """Stores, and chunks under way."""

    async def put(self, prefix: str, name: str, content: bytes) -> None:
        """Store a chunk, and know of it until a file has it."""
        place = await self.workspaces.chunks.put(prefix, name, content)
        self.workspaces.uploads.add(prefix, name, Upload(place, len(content), time.monotonic()))

    async def ensure(self, files: AgentFiles, content: FileContent, brought: Mapping[str, bytes]) -> None:
        """Make sure that every chunk of a file is stored: put what is brought, find the rest.

        Raises NotFound for a chunk that was not put, or that the collector is about to delete. Nobody can name a chunk of
        another workspace: chunks lie below the prefix of their own.
        """
        unknown = {name for name in content.names if not files.workspace.names_chunk(name)}
        for name in sorted(unknown & brought.keys()):
            await self.put(files.prefix, name, brought[name])
        unknown -= brought.keys()
        missing = [name for name in unknown if not self._is_known(files, name)]
        if missing and (lost := await self._not_stored(files, missing)):
            message = (
                f"{len(lost)} of the chunks were not put, or so long ago that they are deleted, "
                f"first {lost[0].partition('.')[0]}; put them and write again"
            )
            raise NotFound(message, code="chunk_is_missing", digest=lost[0].partition(".")[0])

    async def read(self, files: AgentFiles, content: FileContent, offset: int, length: int) -> bytes:
        """Return a part of a file; raises EconsimError if a chunk is lost or changed."""
        places = content.part(offset, length)
        if not places:
            return b""
        names = [chunk_name(content.chunks[at], content.chunk_size(at)) for at in places]
        parts = await asyncio.gather(*(self._chunk(files.prefix, name) for name in names))
        skip = offset - places.start * content.chunk_size(0)
        return b"".join(parts)[skip : skip + length]

    async def _chunk(self, prefix: str, name: str) -> bytes:
        content = await self.workspaces.chunks.get(prefix, name)
        if content is None or not is_intact(name, content):
            state = "is lost" if content is None else "was changed in the store"
            message = f"chunk {name.partition('.')[0]} of the file {state}; an earlier version may be whole"
            raise EconsimError(message, code=LOST)
        return content

    def _is_known(self, files: AgentFiles, name: str) -> bool:
        place = self.workspaces.uploads.place(files.prefix, name, time.monotonic())
        return place is not None and files.workspace.condemned.get(name) != place

    async def _not_stored(self, files: AgentFiles, names: Sequence[str]) -> list[str]:
        """Return the chunks that are not in the store, or that are condemned where they lie."""
        stored = (await self.workspaces.chunks.names(files.prefix)).get(files.prefix, frozenset())
        lost = [name for name in names if name not in stored]
        for name in stored.intersection(names, files.workspace.condemned):
            place = await self.workspaces.chunks.place(files.prefix, name)
            if place in (None, files.workspace.condemned[name]):
                lost.append(name)
        return sorted(lost)
