"""Dead letters: what no handler can finish, set aside with reason and origin, until a person decides.

A letter lies in stream `dead_letter` under `dead_letter.<subject of the message>` (architecture D3). Handlers
bury what they refuse, `services/admin/dead_letter_collector.py` what the server gives up; an id made of the message's origin
makes one letter of both.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import PubAck

from econsim.adapters.jetstream import direct_get
from econsim.adapters.jetstream.direct_get import StoredMessage
from econsim.domain.audit.envelope import derived_id
from econsim.errors import EconsimError, NotFound, Refused, Unavailable
from econsim.schemas.admin import NO_RUN, run_or_none
from econsim.schemas.subject import SubjectKind, matches, token
from econsim.streams import DEAD_LETTER, MESSAGE_BYTES_MAX
from econsim.subjects import TABLE

REASON_LENGTH_MAX: Final = 500
"""Characters of a reason kept in a header."""

HEADER_BYTES_MAX: Final = 2**14
"""Bytes of a message's own headers that are kept: traces and ids need a few hundred."""

PAYLOAD_BYTES_MAX: Final = MESSAGE_BYTES_MAX - 4 * HEADER_BYTES_MAX
"""Bytes of a message that are kept: with its headers, a letter must not be larger than any message may be."""

RETRY_TIMEOUT_S: Final = 2.0
"""Longest to wait for a queue that takes a message back; the operator waits five."""

RETRY_OF: Final = "dead-letter-retry-of"
"""Header of a message that was put back: the place its letter had."""

UNKNOWN: Final = "unknown"
"""First token of the subject of a message that was gone before anybody could read it."""

_PREFIX: Final = "dead_letter."
_CODE: Final = "dead-letter-code"
_REASON: Final = "dead-letter-reason"
_HANDLER: Final = "dead-letter-handler"
_STREAM: Final = "dead-letter-stream"
_SEQUENCE: Final = "dead-letter-sequence"
_LACKS: Final = "dead-letter-lacks"
"""Header of a letter that does not hold the whole message: what is missing."""
_OURS: Final = (_CODE, _REASON, _HANDLER, _STREAM, _SEQUENCE, _LACKS)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter."""

    sequence: int
    """Its place in stream `dead_letter`."""
    subject: str
    """Where the message was sent."""
    payload: bytes
    """What it held."""
    buried_at: str
    """When it became a letter: RFC 3339, UTC."""
    code: str = ""
    """Why, as a sentence in snake case."""
    reason: str = ""
    """Why, for people."""
    handler: str = ""
    """Who gave it up: a service, or the server."""
    origin: str = ""
    """The stream it came from and its place there, `stream:sequence`."""
    lacks: str = ""
    """What of the message is missing, for people; empty if it is whole."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """The message's own headers."""

    @property
    def run(self) -> str:
        """Return the run the message was about, `none` if its subject names none."""
        tokens = self.subject.split(".")
        return run_or_none(tokens[3]) if len(tokens) > 3 else NO_RUN


@dataclass(frozen=True, slots=True)
class DeadLetterReason:
    """Why a message is given up."""

    code: str
    """As a sentence in snake case."""
    reason: str
    """For people."""
    handler: str
    """Who gave it up."""


async def store_dead_letter(
    stream: JetStreamContext, message: Msg, error: EconsimError, handler: str
) -> None:
    """Store a message as a dead letter under its own subject; once, however often it is delivered.

    The caller acknowledges it.
    """
    metadata = message.metadata
    found = StoredMessage(
        metadata.sequence.stream,
        message.subject,
        message.data,
        "",
        direct_get.own_headers(message.headers or {}),
    )
    await store_as_dead_letter(
        stream, metadata.stream, found, DeadLetterReason(error.error_code, str(error), handler)
    )


async def store_as_dead_letter(
    stream: JetStreamContext, queue: str, message: StoredMessage, verdict: DeadLetterReason, lacks: str = ""
) -> None:
    """Store a message of a queue as a dead letter; once, whoever else buries it too.

    Headers: its own, and `dead-letter-code`, `-reason`, `-handler`, `-stream`, `-sequence`. A payload too large to
    be stored again is cut.
    """
    if len(message.payload) > PAYLOAD_BYTES_MAX:
        lacks = f"all but the first {PAYLOAD_BYTES_MAX} of {len(message.payload)} bytes"
    kept = {name: value for name, value in message.headers.items() if name not in _OURS}
    if sum(len(name) + len(value.encode()) for name, value in kept.items()) > HEADER_BYTES_MAX:
        kept, lacks = {}, lacks or "its headers"
    headers = kept | {
        "Nats-Msg-Id": f"{queue}:{message.sequence}",
        _CODE: verdict.code,
        _REASON: " ".join(verdict.reason.split())[:REASON_LENGTH_MAX],
        _HANDLER: verdict.handler,
        _STREAM: queue,
        _SEQUENCE: str(message.sequence),
    }
    if lacks:
        headers[_LACKS] = lacks
    await stream.publish(f"{_PREFIX}{message.subject}", message.payload[:PAYLOAD_BYTES_MAX], headers=headers)


async def each_dead_letter(client: Client, start: int = 1) -> AsyncGenerator[DeadLetter, None]:
    """Yield dead letters from a place on, oldest first; raises Unavailable if the server does not answer."""
    async with aclosing(direct_get.each(client, DEAD_LETTER.name, start)) as found:
        async for message in found:
            yield parse_dead_letter(message)


async def count(client: Client, run: str) -> int:
    """Return how many letters lie there about a run; raises Unavailable if the server does not answer."""
    pattern = f"{_PREFIX}*.*.*.{token(run, 'run')}.>"
    async with aclosing(direct_get.each(client, DEAD_LETTER.name, pattern=pattern)) as found:
        return sum([1 async for _ in found])


async def get_dead_letter(client: Client, sequence: int) -> DeadLetter:
    """Return one dead letter; raises NotFound if there is none at that place."""
    found = await direct_get.get(client, DEAD_LETTER.name, sequence)
    if found is None:
        raise no_dead_letter(sequence)
    return parse_dead_letter(found)


def no_dead_letter(sequence: int) -> NotFound:
    """Return the refusal for a place where no letter lies."""
    message = f"there is no dead letter {sequence}; `econsim dead-letters list` shows those there are"
    return NotFound(message, code="letter_does_not_exist")


def parse_dead_letter(message: StoredMessage) -> DeadLetter:
    """Return a message of the stream as a letter, whoever put it there."""
    headers = message.headers
    return DeadLetter(
        message.sequence,
        message.subject.removeprefix(_PREFIX),
        message.payload,
        message.stored_at,
        code=headers.get(_CODE, ""),
        reason=headers.get(_REASON, ""),
        handler=headers.get(_HANDLER, ""),
        origin=f"{headers.get(_STREAM, '')}:{headers.get(_SEQUENCE, '')}",
        lacks=headers.get(_LACKS, ""),
        headers={name: value for name, value in headers.items() if name not in _OURS},
    )


async def requeue(client: Client, found: DeadLetter) -> PubAck:
    """Publish a letter's message on its subject again, as a new message that names its letter.

    Its id is derived from the letter, so that doing it again within the queue's window is the same as once. The
    letter stays. Raises Refused if the message is not whole or no queue takes it, Unavailable if the queue
    does not answer.
    """
    _check(found)
    id_ = derived_id(await direct_get.creation_time(client, DEAD_LETTER.name), "retry", found.sequence)
    headers = {**found.headers, RETRY_OF: str(found.sequence), "Nats-Msg-Id": id_}
    try:
        return await client.jetstream(timeout=RETRY_TIMEOUT_S).publish(
            found.subject, found.payload, headers=headers
        )
    except (TimeoutError, nats.errors.Error) as error:
        message = (
            f"no queue took {found.subject} back ({error or 'no answer'}); letter {found.sequence} is kept"
        )
        raise Unavailable(message) from error


async def delete_dead_letter(client: Client, sequence: int) -> bool:
    """Delete a letter; false if it was gone already."""
    return await direct_get.delete(client, DEAD_LETTER.name, sequence)


def _check(found: DeadLetter) -> None:
    """Raise Refused for a letter whose message cannot be put back."""
    if found.lacks:
        message = f"letter {found.sequence} lacks {found.lacks}; drop it, and have the sender send it again"
        raise Refused(message, code="letter_is_not_whole")
    tokens = found.subject.split(".")
    queues = [
        row for row in TABLE if row.kind is SubjectKind.COMMAND and matches(row.pattern().split("."), tokens)
    ]
    if not queues:
        message = f"no queue takes {found.subject!r} any more; drop letter {found.sequence}"
        raise Refused(message, code="subject_has_no_queue")
