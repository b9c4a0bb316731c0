"""The ports FileRecords and ChunkStore over the buckets `workspace_files` and `workspace_chunks`.

No consumer is made and no watch: a worker asks the leader of the stream whether there is anything new, then reads it in
pages. A chunk is one message under its own digest. It has no message id, because a repeat must get a new place: the
collector deletes by place, and what was put again since is safe from it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js import JetStreamContext

from econsim.adapters.jetstream import direct_get, provision
from econsim.adapters.jetstream.state_store import JetStreamStateStore
from econsim.adapters.poll import Poll
from econsim.domain.workspace.records import log_subject
from econsim.errors import Unavailable
from econsim.ports import StoredEntry, Write
from econsim.streams.workspace import WORKSPACE_CHUNKS, WORKSPACE_FILES

AGAIN_S: Final = 0.05
"""Pause between two attempts to store a chunk, or to read what a replica does not have yet."""

ATTEMPT_S: Final = 2.0
"""Seconds to wait for one acknowledgement before the same chunk is sent again."""

PUT_S: Final = 10.0
"""Seconds of attempts: a cluster without leader comes back within them."""

LAG_S: Final = 1.0
"""Seconds after which a chunk or record that a replica does not have counts as missing."""

_FILES: Final = "$KV.workspace_files."
_CHUNKS: Final = "$KV.workspace_chunks."


class BucketFileRecords:
    """Records of workspaces, kept in the bucket."""

    def __init__(self, client: Client) -> None:
        """Use a connection that may read, write and delete in the bucket."""
        self._client = client
        self._store = JetStreamStateStore(client, bucket="workspace_files", log_subject=log_subject)

    async def commit(self, prefix: str, writes: Sequence[Write], newest: int) -> int:
        """Write all keys or none; raises Conflict if the newest record of the workspace is another, Unavailable."""
        return await self._store.commit(prefix, writes, newest)

    async def since(self, prefix: str, revision: int) -> Sequence[StoredEntry]:
        """Return the records newer than a revision; raises Unavailable without an answer."""
        pattern, found = f"{_FILES}{prefix}.>", list[StoredEntry]()
        if not await direct_get.get_next(self._client, WORKSPACE_FILES.name, revision + 1, pattern):
            return found
        newest = await direct_get.get_last(self._client, WORKSPACE_FILES.name, pattern)
        async for _ in Poll(AGAIN_S, timeout_s=LAG_S):
            start = found[-1].revision + 1 if found else revision + 1
            async for stored in direct_get.each(self._client, WORKSPACE_FILES.name, start, pattern):
                key = stored.subject.removeprefix(_FILES)
                found.append(StoredEntry(key, stored.payload, stored.sequence))
            if newest is None or (found and found[-1].revision >= newest.sequence):
                return found
        message = f"the replica that was asked lags behind stream {WORKSPACE_FILES.name}; try again"
        raise Unavailable(message)

    async def delete(self, revision: int) -> bool:
        """Delete the record of a revision; return whether it was there."""
        return await direct_get.delete(self._client, WORKSPACE_FILES.name, revision)

    async def newest(self) -> int:
        """Return the revision of the newest record."""
        return await direct_get.last_sequence(self._client, WORKSPACE_FILES.name)

    async def counts(self) -> Mapping[str, int]:
        """Return the number of records of each workspace, by its prefix."""
        found: Counter[str] = Counter()
        counts = await provision.subject_counts(self._client, WORKSPACE_FILES.name, f"{_FILES}>")
        for subject, count in counts.items():
            found[".".join(subject.split(".")[2:4])] += count
        return found


class BucketChunkStore:
    """Chunks of files, kept in the bucket."""

    def __init__(self, client: Client, jetstream: JetStreamContext | None = None) -> None:
        """Use a connection that may read, write and delete in the bucket."""
        self._client = client
        self._jetstream = jetstream or client.jetstream()

    async def put(self, prefix: str, name: str, content: bytes) -> int:
        """Store a chunk and return its place; raises Unavailable without an acknowledgement."""
        subject, reason = f"{_CHUNKS}{prefix}.{name}", "no answer"
        async for _ in Poll(AGAIN_S, timeout_s=PUT_S):
            try:
                return (await self._jetstream.publish(subject, content, timeout=ATTEMPT_S)).seq
            except (TimeoutError, nats.errors.Error) as error:
                reason = str(error) or reason
        message = f"chunk {name} may be stored or not ({reason}); put it again"
        raise Unavailable(message)

    async def get(self, prefix: str, name: str) -> bytes | None:
        """Return what is stored under a name; raises Unavailable without an answer."""
        async for _ in Poll(AGAIN_S, timeout_s=LAG_S):
            ask = partial(direct_get.direct_get_last, self._client, WORKSPACE_CHUNKS.name)
            if found := await ask(f"{_CHUNKS}{prefix}.{name}"):
                return found.payload
        return None

    async def place(self, prefix: str, name: str) -> int | None:
        """Return the place of a chunk, as the stream's leader knows it."""
        found = await direct_get.get_last(self._client, WORKSPACE_CHUNKS.name, f"{_CHUNKS}{prefix}.{name}")
        return found.sequence if found else None

    async def names(self, prefix: str = "") -> Mapping[str, frozenset[str]]:
        """Return the names of all chunks by the prefix of their workspace."""
        names: defaultdict[str, set[str]] = defaultdict(set)
        pattern = f"{_CHUNKS}{prefix}.>" if prefix else f"{_CHUNKS}>"
        for subject in await provision.subject_counts(self._client, WORKSPACE_CHUNKS.name, pattern):
            run, agent, name = subject.removeprefix(_CHUNKS).split(".", 2)
            names[f"{run}.{agent}"].add(name)
        return {workspace: frozenset(found) for workspace, found in names.items()}

    async def delete(self, place: int) -> bool:
        """Delete the chunk at a place; return whether it was there."""
        return await direct_get.delete(self._client, WORKSPACE_CHUNKS.name, place)

    async def newest(self) -> int:
        """Return the place of the newest chunk."""
        return await direct_get.last_sequence(self._client, WORKSPACE_CHUNKS.name)
