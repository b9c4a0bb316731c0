"""The rate limit of a service's connection: what one agent sends far above its rate is dropped unread.

A refusal costs a service as much as an answer, so an agent over its rate is refused for a while and then no longer
answered. The gate counts before a message costs a task and a handler (`patches.install_filter`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from econsim.adapters.nats.patches import valid_utf8
from econsim.schemas.subject import Parsed, SubjectKind, fields
from econsim.subjects import TABLE

CROSSED: Final = b"_R_."
"""Prefix of the reply subject of a request from an agent's account: the server makes it."""

REQUESTS_MAX: Final = 2_000
"""Messages of one agent in a second after which its account is suspended: twenty times the default rate."""

AGENTS_MAX: Final = 10_000
"""Agents counted at once; all counts are dropped after the second."""

ENTRIES: Final = b"agent"
"""Domain of messages that agents send without a reply subject; a request without one is dropped."""

PASSED_MIN: Final = 300
"""Messages of an agent that pass in a second, whatever its rate, so that those over the rate are refused in words."""

PASSED_SHARE: Final = 3
"""Multiple of an agent's rate that passes; a refusal costs a service as much as an answer."""

DELIVERIES: Final = frozenset(
    (where.domain.encode(), where.action.encode())
    for where in (fields(row.pattern()) for row in TABLE if row.kind is SubjectKind.DELIVERY)
)
"""Domain and action of deliveries: services send them, and no agent's account can."""

Allowed = Callable[[Parsed], int]
"""Returns the number of messages a second that an agent may send."""

OnFlood = Callable[[Parsed, int], None]
"""Called once a second for an agent that sends more, with the number that arrived."""


class RateGate:
    """Counts messages from agents' accounts on one connection, and drops those far above an agent's rate."""

    def __init__(
        self,
        allowed: Allowed,
        on_flood: OnFlood,
        most: int = REQUESTS_MAX,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Pass a few times the rate of an agent, to be answered; call `on_flood` for one that sends `most` in a second."""
        self._allowed = allowed
        self._on_flood = on_flood
        self._most = most
        self._now = now
        self._second = 0
        self._arrived: dict[bytes, int] = {}

    def passes(self, subject: bytes, reply: bytes) -> bool:
        """Count a message; false if its agent has sent too many in this second, or the request has no reply subject."""
        if reply and not reply.startswith(CROSSED):
            return True
        parts = subject.split(b".")
        if len(parts) != 5 or (parts[0], parts[2]) in DELIVERIES:
            return True
        second = int(self._now())
        if second != self._second or len(self._arrived) > AGENTS_MAX:
            self._second = second
            self._arrived.clear()
        sender = b".".join(parts[3:])
        arrived = self._arrived[sender] = self._arrived.get(sender, 0) + 1
        if arrived == self._most:
            self._on_flood(_parse(subject), arrived)
        if not reply and parts[0] != ENTRIES:
            return False
        return arrived <= PASSED_MIN or arrived <= PASSED_SHARE * self._allowed(_parse(subject))


def _parse(subject: bytes) -> Parsed:
    return Parsed(*valid_utf8(subject).decode().split("."))
