"""Probes of one user's permissions, by the hundred: which publishes and subscriptions the server accepts.

The content of a probe is its number alone, which no service and no part of JetStream takes for a request.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from econsim.checks.raw_client import RawClient, UserCredentials, dial, publish_frame
from econsim.errors import SetupError, Unavailable

WINDOW: Final = 500
"""Probes sent before their answers are awaited: the server's errors about them fit into the buffers on the way."""

TIMEOUT_S: Final = 10.0
"""Limit of the wait for the answers to a window; they take some ten milliseconds."""

_REFUSED_SUBSCRIPTION: Final = re.compile(
    r"'Permissions Violation for Subscription to \"([^\"]+)\"(?: using queue \"([^\"]+)\")?"
)
_REFUSED: Final = "'Permissions Violation"

Probed = tuple[str, str]
"""Subject and content of a message that was delivered."""


class Prober:
    """Connection of one user that probes what the user may publish and subscribe to."""

    def __init__(self, client: RawClient) -> None:
        """Use a connection that the server has accepted."""
        self._client = client

    async def publish(self, subjects: Sequence[str]) -> None:
        """Publish to each concrete subject its index; return when the server has processed all."""
        for start in range(0, len(subjects), WINDOW):
            numbered = enumerate(subjects[start : start + WINDOW], start)
            frames = [publish_frame(each, probe_text(number).encode()) for number, each in numbered]
            await self._send(b"".join(frames))

    async def filter_allowed(self, patterns: Iterable[str]) -> list[str]:
        """Return the patterns to which this user may subscribe; a queue group may follow a pattern after a space."""
        numbered = list(enumerate(patterns, 1))
        refused: set[str] = set()
        for start in range(0, len(numbered), WINDOW):
            window = numbered[start : start + WINDOW]
            errors = await self._send(
                "".join(f"SUB {each} {n}\r\nUNSUB {n}\r\n" for n, each in window).encode()
            )
            refused |= {name for error in errors if (name := refused_subscription(error))}
        return [each for _, each in numbered if each not in refused]

    async def subscribe_only(self, patterns: Sequence[str]) -> None:
        """Replace the connection's subscriptions by these patterns."""
        ended = "".join(f"UNSUB {n}\r\n" for n in range(1, WINDOW))
        begun = "".join(f"SUB {each} {n}\r\n" for n, each in enumerate(patterns, 1))
        await self._send((ended + begun).encode())

    async def take_deliveries(self) -> set[Probed]:
        """Return what was delivered since the last call, once the server has processed everything sent before."""
        await self._send(b"")
        taken = self._client.take_messages()
        return {(each.subject, each.payload.decode(errors="replace")) for each in taken}

    async def _send(self, data: bytes) -> list[str]:
        """Send lines and return the server's errors about them; raises Unavailable if the server hangs up."""
        client = self._client
        client.errors.clear()
        await client.send(data)
        answered = await client.flush(TIMEOUT_S)
        fatal = [error for error in client.errors if not error.startswith(_REFUSED)]
        if not answered or fatal:
            message = f"the server ended the connection: {', '.join(fatal) or 'without an error'}"
            raise Unavailable(message)
        return list(client.errors)


def refused_subscription(error: str) -> str:
    """Return the pattern, and after a space the queue group, whose subscription an error refuses; else nothing."""
    found = _REFUSED_SUBSCRIPTION.match(error)
    return " ".join(filter(None, found.groups())) if found else ""


def probe_text(number: int) -> str:
    """Return the content of the probe with a number; it is no JSON, so no service takes it for a request."""
    return f"t{number}"


@asynccontextmanager
async def probing(url: str, creds: Path) -> AsyncIterator[Prober]:
    """Connect as the user of a creds file for the time of the context; raises SetupError if the server refuses."""
    user = UserCredentials.from_file(creds)
    async with dial(url) as client:
        if not await client.connect(user, echo=False, name="econsim-prober"):
            reason = ", ".join(client.errors) or "it ended the connection"
            message = f"cannot connect to {url} with {creds}: {reason}"
            raise SetupError(message)
        yield Prober(client)
