"""Chunks of files: their names, the digest of a file, and the chunks of a part. Pure.

All chunks but the last have the same size, so a file's digest depends on its content alone, however it was written.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from econsim.errors import InvalidMessage
from econsim.schemas.workspace import CHUNK_BYTES, INLINE_BYTES_MAX, InlineContent


@dataclass(frozen=True, slots=True)
class FileContent:
    """Content of a file, by the digests of its chunks."""

    size: int
    """Bytes of the file."""
    chunks: tuple[str, ...]
    """Digests of the chunks, in order."""

    @property
    def digest(self) -> str:
        """Digest of the file: SHA-256 of the digests of its chunks, one after the other as bytes."""
        return sha256(b"".join(map(bytes.fromhex, self.chunks))).hexdigest()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the chunks, in order."""
        return tuple(chunk_name(digest, self.chunk_size(at)) for at, digest in enumerate(self.chunks))

    @property
    def tail_size(self) -> int:
        """Bytes of the last chunk if it is not full, else 0."""
        return self.size % CHUNK_BYTES

    def chunk_size(self, at: int) -> int:
        """Return the bytes of one chunk."""
        return CHUNK_BYTES if at < len(self.chunks) - 1 else self.size - at * CHUNK_BYTES

    def part(self, offset: int, length: int) -> range:
        """Return the places of the chunks that have the bytes of a part."""
        end = min(offset + length, self.size)
        return range(offset // CHUNK_BYTES, -(-end // CHUNK_BYTES) if end > offset else offset // CHUNK_BYTES)


def chunk_name(digest: str, size: int) -> str:
    """Return the name of a chunk in its workspace: its size is in it, so that nobody can say another."""
    return f"{digest}.{size}"


def split(content: bytes) -> tuple[FileContent, Mapping[str, bytes]]:
    """Return content as the digests of its chunks, and the chunks by their names."""
    parts = [content[at : at + CHUNK_BYTES] for at in range(0, len(content), CHUNK_BYTES)]
    digests = [sha256(part).hexdigest() for part in parts]
    named = {chunk_name(digest, len(part)): part for digest, part in zip(digests, parts, strict=True)}
    return FileContent(len(content), tuple(digests)), named


def described_content(chunks: Sequence[str], size: int) -> FileContent:
    """Return the content that a command describes; raises InvalidMessage if so many chunks cannot have that size."""
    if len(chunks) != -(-size // CHUNK_BYTES):
        message = (
            f"{size} bytes are {-(-size // CHUNK_BYTES)} chunks, not {len(chunks)}: "
            f"every chunk but the last has {CHUNK_BYTES} bytes"
        )
        raise InvalidMessage(message, code="chunks_do_not_fit_the_size")
    return FileContent(size, tuple(chunks))


def is_intact(name: str, content: bytes) -> bool:
    """Return whether a chunk is what its name says."""
    return chunk_name(sha256(content).hexdigest(), len(content)) == name


def inline_content(command: InlineContent) -> bytes:
    """Return the content that a command carries; raises InvalidMessage for base64 that is none, and for too many bytes."""
    content = (command.text or "").encode() if command.base64 is None else _from_base64(command.base64)
    if len(content) > INLINE_BYTES_MAX:
        message = (
            f"the content has {len(content)} bytes; at most {INLINE_BYTES_MAX} are taken in one command: "
            "put chunks and write the file with them"
        )
        raise InvalidMessage(message, code="message_is_too_large")
    return content


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        message = f"base64 is not base64 of the standard alphabet with padding ({error})"
        raise InvalidMessage(message) from None


def extend(before: FileContent, tail: bytes, addition: bytes) -> tuple[FileContent, Mapping[str, bytes]]:
    """Return content with an addition at its end, and the chunks that are new.

    `tail` is the last chunk if it is not full, else empty: it becomes a part of the first new chunk.
    """
    whole = before.chunks[: len(before.chunks) - bool(tail)]
    added, named = split(tail + addition)
    return FileContent(before.size + len(addition), whole + added.chunks), named
