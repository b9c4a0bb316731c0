"""Shapes of declared streams and consumers, with the defaults of econsim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Source:
    """Another stream whose messages a stream copies, under other subjects."""

    stream: str
    """Name of the copied stream."""
    renames: tuple[tuple[str, str], ...] = ()
    """Pairs of a pattern in the copied stream and a subject in the copy; messages that match none are not copied."""
    pattern: str = ""
    """Pattern of the messages that are copied under their own subjects; empty with renames."""
    start: int = 0
    """Place in the copied stream where copying begins; 0 for its beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Declaration of one stream; each field is one that the server takes and reports back."""

    name: str
    """Name of the stream on the server."""
    why: str
    """Purpose of the stream, in one sentence."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Name of each field that differs from its default → reason of its value."""
    subjects: tuple[str, ...] = ()
    """Patterns of the captured subjects."""
    sources: tuple[Source, ...] = ()
    """Streams whose messages are copied."""
    retention: Literal["limits", "workqueue"] = "limits"
    """Retention: until a limit is reached, or until a message is acknowledged."""
    discard: Literal["old", "new"] = "old"
    """Effect of a reached limit: the oldest messages are dropped, or the publisher is refused."""
    storage: Literal["file", "memory"] = "file"
    """Storage of the messages."""
    compressed: bool = False
    """True if the server compresses a block of messages once the block is full; messages in memory stay as they are."""
    is_derived: bool = False
    """True if another stream has all of it: the server need not flush each message, and copies again what a crash took from its end."""
    max_age_s: int = 0
    """Seconds that a message is kept; 0 for ever."""
    max_msgs: int = -1
    """Messages kept; -1 for no limit."""
    max_msgs_per_subject: int = -1
    """Messages kept per subject, which is the history of a bucket's key; -1 for no limit."""
    max_consumers: int = -1
    """Consumers allowed; -1 for the server's default."""
    duplicate_window_s: int = 120
    """Deduplication window: seconds that a message id is remembered."""
    allow_direct: bool = False
    """True if single messages can be read without the stream's leader."""
    allow_atomic: bool = False
    """True if several messages can be stored all or nothing."""
    allow_msg_ttl: bool = False
    """True if a message may carry an age limit of its own."""
    allow_msg_counter: bool = False
    """True if every message is an increment, which the server adds to its subject's total."""
    deny_delete: bool = False
    """True if the API refuses to delete a message."""
    deny_purge: bool = False
    """True if the API refuses to empty the stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """Declaration of one durable push consumer."""

    stream: str
    """Stream that the consumer reads."""
    name: str
    """Durable name of the consumer."""
    why: str
    """Purpose of the consumer, in one sentence."""
    filter_subject: str
    """Pattern of the messages that the consumer delivers."""
    deliver_subject: str
    """Subject that the server delivers to; a new one for each worker that takes over."""
    ack_wait_s: int
    """Seconds until an unacknowledged message is redelivered."""
    max_ack_pending: int
    """Messages delivered and not yet acknowledged."""
    max_deliver: int = -1
    """Deliveries of one message; -1 for no limit."""
    idle_heartbeat_s: int = 1
    """Seconds of silence after which the server sends a heartbeat."""
