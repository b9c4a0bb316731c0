"""The port StateStore over JetStream: a bucket as a stream that allows atomic batches, by default `agent_state`.

`atomic_batch.py` owns the wire form of a commit; the bucket itself is declared in `streams/`. Contract tests run the same
scenarios on this and on the fake.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Final

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig, DeliverPolicy

from econsim import subjects
from econsim.adapters.jetstream.atomic_batch import NO_ANSWER, TIMEOUT_S, AtomicBatches, BatchMessage
from econsim.domain.audit.envelope import DIGEST, digest
from econsim.errors import Unavailable
from econsim.ports import StoredEntry, Write
from econsim.schemas.names import JOURNAL_KEYS

BUCKET: Final = "agent_state"
"""The bucket of state and money."""
SILENCE_S: Final = 30.0
"""Longest to wait for the next stored value: an ordered consumer resumes up to 18 s after a restart."""
READ_AHEAD: Final = 2000
"""Values read ahead of the caller."""
AT_ONCE: Final = 20
"""Values yielded before other tasks get a turn: recovery must not block the renewal of leases."""

_LOGGED: Final = dict(zip(JOURNAL_KEYS, (subjects.TRANSFER_POSTED, subjects.TRANSFER_REFUSED), strict=True))
"""Second token of a key → the subject its values have in the log."""


class JetStreamStateStore:
    """Keys of one bucket, written in atomic commits."""

    def __init__(
        self,
        client: Client,
        timeout_s: float = TIMEOUT_S,
        bucket: str = BUCKET,
        log_subject: Callable[[str], str] | None = None,
    ) -> None:
        """Use a connected client; the bucket must exist.

        `log_subject` returns the subject in the digest of a key's value, by default `digest_subject`.
        """
        self._client = client
        self._log_subject = log_subject or digest_subject
        self._bucket = bucket
        self._jetstream = client.jetstream(timeout=timeout_s)
        self._stream = f"KV_{bucket}"
        self._prefix = f"$KV.{bucket}."
        self._batches = AtomicBatches(client, self._stream, timeout_s)

    async def commit(self, prefix: str, writes: Sequence[Write], newest: int) -> int:
        """Write all or nothing; return the revision of the last write.

        Raises Conflict if the newest write below `prefix.` is not `newest`, Unavailable if the outcome is unknown.
        """
        messages = [
            BatchMessage(
                self._prefix + write.key,
                write.value,
                {DIGEST: digest(self._log_subject(write.key), write.value)},
            )
            for write in writes
        ]
        return await self._batches.store(messages, f"{self._prefix}{prefix}.>", newest)

    async def get(self, key: str) -> StoredEntry | None:
        """Return the newest value of a key, from the stream's leader: a replica may lag behind."""
        try:
            found = await self._jetstream.get_last_msg(self._stream, self._prefix + key)
        except nats.js.errors.NotFoundError:
            return None
        except NO_ANSWER as error:
            message = f"no answer to reading {key}"
            raise Unavailable(message) from error
        return StoredEntry(key, found.data or b"", found.seq or 0)

    async def at(self, revision: int) -> StoredEntry | None:
        """Return the write of a revision; none if there is none."""
        try:
            found = await self._jetstream.get_msg(self._stream, revision)
        except nats.js.errors.NotFoundError:
            return None
        except NO_ANSWER as error:
            message = f"no answer to reading revision {revision}"
            raise Unavailable(message) from error
        return StoredEntry((found.subject or "").removeprefix(self._prefix), found.data or b"", revision)

    async def history(self, prefix: str, start: int = 1) -> AsyncIterator[StoredEntry]:
        """Yield every write ever made to keys below `prefix.` from a revision on, oldest first, up to the newest."""
        waiting: asyncio.Queue[Msg] = asyncio.Queue(READ_AHEAD)
        pattern = f"{self._prefix}{prefix}.>"
        try:
            config = ConsumerConfig(deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=start)
            subscription = await self._jetstream.subscribe(
                pattern, stream=self._stream, ordered_consumer=True, cb=waiting.put, config=config
            )
        except NO_ANSWER as error:
            message = f"no answer to reading the history of {prefix}"
            raise Unavailable(message) from error
        try:
            info = await subscription.consumer_info()
            left = (info.num_pending or 0) + (info.delivered.consumer_seq if info.delivered else 0)
            while left:
                read = await (
                    waiting.get() if not waiting.empty() else asyncio.wait_for(waiting.get(), SILENCE_S)
                )
                left = read.metadata.num_pending
                key = read.subject.removeprefix(self._prefix)
                yield StoredEntry(key, read.data, read.metadata.sequence.stream)
                if not left % AT_ONCE:
                    await asyncio.sleep(0)
        except NO_ANSWER as error:
            message = f"the history of {prefix} stopped before its end"
            raise Unavailable(message) from error
        finally:
            with suppress(nats.errors.Error):
                await subscription.unsubscribe()


def digest_subject(key: str) -> str:
    """Return the subject in the digest of a key's value: the log's for a journal entry, which is copied there, else the key."""
    run, _, rest = key.partition(".")
    row = _LOGGED.get(rest.partition(".")[0])
    return row(run=run) if row else key
