"""A sniffer records every message of an account that mentions an attacker.

It connects as a user that only the owner of the server can make: no role of econsim may subscribe to all of `SIM`. Every
attacker has a name of its own, and every effect of an attacker mentions it in the subject, the headers or the body.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from econsim.adapters.poll import Poll
from econsim.checks.raw_client import TIMEOUT_S, RawMessage, UserCredentials, dial
from econsim.errors import SetupError
from econsim.schemas.subject import matches

ATTACKER_PREFIX: Final = "mallory"
"""Prefix of every attacker's name; four characters follow, `_001` and so on."""

NUMBER_LENGTH: Final = 4
"""Characters after the prefix."""

ACK_PREFIX: Final = "$JS.ACK."
"""Prefix of the reply subject of a consumer's delivery."""

MESSAGES_MAX: Final = 5_000
"""Messages recorded of one attacker: more of a flood prove nothing new."""

MENTIONS_MAX: Final = 50
"""Mentions that are looked at in one message."""

POLL_INTERVAL_S: Final = 0.02
"""Pause between two looks at the record."""


class Sniffer:
    """Messages of one account, by the attacker they mention."""

    def __init__(self) -> None:
        """Start with an empty record."""
        self._messages: defaultdict[str, list[RawMessage]] = defaultdict(list)

    def record(self, message: RawMessage) -> bool:
        """Record a message that mentions an attacker; return false, so that the client keeps none."""
        text = b"".join((message.subject.encode(), b" ", message.headers, message.payload))
        # A consumer's delivery repeats a message that was recorded when it was published.
        if ATTACKER_PREFIX.encode() not in text or message.reply.startswith(ACK_PREFIX):
            return False
        for name in mentioned_attackers(text):
            if len(self._messages[name]) < MESSAGES_MAX:
                self._messages[name].append(message)
        return False

    def forget(self, name: str) -> None:
        """Remove the messages that mention an attacker."""
        self._messages.pop(name, None)

    def messages_about(self, name: str, *patterns: str) -> list[RawMessage]:
        """Return the messages that mention an attacker on subjects of these patterns; on all subjects without any."""
        tokens = [pattern.split(".") for pattern in patterns]
        return [
            message
            for message in self._messages[name]
            if not tokens or any(matches(each, message.subject.split(".")) for each in tokens)
        ]

    async def wait_until(self, reached: Callable[[], bool], timeout_s: float = TIMEOUT_S) -> bool:
        """Wait until a condition is true; return false after the limit."""
        async for _ in Poll(POLL_INTERVAL_S, timeout_s):
            if reached():
                return True
        return reached()


def mentioned_attackers(text: bytes) -> set[str]:
    """Return the names of attackers in a text."""
    prefix, names = ATTACKER_PREFIX.encode(), set[str]()
    at = text.find(prefix)
    for _ in range(MENTIONS_MAX):
        if at < 0:
            break
        names.add(text[at : at + len(prefix) + NUMBER_LENGTH].decode(errors="replace"))
        at = text.find(prefix, at + 1)
    return names


@asynccontextmanager
async def sniffing(url: str, user: UserCredentials, pattern: str) -> AsyncIterator[Sniffer]:
    """Record an account's messages on a pattern for the time of the context; raises SetupError if refused."""
    sniffer = Sniffer()
    async with dial(url) as client:
        client.keep = sniffer.record
        if not await client.connect(user):
            message = f"the server refuses the sniffer: {client.errors}"
            raise SetupError(message)
        await client.subscribe(pattern)
        await client.flush()
        yield sniffer
