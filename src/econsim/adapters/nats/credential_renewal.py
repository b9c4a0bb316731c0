"""Credentials that change under a running client: the client reconnects with the new ones while the old ones hold.

`keep_current` polls the creds file; `econsim trust rotate` waits until every client has reconnected. A service
that reconnects too early or too late is refused for a while, and `keep_trying` makes it try again.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from nats.aio.client import Client

from econsim.adapters.nats.patches import reconnect_on_errors
from econsim.adapters.poll import Poll

POLL_INTERVAL_S: Final = 1.0
"""Pause between two looks at a creds file, in seconds."""

OVERLAP_S: Final = 5.0
"""Seconds for which old credentials hold beside new ones: several looks and a reconnection."""

REPEAT_LOG_S: Final = 10.0
"""Seconds before the same error is logged again: a client tries to reconnect ten times a second."""

_log = logging.getLogger(__name__)


def keep_trying(client: Client) -> None:
    """Make a client reconnect when the server refuses it; otherwise it would close for good.

    Its credentials may be about to be replaced, or not have reached one server of a cluster; and a busy server that found
    a client slow to authenticate will find it quick the next time.
    """
    reconnect_on_errors(client, log_error, log_return)


@dataclass
class _Trouble:
    """Errors one soon after the other, of all connections: a process has a dozen, which lose their server together."""

    seen: dict[str, float] = field(default_factory=dict)
    """Text of an error → when it was logged."""
    count: int = 0
    first: float = 0.0
    last: float = -math.inf

    @property
    def is_over(self) -> bool:
        """Tell whether nothing went wrong for a while: a client that is lost tries ten times a second."""
        return time.monotonic() > self.last + REPEAT_LOG_S


_trouble: Final = _Trouble()


async def log_error(error: Exception) -> None:
    """Log an error of a connection of this process; the same error again, of whichever connection, only after REPEAT_LOG_S."""
    # A time-out has no text but its name.
    text, now = str(error) or type(error).__name__, time.monotonic()
    if _trouble.is_over:
        _trouble.count, _trouble.first = 0, now
    _trouble.count, _trouble.last = _trouble.count + 1, now
    if now > _trouble.seen.get(text, -math.inf) + REPEAT_LOG_S:
        _trouble.seen[text] = now
        _log.warning("connection: %s", text)


async def log_return() -> None:
    """Log that a connection is back after errors, once for all of this process."""
    if not _trouble.is_over:
        _log.warning(
            "connection: back after %.1f s, %d errors", time.monotonic() - _trouble.first, _trouble.count
        )
        _trouble.seen.clear()
        _trouble.last = -math.inf


async def keep_current(client: Client, creds: Path) -> None:
    """Reconnect whenever the creds file changes, until the client is closed; subscriptions go on."""
    seen = _modified_ns(creds)
    async for _ in Poll(POLL_INTERVAL_S):
        if client.is_closed:
            return
        now = _modified_ns(creds)
        if now not in (seen, 0) and client.is_connected:
            seen = now
            await client.force_reconnect()


def _modified_ns(creds: Path) -> int:
    """Return the time a file was written, in nanoseconds; 0 if it is missing just now."""
    try:
        return creds.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
