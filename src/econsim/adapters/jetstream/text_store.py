"""The port TextStore over bucket `llm_texts`: one message a text, under its own digest.

A repeated `put` replaces a text by itself, so the text lives as long as the newest event that names it. Readers may send a
stream one kind of request (decision 0016), which any replica answers, also one that lags behind for a moment.
"""

from __future__ import annotations

from typing import Final

from nats.aio.client import Client
from nats.js import JetStreamContext

from econsim.adapters.jetstream import direct_get
from econsim.adapters.nats.connection import reliable_publish
from econsim.adapters.poll import Poll
from econsim.streams import LLM_TEXTS

AGAIN_S: Final = 0.1
"""Pause between two requests for a text that a replica does not have."""

LAG_S: Final = 1.0
"""Seconds after which such a text counts as missing: a replica catches up within milliseconds, seldom a second."""


class BucketTextStore:
    """Texts kept in the bucket."""

    def __init__(self, client: Client, jetstream: JetStreamContext | None = None) -> None:
        """Use a connection that may read the bucket, and one's JetStream to write it."""
        self._client = client
        self._jetstream = jetstream or client.jetstream()

    async def put(self, digest: str, text: bytes) -> None:
        """Store a text, durably once this returns; raises Unavailable without an acknowledgement."""
        await reliable_publish(self._jetstream, _subject(digest), text, digest)

    async def get(self, digest: str) -> bytes | None:
        """Return what is stored under a digest, None for nothing; raises Unavailable without an answer."""
        async for _ in Poll(AGAIN_S, timeout_s=LAG_S):
            found = await direct_get.direct_get_last(self._client, LLM_TEXTS.name, _subject(digest))
            if found is not None:
                return found.payload
        return None


def _subject(digest: str) -> str:
    return f"$KV.llm_texts.{digest}"
