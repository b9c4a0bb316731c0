"""Depth of a work queue, in all and for each agent: the backpressure on agents that would overrun it."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import Final

from nats.aio.client import Client

from econsim.adapters.jetstream import provision
from econsim.adapters.poll import Poll
from econsim.errors import EconsimError, Unavailable
from econsim.schemas.subject import fields

POLL_INTERVAL_S: Final = 0.25
"""Pause between two looks while messages are sent, in seconds; messages sent in between are counted here."""

TOTAL_MAX: Final = 100_000
"""Messages that may wait in all: a tenth of what the queue holds, so hosts and the clock always find room."""

AGENT_MAX: Final = 1_000
"""Messages of one agent that may wait: a tick's worth of the busiest."""

RETRY_MS: Final = 500
"""Milliseconds to wait before trying again: two looks."""


class QueueDepth:
    """The depth of one queue, as it was a moment ago plus what this process sent since."""

    def __init__(self, client: Client, stream: str) -> None:
        """Watch a stream; `watch` keeps looking."""
        self._client = client
        self._stream = stream
        self._total = 0
        self._waiting: Counter[tuple[str, str]] = Counter()
        self._sent: Counter[tuple[str, str]] = Counter()
        # Kept beside `_sent`: adding all agents up for each order would take longer the more there are.
        self._sent_total = 0

    def take(self, run: str, agent: str) -> None:
        """Count a message an agent is about to add; raises Unavailable, and counts nothing, if it may add none now.

        Counted before it is sent, or all who wait to send would pass together; the next look corrects what failed.
        """
        key = run, agent
        if self._total + self._sent_total >= TOTAL_MAX:
            what, code = f"{TOTAL_MAX} messages wait in {self._stream}", "queue_is_full"
        elif self._waiting[key] + self._sent[key] >= AGENT_MAX:
            what = f"{AGENT_MAX} messages of this agent wait in {self._stream}"
            code = "agent_has_too_many_waiting"
        else:
            self._sent[key] += 1
            self._sent_total += 1
            return
        message = f"{what}; wait until some are done"
        raise Unavailable(message, code=code, retry_after_ms=RETRY_MS)

    async def watch(self) -> None:
        """Look from time to time until cancelled."""
        async for _ in Poll(POLL_INTERVAL_S):
            if self._sent or self._total:
                with suppress(EconsimError):
                    await self._look()

    async def _look(self) -> None:
        before = Counter(self._sent)
        total = await provision.depth(self._client, self._stream)
        # Counting by subject is work for the server: only when somebody could be over the limit at the next
        # look, for nobody's rate lets them send half of it in between.
        waiting = await self._by_agent() if total >= AGENT_MAX // 2 else Counter()
        # What was sent while the server counted may count twice until the next look; never not at all.
        self._total, self._waiting = total, waiting
        self._sent -= before
        self._sent_total -= before.total()

    async def _by_agent(self) -> Counter[tuple[str, str]]:
        found: Counter[tuple[str, str]] = Counter()
        for subject, count in (await provision.subject_counts(self._client, self._stream, ">")).items():
            where = fields(subject)
            found[where.run, where.agent] += count
        return found
