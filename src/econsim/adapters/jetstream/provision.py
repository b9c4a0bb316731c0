"""Bring the server's streams and consumers in line with `streams`: show the difference, then apply it.

Speaks the server's JSON directly, because a client's configuration objects leave out fields they
do not know and a difference there would stay unseen.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Literal

import nats.errors
from nats.aio.client import Client

from econsim.adapters.jetstream import sources
from econsim.errors import SetupError, Unavailable
from econsim.schemas.stream import Consumer, Source, Stream
from econsim.streams import STREAMS

TIMEOUT_S: Final = 10.0
"""Longest to wait for the server's answer: creating a stream on a busy cluster takes seconds."""

_NS: Final = 1_000_000_000
_NOT_FOUND: Final = frozenset({10059, 10014, 10037})
"""The server's codes for no such stream, consumer, message."""
_NOT_NOW: Final = 503
"""The server's status while it starts, elects a leader, or is short of something."""
_ONE_WAY: Final = frozenset({"deny_delete", "deny_purge", "allow_msg_ttl"})
"""Fields the server lets one switch on but never off."""
_FIXED: Final = frozenset({"storage", "retention", "mirror", "first_seq", "allow_msg_counter"})
"""Fields the server refuses to change on an existing stream."""

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not as declared."""

    field: str
    """Name of the field, as the server calls it."""
    found: object
    """Value on the server."""
    wanted: object
    """Declared value."""
    obstacle: str = ""
    """Reason the field cannot be changed although the server would."""

    @property
    def changeable(self) -> bool:
        """Tell whether the field can be changed on an existing stream."""
        return not self.obstacle and self.field not in _FIXED and not (self.field in _ONE_WAY and self.found)

    def __str__(self) -> str:
        """Return `field: found → wanted`, and a note if the change has a catch."""
        text = f"{self.field}: {json.dumps(self.found)} → {json.dumps(self.wanted)}"
        if self.obstacle:
            return f"{text}, but {self.obstacle}"
        return f"{text}; what was copied is not copied again" if self.field == "sources" else text


@dataclass(frozen=True, slots=True)
class Change:
    """Effect of applying on one stream."""

    stream: Stream
    """Declared stream."""
    action: Literal["keep", "create", "update", "blocked"]
    """Action on the stream; `blocked` if a difference cannot be changed in place."""
    differences: tuple[Difference, ...] = ()
    """Fields that are not as declared."""
    replicas: int = 1
    """Number of copies wanted."""

    def __str__(self) -> str:
        """Return the change as a line per field, for people."""
        return "\n".join([f"{self.action} {self.stream.name}", *(f"    {part}" for part in self.differences)])


async def plan(
    client: Client, replicas: int | None = None, streams: Iterable[Stream] = STREAMS
) -> list[Change]:
    """Compare every declared stream with the server's; changes nothing.

    `replicas` is the number of copies wanted; without it, as many as there are, and 1 of a new stream.
    """
    return [await _change(client, stream, replicas) for stream in streams]


async def apply(
    client: Client, replicas: int | None = None, streams: Iterable[Stream] = STREAMS
) -> list[Change]:
    """Create and update until the server has what is declared; return what was done.

    Raises SetupError, before anything is changed, if a stream differs in a field that cannot change
    in place, and Unavailable if the server does not answer.
    """
    changes = await plan(client, replicas, streams)
    for change in changes:
        if change.action == "blocked":
            raise SetupError(_blocked_message(change))
    for change in changes:
        if change.action != "keep":
            await _carry_out(client, change)
    return changes


def stream_config(stream: Stream, replicas: int) -> Json:
    """Return a stream's configuration as the server takes it and reports it back."""
    config: Json = {
        "name": stream.name,
        "description": stream.why,
        "subjects": list(stream.subjects),
        "retention": stream.retention,
        "discard": stream.discard,
        "storage": stream.storage,
        "num_replicas": replicas,
        "max_age": stream.max_age_s * _NS,
        "max_msgs": stream.max_msgs,
        "max_bytes": -1,
        "max_msg_size": -1,
        "max_msgs_per_subject": stream.max_msgs_per_subject,
        "max_consumers": stream.max_consumers,
        "duplicate_window": stream.duplicate_window_s * _NS,
        "compression": "s2" if stream.compressed else "none",
        "allow_direct": stream.allow_direct,
        "allow_atomic": stream.allow_atomic,
        "allow_msg_ttl": stream.allow_msg_ttl,
        "allow_msg_counter": stream.allow_msg_counter,
        "deny_delete": stream.deny_delete,
        "deny_purge": stream.deny_purge,
    }
    if stream.is_derived and replicas == 1:
        # The server refuses it for more copies, which it flushes together anyway.
        config["persist_mode"] = "async"
    if stream.sources:
        config["sources"] = [_source_config(source) for source in stream.sources]
    return config


def _source_config(source: Source) -> Json:
    if source.pattern:
        return {"name": source.stream, "filter_subject": source.pattern, "opt_start_seq": source.start}
    transforms = [{"src": pattern, "dest": subject} for pattern, subject in source.renames]
    return {"name": source.stream, "subject_transforms": transforms}


def consumer_config(consumer: Consumer) -> Json:
    """Return a consumer's configuration as the server takes it."""
    return {
        "name": consumer.name,
        "durable_name": consumer.name,
        "description": consumer.why,
        "deliver_policy": "all",
        "ack_policy": "explicit",
        "replay_policy": "instant",
        "filter_subject": consumer.filter_subject,
        "deliver_subject": consumer.deliver_subject,
        "ack_wait": consumer.ack_wait_s * _NS,
        "max_ack_pending": consumer.max_ack_pending,
        "max_deliver": consumer.max_deliver,
        "idle_heartbeat": consumer.idle_heartbeat_s * _NS,
    }


async def recreate_consumer(client: Client, consumer: Consumer) -> None:
    """Create a consumer afresh: everything not acknowledged is delivered again, at once and in order.

    The holder of the book's lease calls this on taking it and whenever deliveries may have been lost. Subscribe to
    the `deliver_subject` first; it must be one that nobody had before.
    """
    await delete_consumer(client, consumer)
    create = {"stream_name": consumer.stream, "config": consumer_config(consumer), "action": "create"}
    await request(
        client, f"CONSUMER.CREATE.{consumer.stream}.{consumer.name}.{consumer.filter_subject}", create
    )


async def delete_consumer(client: Client, consumer: Consumer) -> None:
    """Delete a consumer, if it exists; deliveries without acknowledgement stay in the stream."""
    with contextlib.suppress(NotThere):
        await request(client, f"CONSUMER.DELETE.{consumer.stream}.{consumer.name}")


async def depth(client: Client, stream: str) -> int:
    """Return the number of messages in a stream."""
    return int((await _state(client, stream))["messages"])


async def ends(client: Client, stream: str) -> tuple[int, int]:
    """Return the places of a stream's oldest and newest message; the oldest lies behind the newest when it is empty."""
    state = await _state(client, stream)
    return int(state["first_seq"]), int(state["last_seq"])


async def _state(client: Client, stream: str) -> Mapping[str, Any]:
    state = (await request(client, f"STREAM.INFO.{stream}"))["state"]
    assert isinstance(state, dict)
    return state


async def subject_counts(client: Client, stream: str, pattern: str) -> Mapping[str, int]:
    """Return subject → messages of a stream, for subjects that match; the server answers in pages."""
    counts: dict[str, int] = {}
    seen = 0
    while True:
        question = {"subjects_filter": pattern, "offset": seen}
        answer: Any = await request(client, f"STREAM.INFO.{stream}", question)
        page = answer["state"].get("subjects") or {}
        counts |= page
        seen += len(page)
        if not page or seen >= answer.get("total", 0):
            return counts


class NotThere(SetupError):
    """The stream, consumer or message does not exist; run `econsim streams apply`."""

    code = "stream_does_not_exist"


async def request(client: Client, operation: str, body: Mapping[str, object] | None = None) -> Json:
    """Ask JetStream's API; raises NotThere, SetupError if refused, Unavailable without an answer."""
    payload = json.dumps(body).encode() if body is not None else b""
    try:
        reply = await client.request(f"$JS.API.{operation}", payload, timeout=TIMEOUT_S)
    except (TimeoutError, nats.errors.Error) as error:
        message = f"JetStream did not answer {operation} within {TIMEOUT_S:.0f} s"
        raise Unavailable(message) from error
    answer: Json = json.loads(reply.data)
    refusal = answer.get("error")
    if not isinstance(refusal, dict):
        return answer
    number = refusal.get("err_code")
    if number in _NOT_FOUND:
        message = f"the server has nothing for {operation} ({number}); run `econsim streams apply`"
        raise NotThere(message, err_code=number)
    message = f"JetStream refused {operation}: {refusal.get('description')} ({number})"
    if refusal.get("code") == _NOT_NOW:
        raise Unavailable(message)
    raise SetupError(message, err_code=number)


async def _carry_out(client: Client, change: Change) -> None:
    name, wanted = change.stream.name, stream_config(change.stream, change.replicas)
    if change.action == "create":
        await request(client, f"STREAM.CREATE.{name}", wanted)
        return
    info = await request(client, f"STREAM.INFO.{name}")
    if any(difference.field == "sources" for difference in change.differences):
        await sources.exchange(partial(request, client), info, wanted)
        return
    found = info["config"]
    assert isinstance(found, dict)
    await request(client, f"STREAM.UPDATE.{name}", sources.with_known_starts(found, wanted))


async def _change(client: Client, stream: Stream, replicas: int | None) -> Change:
    try:
        info = await request(client, f"STREAM.INFO.{stream.name}")
    except NotThere:
        return Change(stream, "create", replicas=replicas or 1)
    config = info["config"]
    assert isinstance(config, dict)
    copies = replicas or int(config["num_replicas"])
    wanted = stream_config(stream, copies)
    differences = tuple(_compare(config, wanted))
    if any(difference.field == "sources" for difference in differences):
        obstacle = await sources.exchange_obstacle(partial(request, client), info, wanted)
        differences = tuple(
            replace(each, obstacle=obstacle) if each.field == "sources" else each for each in differences
        )
    if not differences:
        return Change(stream, "keep", replicas=copies)
    action: Literal["update", "blocked"] = "update" if all(d.changeable for d in differences) else "blocked"
    return Change(stream, action, differences, copies)


def _compare(found: Json, wanted: Json) -> Iterable[Difference]:
    # A field that is absent and one that is empty mean the same; the server adds `metadata` itself.
    for key in sorted((found.keys() | wanted.keys()) - {"metadata"}):
        have, want = found.get(key) or None, wanted.get(key) or None
        if key == "sources" and sources.same(found, wanted):
            continue
        if have != want and not (key == "consumer_limits" and have == {}):
            yield Difference(key, have, want)


def _blocked_message(change: Change) -> str:
    parts = "; ".join(str(part) for part in change.differences if not part.changeable)
    return (
        f"stream {change.stream.name} differs in what cannot be changed in place ({parts}); "
        "export what you need, delete the stream, and run `econsim streams apply` again"
    )
