"""Dead letters: messages that no handler can finish, kept with reason and origin until a person decides.

A letter lies in stream `dead_letter` under `dead_letter.<subject of the message>`. Handlers
store the messages they refuse, `services/admin/dead_letter_collector.py` those the server gives up. The id is made of
the message's origin, so that deduplication makes one letter of both.
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
from econsim.schemas.admin import run_or_none
from econsim.schemas.names import NO_RUN
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
"""Seconds to wait for a queue to take a message back; the operator waits five."""

RETRY_OF: Final = "dead-letter-retry-of"
"""Header of a message that was put back: the place of its dead letter."""

UNKNOWN: Final = "unknown"
"""First token of the subject of a message that was gone before anybody could read it."""

_PREFIX: Final = "dead_letter."
_CODE: Final = "dead-letter-code"
_REASON: Final = "dead-letter-reason"
_HANDLER: Final = "dead-letter-handler"
_STREAM: Final = "dead-letter-stream"
_SEQUENCE: Final = "dead-letter-sequence"
_LACKS: Final = "dead-letter-lacks"
"""Header of a letter that does not hold the whole message: the part that is missing."""
_OURS: Final = (_CODE, _REASON, _HANDLER, _STREAM, _SEQUENCE, _LACKS)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter."""

    sequence: int
    """Place of the letter in stream `dead_letter`."""
    subject: str
    """Subject the message was sent to."""
    payload: bytes
    """Payload of the message, cut if it was too large."""
    buried_at: str
    """Time the message became a dead letter: RFC 3339, UTC."""
    code: str = ""
    """Code of the reason, a sentence in snake case."""
    reason: str = ""
    """Reason the message was given up, for people."""
    handler: str = ""
    """Handler that gave the message up: a service, or the server."""
    origin: str = ""
    """Stream the message came from and its place there, `stream:sequence`."""
    lacks: str = ""
    """Part of the message that is missing, for people; empty if it is whole."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of the message itself."""

    @property
    def run(self) -> str:
        """Return the run the message was about, `none` if its subject names none."""
        tokens = self.subject.split(".")
        return run_or_none(tokens[3]) if len(tokens) > 3 else NO_RUN


@dataclass(frozen=True, slots=True)
class DeadLetterReason:
    """Reason a message is given up."""

    code: str
    """Code of the reason, a sentence in snake case."""
    reason: str
    """Reason, for people."""
    handler: str
    """Handler that gave the message up."""


async def store_dead_letter(
    stream: JetStreamContext, message: Msg, error: EconsimError, handler: str
) -> None:
    """Store a message as a dead letter under its own subject; idempotent, however often it is delivered.

    The caller acknowledges the message.
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
    stream: JetStreamContext, queue: str, message: StoredMessage, reason: DeadLetterReason, lacks: str = ""
) -> None:
    """Store a message of a queue as a dead letter; idempotent, whoever else stores it too.

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
        _CODE: reason.code,
        _REASON: " ".join(reason.reason.split())[:REASON_LENGTH_MAX],
        _HANDLER: reason.handler,
        _STREAM: queue,
        _SEQUENCE: str(message.sequence),
    }
    if lacks:
        headers[_LACKS] = lacks
    await stream.publish(f"{_PREFIX}{message.subject}", message.payload[:PAYLOAD_BYTES_MAX], headers=headers)


async def each_dead_letter(client: Client, start: int = 1) -> AsyncGenerator[DeadLetter, None]:
    """Yield dead letters from a place on, oldest first. Raises Unavailable if the server does not answer."""
    async with aclosing(direct_get.each(client, DEAD_LETTER.name, start)) as found:
        async for message in found:
            yield parse_dead_letter(message)


async def count(client: Client, run: str) -> int:
    """Return the number of dead letters about a run. Raises Unavailable if the server does not answer."""
    pattern = f"{_PREFIX}*.*.*.{token(run, 'run')}.>"
    async with aclosing(direct_get.each(client, DEAD_LETTER.name, pattern=pattern)) as found:
        return sum([1 async for _ in found])


async def get_dead_letter(client: Client, sequence: int) -> DeadLetter:
    """Return one dead letter. Raises NotFound if there is none at that place."""
    found = await direct_get.get(client, DEAD_LETTER.name, sequence)
    if found is None:
        raise no_dead_letter(sequence)
    return parse_dead_letter(found)


def no_dead_letter(sequence: int) -> NotFound:
    """Return the error for a place without a dead letter."""
    message = f"there is no dead letter {sequence}; `econsim dead-letters list` shows those there are"
    return NotFound(message, code="letter_does_not_exist")


def parse_dead_letter(message: StoredMessage) -> DeadLetter:
    """Return a message of the stream as a dead letter."""
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
    """Publish a dead letter's message on its subject again, as a new message that names the letter.

    The id of the message is derived from the letter: repeating this within the queue's window of deduplication is
    idempotent. The letter stays. Raises Refused if the message is not whole or no queue takes it, Unavailable if the queue
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
    """Raise Refused if the message of a letter cannot be put back."""
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
