"""The port KeyTable over a bucket: values under keys, each written with the revision that the key must have.

A write whose acknowledgement was lost is sent again. It may then be refused because of itself, so a refusal counts as success
if the key holds the very value.
"""

from __future__ import annotations

import asyncio
import time

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import Header

from econsim.adapters.clock import jitter
from econsim.adapters.jetstream import direct_get
from econsim.adapters.nats.connection import (
    ATTEMPT_TIMEOUT_S,
    CONFLICTS,
    DEADLINE_S,
    IN_PROCESS,
    PAUSE_MAX_S,
    PAUSE_S,
)
from econsim.domain.audit.envelope import DIGEST, digest
from econsim.errors import Conflict, InvalidMessage, Unavailable
from econsim.ports import StoredEntry
from econsim.schemas.stream import Stream


class BucketKeyTable:
    """Values kept in one bucket."""

    def __init__(
        self,
        client: Client,
        stream: Stream,
        jetstream: JetStreamContext | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        """Use a connection that may read and write the bucket behind a stream."""
        self._client = client
        self._stream = stream.name
        self._prefix = stream.subjects[0].removesuffix(">")
        self._jetstream = jetstream or client.jetstream()
        self._deadline_s = deadline_s

    async def get(self, key: str) -> StoredEntry | None:
        """Return what a key holds, on a cluster possibly a moment old; none for a key that holds nothing."""
        found = await direct_get.direct_get_last(self._client, self._stream, self._prefix + key)
        return self._entry(found) if found else None

    async def get_newest(self, key: str) -> StoredEntry | None:
        """Return what a key holds, as the bucket's leader knows it; none for a key that holds nothing."""
        found = await direct_get.get_last(self._client, self._stream, self._prefix + key)
        return self._entry(found) if found else None

    async def entries(self) -> list[StoredEntry]:
        """Return what all keys hold."""
        pattern = f"{self._prefix}>"
        return [
            self._entry(found) async for found in direct_get.each(self._client, self._stream, pattern=pattern)
        ]

    async def put(self, key: str, value: bytes, revision: int | None = None, ttl_s: int = 0) -> int:
        """Write a key and return its new revision.

        Raises Conflict if the key has another revision than `revision`, Unavailable if it may be written or not.
        """
        subject = self._prefix + key
        headers = {DIGEST: digest(subject, value)}
        if revision is not None:
            headers[Header.EXPECTED_LAST_SUBJECT_SEQUENCE] = str(revision)
        if ttl_s:
            headers["Nats-TTL"] = str(ttl_s)
        end, pause_s = time.monotonic() + self._deadline_s, PAUSE_S
        while True:
            try:
                ack = await self._jetstream.publish(
                    subject, value, headers=headers, timeout=ATTEMPT_TIMEOUT_S
                )
            except nats.js.errors.APIError as error:
                code = error.err_code
                if code in CONFLICTS and code not in IN_PROCESS:
                    return await self._own(key, value)
                if code is not None and code not in IN_PROCESS and error.code == 400:
                    message = f"key {key} was refused by its bucket: {error}"
                    raise InvalidMessage(message) from error
                reason: Exception = error
            except (TimeoutError, nats.errors.Error) as error:
                reason = error
            else:
                return int(ack.seq)
            if time.monotonic() > end:
                message = f"the bucket did not take key {key} within {self._deadline_s:.0f} s"
                raise Unavailable(message) from reason
            await asyncio.sleep(jitter(pause_s))
            pause_s = min(2 * pause_s, PAUSE_MAX_S)

    async def _own(self, key: str, value: bytes) -> int:
        """Return the revision of a key that holds this value already; raises Conflict if it holds another."""
        found = await self.get_newest(key)
        if found is None or found.value != value:
            message = f"somebody else wrote key {key} first"
            raise Conflict(message, code="subject_has_another_last_sequence")
        return found.revision

    def _entry(self, found: direct_get.StoredMessage) -> StoredEntry:
        return StoredEntry(found.subject.removeprefix(self._prefix), found.payload, found.sequence)
