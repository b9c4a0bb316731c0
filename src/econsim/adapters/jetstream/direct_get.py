"""Stored messages without a consumer: one by its place, the newest of a pattern, or all of them in pages.

Nothing has to be made, kept or cleaned up on the server, and a reader that starts over simply asks again. For
streams that are read seldom, or followed by polling. The package's docstring says which function serves which purpose.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import nats.errors
from nats.aio.client import Client
from nats.aio.subscription import Subscription

from econsim.adapters.jetstream.provision import NotThere, request
from econsim.adapters.nats.patches import hand_over, header_lines
from econsim.domain.audit.envelope import DIGEST, digest
from econsim.errors import SetupError, Unavailable

PAGE: Final = 4096
"""Messages asked for at once: a page of small ones takes about 60 ms. With 1 024, for each of which the server counts how many follow, it took 1.4 times
as long for 100 000."""

SUBJECTS: Final = 1024
"""Messages asked for at once that are the newest of their subjects: the server refuses more."""

PAGE_BYTES: Final = 2**23
"""Bytes asked for at once: one message of the largest size, or many small ones."""

TIMEOUT_S: Final = 5.0
"""Longest to wait for a page."""

_EMPTY: Final = "404"
_END: Final = "204"
_NOT_DELETED: Final = frozenset({"10043", "10057"})
"""The server's codes for a message it did not delete; that it was gone already is one of the reasons."""
_SENT_BEFORE: Final = "Nats-Last-Sequence"
"""The server's header with the place of the message before this one in a page, 0 for the first."""
_SEQUENCE: Final = "Nats-Sequence"
"""The server's header with the place of the message."""
_LEFT: Final = "Nats-Num-Pending"
"""The server's header with the number of messages it counts after this one."""
_UP_TO: Final = "Nats-UpTo-Sequence"
"""The server's header with the place up to which it looked for the newest of several subjects."""
_META: Final = "Nats-"
"""Prefix of the names of the server's own headers."""
_PLAIN: Final = re.compile(
    rb"NATS/1\.0\r\n(?:Nats-[^\r]*\r\n)*?(?:Econsim-Digest: ([^\r]*)\r\n)?(?:Nats-[^\r]*\r\n)*?"
    rb"Nats-Stream: [^\r]*\r\nNats-Subject: ([^\r]*)\r\nNats-Sequence: (\d+)\r\nNats-Time-Stamp: ([^\r]*)\r\n"
    rb"Nats-Num-Pending: (\d+)\r\nNats-Last-Sequence: (\d+)\r\n\r\n"
)
"""Headers of nearly every message of a page, the server's last; a general reading of them takes five times as long."""


class StoredMessage(NamedTuple):
    """One message of a stream."""

    sequence: int
    """Place of the message in its stream."""
    subject: str
    """Subject the message was sent to."""
    payload: bytes
    """Payload of the message."""
    stored_at: str
    """Time the message was stored: RFC 3339, UTC."""
    headers: Mapping[str, str] = MappingProxyType({})
    """Headers of the sender; the server's own, `Nats-…`, are left out."""

    @property
    def changed(self) -> bool:
        """Tell whether the message differs from what was sent; false for one without a digest."""
        return self.changed_as(self.subject)

    def changed_as(self, known_as: str) -> bool:
        """Tell the same of a message whose digest was taken with another subject."""
        return self.headers.get(DIGEST) not in (None, digest(known_as, self.payload))


@dataclass(slots=True)
class Page:
    """Some messages of a stream, and the server's counts around them: it skips messages it cannot read."""

    messages: list[StoredMessage] = field(default_factory=list)
    """Messages of the page, in order."""
    ahead: int = 0
    """Messages the server counted from the start of the page on; 0 if none came."""
    left: int = 0
    """Messages the server still counts after those that came."""
    up_to: int = 0
    """Place of the newest message that the server looked at, for the newest of several subjects."""
    newest: bytes = b"0"
    """Place of the newest message that came, as the server writes it; 0 before the first."""


async def each(
    client: Client, stream: str, start: int = 1, pattern: str = ">"
) -> AsyncGenerator[StoredMessage, None]:
    """Yield a stream's messages from a sequence on, up to the newest; the stream must allow direct access.

    On a cluster possibly without those of the last moment. Raises Unavailable if the server does not answer.
    """
    while found := (await batch_get(client, stream, start, pattern, PAGE)).messages:
        for stored in found:
            yield stored
        start = found[-1].sequence + 1


async def batch_get(client: Client, stream: str, start: int, pattern: str, count: int = PAGE) -> Page:
    """Return a stream's next messages from a sequence on, at most `count`; empty if there are none.

    On a cluster possibly without those of the last moment. Raises Unavailable if the server does not answer.
    """
    question = {"seq": max(start, 1), "batch": count, "max_bytes": PAGE_BYTES, "next_by_subj": pattern}
    return await _page(client, stream, question)


async def newest_of(client: Client, stream: str, subjects: Sequence[str], up_to: int = 0) -> Page:
    """Return the newest message of each of some subjects, at most `SUBJECTS`, all as of one place; by default the newest.

    Raises Unavailable if the server does not answer.
    """
    question: dict[str, object] = {"multi_last": [*subjects], "batch": SUBJECTS, "max_bytes": PAGE_BYTES}
    return await _page(client, stream, question | ({"up_to_seq": up_to} if up_to else {}))


async def _page(client: Client, stream: str, question: Mapping[str, object]) -> Page:
    found = Page()
    whole: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def receive(data: bytes, begin: int, middle: int, end: int) -> None:
        if whole.done():
            return
        try:
            if _add(found, data, begin, middle, end, stream):
                whole.set_result(None)
        except Unavailable as error:
            whole.set_exception(error)

    try:
        async with AsyncExitStack() as stack:
            subscription = await client.subscribe(client.new_inbox())
            stack.push_async_callback(_unsubscribe, client, subscription)
            stack.enter_context(hand_over(subscription, receive))
            asked = json.dumps(question).encode()
            await client.publish(f"$JS.API.DIRECT.GET.{stream}", asked, reply=subscription.subject)
            async with asyncio.timeout(TIMEOUT_S):
                await whole
    except (TimeoutError, nats.errors.Error) as error:
        raise _silent(stream) from error
    return found


async def _unsubscribe(client: Client, subscription: Subscription) -> None:
    if not client.is_closed:
        await subscription.unsubscribe()


async def get(client: Client, stream: str, sequence: int) -> StoredMessage | None:
    """Return the message at a place, as the stream's leader knows it; none if there is none."""
    return await _got(client, stream, {"seq": sequence})


async def get_last(client: Client, stream: str, pattern: str) -> StoredMessage | None:
    """Return the newest message of a pattern, as the stream's leader knows it; none if there is none."""
    return await _got(client, stream, {"last_by_subj": pattern})


async def get_next(client: Client, stream: str, start: int, pattern: str) -> StoredMessage | None:
    """Return the first message of a pattern from a place on, as the stream's leader knows it; none if there is none."""
    return await _got(client, stream, {"seq": start, "next_by_subj": pattern})


async def direct_get_last(client: Client, stream: str, pattern: str) -> StoredMessage | None:
    """Return the newest message of a pattern, on a cluster possibly a moment old; the stream must allow direct access."""
    return await _one(client, stream, {"last_by_subj": pattern})


async def direct_get_next(client: Client, stream: str, start: int, pattern: str) -> StoredMessage | None:
    """Return the first message of a pattern from a place on, as `direct_get_last` does.

    For a page, even of one message, the server counts all that follow, which takes it 4 to 70 ms in a log of 100 000 instead of 0.1 to 14.
    """
    return await _one(client, stream, {"seq": start, "next_by_subj": pattern})


async def _one(client: Client, stream: str, question: Mapping[str, object]) -> StoredMessage | None:
    try:
        reply = await client.request(
            f"$JS.API.DIRECT.GET.{stream}", json.dumps(question).encode(), timeout=TIMEOUT_S
        )
    except (TimeoutError, nats.errors.Error) as error:
        raise _silent(stream) from error
    return _read(reply.headers or {}, reply.data, stream)


async def delete(client: Client, stream: str, sequence: int) -> bool:
    """Delete one message of a stream; false if it was gone already."""
    try:
        await request(client, f"STREAM.MSG.DELETE.{stream}", {"seq": sequence, "no_erase": True})
    except NotThere:
        return False
    except SetupError as error:
        if error.details.get("err_code") not in _NOT_DELETED or await get(client, stream, sequence):
            raise
        return False
    return True


async def last_sequence(client: Client, stream: str) -> int:
    """Return the place of the newest message a stream ever had, 0 for none."""
    state: Any = (await request(client, f"STREAM.INFO.{stream}"))["state"]
    return int(state["last_seq"])


async def creation_time(client: Client, stream: str) -> str:
    """Return the time a stream was created: it tells two streams of one name apart, each with places from 1 on."""
    return str((await request(client, f"STREAM.INFO.{stream}"))["created"])


async def _got(client: Client, stream: str, question: Mapping[str, object]) -> StoredMessage | None:
    try:
        answer = await request(client, f"STREAM.MSG.GET.{stream}", question)
    except NotThere:
        return None
    found: Any = answer["message"]
    headers = base64.b64decode(found.get("hdrs", "")).decode(errors="replace")
    return StoredMessage(
        int(found["seq"]),
        str(found["subject"]),
        base64.b64decode(found.get("data", "")),
        str(found["time"]),
        own_headers(dict(_pairs(headers))),
    )


def _pairs(block: str) -> list[tuple[str, str]]:
    """Return the headers of a block as the server keeps it: a line that names the version, then one each."""
    lines = [line.partition(":") for line in block.split("\r\n")[1:]]
    return [(name, value.strip()) for name, colon, value in lines if colon]


def own_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that are the sender's; the server's own, `Nats-…`, are left out."""
    return {name: value for name, value in headers.items() if not name.startswith(_META)}


def _silent(stream: str) -> Unavailable:
    return Unavailable(f"stream {stream} did not answer within {TIMEOUT_S:.0f} s")


def _add(page: Page, data: bytes, begin: int, middle: int, end: int, stream: str) -> bool:  # noqa: PLR0913, PLR0917 - places of a message
    """Add what came for a page: headers and payload in what was read; return true for the marker that ends it.

    Raises Unavailable if the server sent another message before this one than the one that came.
    """
    if plain := _PLAIN.fullmatch(data, begin, middle):
        sent, subject, place, time, left, before = plain.groups()
        # Not by the class itself, whose constructor takes three times as long.
        stored: StoredMessage | None = tuple.__new__(
            StoredMessage,
            (
                int(place),
                subject.decode(errors="replace"),
                data[middle:end],
                time.decode(),
                {DIGEST: sent.decode()} if sent else {},
            ),
        )
    else:
        every = _headers(data[begin:middle])
        stored, left = _read(every, data[middle:end], stream), every.get(_LEFT, "0")
        before, place = every.get(_SENT_BEFORE, "").encode(), every.get(_SEQUENCE, "").encode()
    if before and before != page.newest:
        text = f"the message at place {int(before)} of stream {stream} was lost on its way; ask again"
        raise Unavailable(text)
    if stored is None:
        page.left, page.up_to = int(left), int(every.get(_UP_TO, 0))
        return True
    page.newest = place
    page.ahead = page.ahead or int(left) + 1
    page.messages.append(stored)
    return False


def _headers(block: bytes) -> dict[str, str]:
    """Return the headers in a block as the server sends it: a line with the version and perhaps a status, then one each."""
    first, _, lines = block.partition(b"\r\n")
    _, _, status = first.decode(errors="replace").partition(" ")
    code, _, description = status.partition(" ")
    return header_lines(lines) | ({"Status": code, "Description": description} if code else {})


def _read(headers: Mapping[str, str], payload: bytes, stream: str) -> StoredMessage | None:
    """Return a message by all its headers, none for the marker that ends a page."""
    status = headers.get("Status")
    if status in (_END, _EMPTY):
        return None
    if status is not None:
        text = f"stream {stream} cannot be read now ({status} {headers.get('Description', '').strip()})"
        raise Unavailable(text)
    return StoredMessage(
        int(headers[_SEQUENCE]),
        headers["Nats-Subject"],
        payload,
        headers["Nats-Time-Stamp"],
        own_headers(headers),
    )
