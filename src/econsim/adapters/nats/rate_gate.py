"""The rate limit of a service's connection: what one agent sends far above its rate is dropped unread.

A refusal costs a service as much as an answer, so an agent over its rate is refused for a while and then no longer
answered. The gate counts before a message costs a task and a handler (`patches.install_filter`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from econsim.adapters.nats.patches import valid_utf8
from econsim.schemas.subject import Parsed

CROSSED: Final = b"_R_."
"""What a reply subject begins with when a request crossed from an agent's account: the server makes it."""

REQUESTS_MAX: Final = 2_000
"""Messages of one agent in a second after which its account is taken away: twenty times the default rate."""

AGENTS_MAX: Final = 10_000
"""Agents counted at once; all are forgotten with the second."""

ENTRIES: Final = b"agent"
"""Domain of what agents send without asking for an answer; a request that asks for none is not done."""

PASSED_MIN: Final = 300
"""Messages of an agent that pass in a second, whatever its rate: what is over the rate is told so, for a while."""

PASSED_SHARE: Final = 3
"""How many times its rate passes; a refusal costs a service as much as an answer."""

Allowed = Callable[[Parsed], int]
"""Returns the messages a second an agent may send."""

Tell = Callable[[Parsed, int], None]
"""Told once a second of an agent that sends more, with what arrived."""


class RateGate:
    """Counts what arrives from agents' accounts on one connection, and drops what is far too much of one."""

    def __init__(
        self,
        allowed: Allowed,
        tell: Tell,
        most: int = REQUESTS_MAX,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Let a few times what an agent is allowed pass, to be answered; tell of who sends `most` in a second."""
        self._allowed = allowed
        self._tell = tell
        self._most = most
        self._now = now
        self._second = 0
        self._arrived: dict[bytes, int] = {}

    def passes(self, subject: bytes, reply: bytes) -> bool:
        """Count a message; false if its agent has sent too much in this second, or asks for no answer to a request."""
        if reply and not reply.startswith(CROSSED):
            return True
        parts = subject.split(b".")
        if len(parts) != 5:
            return True
        second = int(self._now())
        if second != self._second or len(self._arrived) > AGENTS_MAX:
            self._second = second
            self._arrived.clear()
        sender = b".".join(parts[3:])
        arrived = self._arrived[sender] = self._arrived.get(sender, 0) + 1
        if arrived == self._most:
            self._tell(_parse(subject), arrived)
        if not reply and parts[0] != ENTRIES:
            return False
        return arrived <= PASSED_MIN or arrived <= PASSED_SHARE * self._allowed(_parse(subject))


def _parse(subject: bytes) -> Parsed:
    return Parsed(*valid_utf8(subject).decode().split("."))
