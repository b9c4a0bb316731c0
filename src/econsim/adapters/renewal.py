"""Credentials that change under a running client: it connects anew with the new ones before the old ones end.

The client library closes for good when the server takes its credentials away, so the file is looked at and the
connection renewed while both still hold (`econsim trust rotate` waits for that).
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from nats.aio.client import Client

LOOK_S: Final = 1.0
"""Pause between looks at a creds file."""

OVERLAP_S: Final = 5.0
"""Seconds old credentials hold beside the new ones: several looks, and a reconnection."""


async def keep_current(client: Client, creds: Path) -> None:
    """Connect anew whenever the creds file changes, until the client is closed; subscriptions go on."""
    seen = _stamp(creds)
    while not client.is_closed:
        await asyncio.sleep(LOOK_S)
        now = _stamp(creds)
        if now not in (seen, 0) and client.is_connected:
            seen = now
            await client.force_reconnect()


def _stamp(creds: Path) -> int:
    """Return when the file was written, 0 if it is not there just now."""
    try:
        return creds.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
