"""What a stream is made of: every field the server is told, with the defaults of econsim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Source:
    """A stream that copies messages of another, renamed."""

    stream: str
    """Where from."""
    renames: tuple[tuple[str, str], ...]
    """Pairs of pattern there and subject here; what matches none is not copied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What one stream must be; field for field what the server is told and reports back."""

    name: str
    """The server's name for it."""
    why: str
    """What it is for, in one sentence."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Per field that is not the default, why it has its value."""
    subjects: tuple[str, ...] = ()
    """Patterns it captures."""
    sources: tuple[Source, ...] = ()
    """Streams it copies from."""
    retention: Literal["limits", "workqueue"] = "limits"
    """Whether an acknowledgement removes a message."""
    discard: Literal["old", "new"] = "old"
    """What gives way at a limit: the oldest messages, or the publisher."""
    storage: Literal["file", "memory"] = "file"
    """Where messages live."""
    max_age_s: int = 0
    """Seconds a message is kept; 0 for ever."""
    max_msgs: int = -1
    """Messages kept."""
    max_msgs_per_subject: int = -1
    """Messages kept per subject: the history of a bucket's key."""
    max_consumers: int = -1
    """Consumers allowed."""
    duplicate_window_s: int = 120
    """Seconds a message id is remembered."""
    allow_direct: bool = False
    """Whether single messages can be read without the stream's leader."""
    allow_atomic: bool = False
    """Whether several messages can be stored all or nothing."""
    allow_msg_ttl: bool = False
    """Whether a message may carry its own age limit."""
    allow_msg_counter: bool = False
    """Whether every message is an increment, added to its subject's total by the server."""
    deny_delete: bool = False
    """Whether deleting a message through the API is refused."""
    deny_purge: bool = False
    """Whether emptying it through the API is refused."""
