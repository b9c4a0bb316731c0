"""Snapshots of a component's state: their form as bytes, and what makes one unfit to be used. Pure.

A snapshot holds what a component has folded of the log up to a place. It is a cache and never a source: whoever reads one
compares it with the log's record at that place, and folds the whole log if anything about it is wrong.

    {"form": …, "sequence": …, "digest": …, "numbers": …, "content": …}   one line; `content` is the digest of the rest
    the state as JSON, compressed
    the numbers, eight bytes each
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from econsim.domain.audit.envelope import digest
from econsim.errors import InvalidMessage

STATE_BYTES_MAX: Final = 2**28
"""Bytes of a state before compression that are read, 256 MiB: more than compresses into one message of honest data."""

COMPRESSION: Final = 1
"""Level of compression: a book's 370 kB become 60 kB in 2 ms, and higher levels take five times as long for a third less."""

_NUMBER: Final = 8
_HEAD: Final = frozenset({"form", "sequence", "digest", "numbers", "content"})

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class StateSnapshot(Generic[State]):
    """The state of a component at a place of the log."""

    sequence: int
    """Place of the last record that the state covers."""
    digest: str
    """Digest of that record."""
    state: State
    """State of the component, a value that nothing changes any more."""
    numbers: tuple[int, ...] = ()
    """Unsigned numbers of 64 bits that belong to the state: many, and they do not compress."""


class SnapshotForm(Generic[State]):
    """The form of one component's snapshots; other versions of econsim and other fields of the state are other forms."""

    def __init__(self, state: type[State], version: str) -> None:
        """Read and write states of this type, which version `version` of the code makes."""
        self._type = state
        self._version = version

    @cached_property
    def name(self) -> str:
        """Type, version and fields of the state, as a snapshot says them."""
        schema = json.dumps(self._adapter.json_schema(), sort_keys=True).encode()
        return f"{self._type.__name__} {self._version} {digest(self._type.__name__, schema)}"

    def encode(self, snapshot: StateSnapshot[State]) -> bytes:
        """Return a snapshot as bytes; takes milliseconds, and may run in a thread."""
        numbers = struct.pack(f"<{len(snapshot.numbers)}Q", *snapshot.numbers)
        content = zlib.compress(self._adapter.dump_json(snapshot.state), COMPRESSION) + numbers
        head = {
            "form": self.name,
            "sequence": snapshot.sequence,
            "digest": snapshot.digest,
            "numbers": len(snapshot.numbers),
        }
        return json.dumps(head | {"content": _content_digest(head, content)}).encode() + b"\n" + content

    def decode(self, value: bytes) -> StateSnapshot[State]:
        """Return the snapshot of these bytes; raises InvalidMessage for one that is damaged or of another form."""
        line, _, content = value.partition(b"\n")
        head = _head(line)
        if head["form"] != self.name:
            message = f"it has the form {str(head['form'])[:200]!r}, and this version writes {self.name!r}"
            raise InvalidMessage(message)
        if head.pop("content") != _content_digest(head, content):
            message = "its content is not what was written"
            raise InvalidMessage(message)
        packed = len(content) - _NUMBER * head["numbers"]
        try:
            text = zlib.decompressobj().decompress(content[:packed], STATE_BYTES_MAX)
            state = self._adapter.validate_json(text)
            numbers = struct.unpack(f"<{head['numbers']}Q", content[packed:])
        except (zlib.error, struct.error, ValidationError) as error:
            message = f"its content cannot be read: {type(error).__name__}"
            raise InvalidMessage(message) from error
        return StateSnapshot(head["sequence"], head["digest"], state, numbers)

    @cached_property
    def _adapter(self) -> TypeAdapter[State]:
        return TypeAdapter(self._type)


def _head(line: bytes) -> dict[str, Any]:
    """Return the first line of a snapshot; raises InvalidMessage for another one."""
    try:
        head = json.loads(line)
    except ValueError:
        head = None
    if (
        not isinstance(head, dict)
        or head.keys() != _HEAD
        or not all(isinstance(head[name], int) and head[name] >= 0 for name in ("sequence", "numbers"))
        or head["sequence"] == 0
    ):
        message = "it does not begin as a snapshot"
        raise InvalidMessage(message)
    return head


def _content_digest(head: dict[str, Any], content: bytes) -> str:
    """Return the digest of all but itself, so that no part of a snapshot is taken for another's."""
    return digest(json.dumps([head["form"], head["sequence"], head["digest"], head["numbers"]]), content)
