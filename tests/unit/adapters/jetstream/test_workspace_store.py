"""The store of chunks when the server does not acknowledge: the chunk is sent again, and the caller told in the end."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from econsim.adapters.jetstream import workspace_store
from econsim.adapters.jetstream.workspace_store import BucketChunkStore
from econsim.errors import Unavailable


class Stream:
    """A stream whose first acknowledgements are lost."""

    def __init__(self, lost: int) -> None:
        self.lost, self.sent = lost, 0

    async def publish(self, subject, payload, timeout):  # noqa: ARG002, ASYNC109 - the library's names
        self.sent += 1
        if self.sent <= self.lost:
            raise TimeoutError
        return SimpleNamespace(seq=self.sent)


def store(stream):
    return BucketChunkStore(SimpleNamespace(jetstream=lambda: stream))


async def test_a_chunk_whose_acknowledgement_is_lost_is_sent_again():
    assert await store(Stream(lost=1)).put("run.ana", "aa.1", b"x") == 2


async def test_a_chunk_that_is_never_acknowledged_may_be_stored_or_not(monkeypatch):
    monkeypatch.setattr(workspace_store, "PUT_S", 0.0)

    with pytest.raises(Unavailable, match=r"chunk aa\.1 may be stored or not"):
        await store(Stream(lost=10**9)).put("run.ana", "aa.1", b"x")
