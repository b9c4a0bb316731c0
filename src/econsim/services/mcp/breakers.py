"""The circuit breakers of the tool servers in one worker, kept equal with those of the other workers by a bucket.

A closed breaker is decided from memory. Whoever opens one, sends its probe or closes it writes the bucket first, with the
revision that it read; the others read the bucket every REFRESH_S. Without an answer of the bucket each worker goes by what it knows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from econsim.adapters.poll import Poll
from econsim.domain.cognition.breaker import Admission, Breaker, BreakerState, Ending, note_ending
from econsim.domain.mcp.breaker import admit_call, breaker_json, breaker_of
from econsim.errors import Conflict, Unavailable
from econsim.ports import KeyTable

REFRESH_S: Final = 0.5
"""Pause between two looks at the breakers of the other workers."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Known:
    breaker: Breaker
    revision: int = 0


class SharedBreakers:
    """The breakers of all servers."""

    def __init__(self, table: KeyTable, clock_ms: Callable[[], int]) -> None:
        """Share breakers by a table; the clock returns milliseconds since 1970."""
        self._table = table
        self._clock_ms = clock_ms
        self._known: dict[str, _Known] = {}

    def breaker(self, server: str) -> Breaker:
        """Return the breaker of a server as this worker knows it."""
        return self._of(server).breaker

    async def admit(self, server: str) -> Admission:
        """Return how a server's breaker admits a call: of all workers one gets the probe."""
        known = self._of(server)
        after, admission = admit_call(known.breaker, self._clock_ms())
        if admission is Admission.PROBE and not await self._write(server, known, after):
            return Admission.REFUSED
        if admission is not Admission.PROBE:
            known.breaker = after
        return admission

    async def note(self, server: str, admission: Admission, ending: Ending) -> Breaker | None:
        """Take note of the ending of an admitted call; return the breaker if it has opened or closed with it."""
        known = self._of(server)
        before = known.breaker
        after = note_ending(before, admission, ending, self._clock_ms())
        if after.state is before.state and admission is not Admission.PROBE:
            known.breaker = after
            return None
        is_written = await self._write(server, known, after)
        changed = after.state is not BreakerState.HALF_OPEN and ending is not Ending.NEITHER
        return after if is_written and changed else None

    async def watch(self) -> None:
        """Keep the breakers of the other workers in view, until cancelled."""
        async for _ in Poll(REFRESH_S):
            with suppress(Unavailable):
                await self.refresh()

    async def refresh(self) -> None:
        """Read the breakers of all workers; raises Unavailable."""
        for entry in await self._table.entries():
            known = self._of(entry.key)
            if entry.revision <= known.revision:
                continue
            try:
                known.breaker = breaker_of(entry.value)
            except ValidationError:
                _log.warning("the breaker of %s cannot be read; it counts as closed", entry.key)
            known.revision = entry.revision

    def _of(self, server: str) -> _Known:
        return self._known.setdefault(server, _Known(Breaker()))

    async def _write(self, server: str, known: _Known, after: Breaker) -> bool:
        """Write a breaker for all workers; false if another worker wrote it first, whose word then counts."""
        try:
            known.revision = await self._table.put(server, breaker_json(after), known.revision)
        except Conflict:
            with suppress(Unavailable):
                await self.refresh()
            return False
        except Unavailable as error:
            _log.warning("the breaker of %s is not shared: %s", server, error)
        known.breaker = after
        return True
