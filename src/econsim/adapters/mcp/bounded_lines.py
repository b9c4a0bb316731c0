"""Lines of an untrusted process within a limit: the middle of a longer line is dropped as it comes, its ends are kept.

A server may answer with a hundred megabytes in one line. Nothing of it is kept but the ends, in one of which the id of
the request stands: that one call then fails, and the session goes on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

END_BYTES: Final = 512
"""Bytes kept of each end of a line that is too long."""

TOO_LARGE: Final = -32_090
"""Code of our own error in the place of an answer that was cut off."""

_ID: Final = rb'"id"\s*:\s*(\d{1,15})'
_AHEAD: Final = re.compile(rb'^\s*(?:data:\s*)?\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?' + _ID)
_BEHIND: Final = re.compile(rb"[,}]\s*" + _ID + rb'\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$')


@dataclass(frozen=True, slots=True)
class LongLine:
    """A line above the limit."""

    head: bytes
    """First bytes of the line."""
    tail: bytes
    """Last bytes of the line."""
    size: int
    """Bytes of the whole line."""

    @property
    def request_id(self) -> int | None:
        """Return the id of the request that the line answers; none if neither end has one."""
        found = _AHEAD.search(self.head) or _BEHIND.search(self.tail)
        return int(found[1]) if found else None


class BoundedLines:
    """Lines of a stream of bytes."""

    def __init__(self, bytes_max: int) -> None:
        """Start empty; a line has at most `bytes_max` bytes."""
        self._bytes_max = bytes_max
        self._parts: list[bytes] = []
        self._size = 0
        self._head = b""
        self._tail = b""

    def feed(self, data: bytes) -> Iterator[bytes | LongLine]:
        """Take bytes, and yield the lines that they end."""
        *ended, rest = data.split(b"\n")
        for part in ended:
            self._add(part)
            yield self._take()
        self._add(rest)

    def _add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size <= self._bytes_max:
            self._parts.append(part)
            return
        if self._parts or not self._head:
            self._head = (b"".join(self._parts) + part)[:END_BYTES]
            self._parts.clear()
        self._tail = (self._tail + part[-END_BYTES:])[-END_BYTES:]

    def _take(self) -> bytes | LongLine:
        is_long = self._size > self._bytes_max
        line = LongLine(self._head, self._tail, self._size) if is_long else b"".join(self._parts)
        self._parts, self._size, self._head, self._tail = [], 0, b"", b""
        return line
