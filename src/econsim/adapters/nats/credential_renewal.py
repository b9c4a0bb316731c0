"""Credentials that change under a running client: it connects anew with the new ones, best before the old ones end.

The file is looked at, and the connection renewed while old and new credentials hold (`econsim trust rotate` waits for
that). A service that comes too early or too late is refused for a while, and `keep_trying` has it go on trying.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final

from nats.aio.client import Client
from nats.errors import Error
from nats.protocol.parser import PERMISSIONS_ERR

POLL_INTERVAL_S: Final = 1.0
"""Pause between looks at a creds file."""

OVERLAP_S: Final = 5.0
"""Seconds old credentials hold beside the new ones: several looks, and a reconnection."""

REPEAT_LOG_S: Final = 10.0
"""Pause before the same complaint is logged again: attempts are made ten times a second."""

_log = logging.getLogger(__name__)


def keep_trying(client: Client) -> None:
    """Have a connected client go on trying when the server refuses it, at work or on a reconnection.

    The library closes a client for good on nearly every error the server tells, and FastStream's callback for errors
    ends its reconnection on some. But credentials may be about to be replaced, or be news to one server of a cluster;
    and a busy server that found a client slow to say who it is will find it quick the next time.
    """
    last, at = "", 0.0

    async def told(error: Exception) -> None:
        nonlocal last, at
        text, now = error_text(error), time.monotonic()
        if text != last or now > at + REPEAT_LOG_S:
            last, at = text, now
            _log.warning("connection: %s", text)

    client._error_cb = told  # noqa: SLF001 - the option of `connect`, which FastStream wraps
    client._process_err = partial(_processed, client, client._process_err)  # type: ignore[method-assign]  # noqa: SLF001 - the library has no hook here


def error_text(error: Exception) -> str:
    """Return what a connection complains of; time-outs have no text but their name."""
    return str(error) or type(error).__name__


async def _processed(client: Client, process: Callable[[str], Awaitable[None]], text: str) -> None:
    """Take an error the server tells: all but a forbidden subject is a lost connection, one like any other.

    Not only refusals: a user whose key is gone may also be told first that it has too many subscriptions.
    """
    if PERMISSIONS_ERR in text:
        await process(text)
    else:
        await client._process_op_err(Error(f"nats: {text}"))  # noqa: SLF001 - as above


async def keep_current(client: Client, creds: Path) -> None:
    """Connect anew whenever the creds file changes, until the client is closed; subscriptions go on."""
    seen = _stamp(creds)
    while not client.is_closed:
        await asyncio.sleep(POLL_INTERVAL_S)
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
