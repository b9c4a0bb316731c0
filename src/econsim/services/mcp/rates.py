"""The limits of agents' calls: those of all tools an hour, and those that a server's operator set, counted by all workers.

The limits of a server protect it, so they hold for hosted agents too; the quota of all calls is for external agents alone, as every
quota. A call that is refused here has cost nothing and is counted all the same: its agent sent it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from econsim.domain.admission.quota import HOUR_S, MILLISECOND_NS, SECOND_NS, QuotaKind
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.mcp.request import AskedCall
from econsim.errors import QuotaExceeded
from econsim.ports import Counters
from econsim.schemas.tool_server_file import ServerTable
from econsim.services.quota_meter import QuotaMeter
from econsim.streams.tools import SERVER_COUNTERS

AT_ONCE_RETRY_MS: Final = 500
"""Milliseconds after which an agent with too many calls at once may try again."""


class CallRates:
    """The limits of calls, in one worker."""

    def __init__(self, meter: QuotaMeter, counters: Counters, clock_ns: Callable[[], int]) -> None:
        """Count with a service's meter and counters, by a clock that returns nanoseconds since 1970."""
        self._meter = meter
        self._counters = counters
        self._clock_ns = clock_ns
        self._at_once: Counter[tuple[str, str, str]] = Counter()

    async def take(self, run: ActiveRun, call: AskedCall, table: ServerTable) -> None:
        """Count a call; raises QuotaExceeded over a limit, Unavailable if the counters do not answer."""
        if call.agent in run.externals:
            await self._meter.take(QuotaKind.MCP_CALLS, call.run, call.agent)
        limits = {1: table.calls_per_second, HOUR_S: table.calls_per_hour}
        counts = [self._count(call, window_s, limit) for window_s, limit in limits.items() if limit]
        if counts:
            await asyncio.gather(*counts)

    @contextmanager
    def at_once(self, call: AskedCall, table: ServerTable) -> Iterator[None]:
        """Count a call as under way for the time of the context; raises QuotaExceeded over the limit."""
        key = (call.run, call.agent, call.server)
        limit = table.calls_at_once
        if limit and self._at_once[key] >= limit:
            message = f"{limit} calls of {call.server} by {call.agent!r} are under way; wait for one to end"
            raise _rate_refusal(message, "calls_at_once", limit, AT_ONCE_RETRY_MS)
        self._at_once[key] += 1
        try:
            yield
        finally:
            self._at_once[key] -= 1
            if not self._at_once[key]:
                del self._at_once[key]

    async def _count(self, call: AskedCall, window_s: int, limit: int) -> None:
        now_ns, length_ns = self._clock_ns(), window_s * SECOND_NS
        number = now_ns // length_ns
        name = f"{SERVER_COUNTERS[window_s]}.{call.run}.{call.agent}.{call.server}-{number}"
        if await self._counters.add(name, 1) <= limit:
            return
        retry_ms = -(-(length_ns - now_ns % length_ns) // MILLISECOND_NS)
        word = "calls_per_second" if window_s == 1 else "calls_per_hour"
        message = f"{call.server} takes {limit} calls of one agent {word.removeprefix('calls_').replace('_', ' ')}; try again in {retry_ms} ms"
        raise _rate_refusal(message, word, limit, retry_ms)


def _rate_refusal(message: str, quota: str, limit: int, retry_ms: int) -> QuotaExceeded:
    return QuotaExceeded(
        message, code="tool_server_rate_is_exceeded", retry_after_ms=retry_ms, quota=quota, limit=limit
    )
