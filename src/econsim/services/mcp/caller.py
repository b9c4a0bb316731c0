"""The call itself: from the cache or by the server, past its breaker, tried again after passing faults within the deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from econsim.adapters.clock import jitter
from econsim.domain.cognition.breaker import Admission, Breaker, BreakerState, Ending
from econsim.domain.mcp.breaker import failure_ending
from econsim.domain.mcp.outcome import answered_outcome, cached_outcome, failed_outcome
from econsim.domain.mcp.request import AskedCall
from econsim.errors import ToolCallFailed
from econsim.ports import ToolServer
from econsim.schemas.mcp import ToolFailure, ToolOutcome, ToolResult
from econsim.schemas.tool_server_file import ToolTable
from econsim.services.mcp.breakers import SharedBreakers
from econsim.services.mcp.recorded_server import RecordedServer
from econsim.services.mcp.result_cache import ResultCache

ATTEMPTS_MAX: Final = 5
"""Attempts of one call: a server that fails five times in a row is not having a passing fault."""

FIRST_PAUSE_S: Final = 0.2
"""Longest pause before the second attempt; it doubles for each further one."""

MILLISECONDS: Final = 1_000
"""Milliseconds in a second."""

_PASSING: Final = (ToolFailure.TOOL_SERVER_FAILED, ToolFailure.TOOL_SERVER_IS_BUSY)

OnBreaker = Callable[[str, str, Breaker, str], Awaitable[None]]
"""Callback for a breaker that opened or closed: run of the call, server, breaker, newest failure."""


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A call that is paid for, with all that it takes to make it."""

    asked: AskedCall
    """Call as its agent asked for it."""
    server: ToolServer
    """Server of the tool."""
    terms: ToolTable
    """Operator's terms of the tool."""
    end: float
    """Deadline by the clock of the event loop."""
    tick: int
    """Logical time of the call."""

    @property
    def left_s(self) -> float:
        """Return the seconds until the deadline, below 0 after it."""
        return self.end - asyncio.get_running_loop().time()


class ToolCaller:
    """Calls of all servers, in one worker."""

    def __init__(self, breakers: SharedBreakers, cache: ResultCache, on_breaker: OnBreaker) -> None:
        """Call past these breakers; `on_breaker` learns of each that opens or closes."""
        self._breakers = breakers
        self._cache = cache
        self._on_breaker = on_breaker

    async def outcome(self, call: PlannedCall) -> ToolOutcome:
        """Return how a call ends; a failure is an outcome too."""
        asked, terms, listing = call.asked, call.terms, call.server.listing
        price = terms.price
        kept = await self._cache.get(asked, terms, listing)
        if kept is not None:
            return cached_outcome(asked, terms.hit_price, price, kept)
        attempts = 0
        while True:
            attempts += 1
            try:
                result = await self._attempt(call)
            except ToolCallFailed as error:
                pause_s = _pause_s(call, error, attempts)
                if pause_s is None:
                    return failed_outcome(asked, price, error, attempts)
                await asyncio.sleep(pause_s)
            else:
                await self._cache.put(asked, terms, listing, result)
                return answered_outcome(asked, price, result, attempts)

    async def _attempt(self, call: PlannedCall) -> ToolResult:
        """Ask the server once if its breaker admits the call, and tell the breaker how the call ended."""
        server, given_s = call.server.name, call.left_s
        if isinstance(call.server, RecordedServer):
            # It is always there: its run must not learn of the breaker of the operator's server of that name.
            return await call.server.call(call.asked.command.tool, call.asked.command.params, given_s)
        if given_s <= 0:
            message = "the deadline passed before the server was asked"
            raise ToolCallFailed(message, code=ToolFailure.TOOL_TIMED_OUT.value, ran=False)
        admission = await self._breakers.admit(server)
        if admission is Admission.REFUSED:
            raise self._resting(server)
        ending, said = Ending.NEITHER, ""
        try:
            result = await call.server.call(call.asked.command.tool, call.asked.command.params, given_s)
        except ToolCallFailed as error:
            said = str(error)
            ending = failure_ending(ToolFailure(error.error_code), int(given_s * MILLISECONDS))
            raise
        else:
            ending = Ending.SUCCEEDED
            return result
        finally:
            changed = await self._breakers.note(server, admission, ending)
            if changed is not None:
                await self._on_breaker(call.asked.run, server, changed, said)

    def _resting(self, server: str) -> ToolCallFailed:
        breaker = self._breakers.breaker(server)
        until = "a probe is under way" if breaker.state is BreakerState.HALF_OPEN else "it rests for a while"
        message = f"{server} failed {breaker.failures} times in a row; {until}"
        return ToolCallFailed(message, code=ToolFailure.TOOL_SERVER_IS_RESTING.value, ran=False)


def _pause_s(call: PlannedCall, error: ToolCallFailed, attempts: int) -> float | None:
    """Return the seconds until the next attempt; none if there is none."""
    may_repeat = error.ran is False or (error.ran is None and call.terms.may_repeat)
    if attempts == ATTEMPTS_MAX or not may_repeat or ToolFailure(error.error_code) not in _PASSING:
        return None
    pause_s = FIRST_PAUSE_S * 2 ** (attempts - 1)
    pause_s = pause_s / 2 + jitter(pause_s / 2)
    return pause_s if pause_s < call.left_s else None
