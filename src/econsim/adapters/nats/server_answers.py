"""Requests that every server of a bus answers for itself: there is no telling how many will."""

from __future__ import annotations

import json
from typing import Any, Final

import nats.errors
from nats.aio.client import Client

GATHER_S: Final = 0.25
"""Silence after which every server of a cluster has answered."""


async def ask_servers(client: Client, subject: str, question: bytes = b"{}") -> list[dict[str, Any]]:
    """Ask every server; return the answers of those that answer in time, with `server` and `data`."""
    found: list[dict[str, Any]] = []
    inbox = await client.subscribe(client.new_inbox())
    try:
        await client.publish(subject, question, reply=inbox.subject)
        while True:
            found.append(json.loads((await inbox.next_msg(timeout=GATHER_S)).data))
    except (TimeoutError, nats.errors.Error):
        return found
    finally:
        if not client.is_closed:
            await inbox.unsubscribe()
