"""The pause after payments in which positions that were deferred are stored: a batch, for which payments that come meanwhile wait.

A batch takes 5 to 15 ms (`adapters/jetstream/atomic_batch.py`), and at a time of its own it met every third burst of payments. Who has
just reserved asks a model or a tool next, so right after a commit nobody pays for a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

LAG_S: Final = 0.15
"""Shortest time that deferred positions wait for a commit that takes them along: at 0.05 s their own commits took a seventh of the
server's and a fifth of the ledger's processor time of calls of tools (32 callers)."""

MOST_S: Final = 0.1
"""Longest time that they then wait for a pause: those of a few holders are at most LAG_S + MOST_S behind."""

QUIET_S: Final = 0.004
"""Time without a commit that is a pause: reservations that are asked for at once come within a few milliseconds."""

HOLDER_S: Final = 0.003
"""Time for each holder that the positions of many wait, if that is longer: so they take about one percent of a processor, and those of
a thousand agents that pay in a tick go with the orders of the tick."""


class PaymentPause:
    """The pause after the commits of one ledger."""

    def __init__(self, lag_s: float = LAG_S, most_s: float = MOST_S, quiet_s: float = QUIET_S) -> None:
        """Wait `lag_s` after a commit, and up to `most_s` for a pause of `quiet_s` after another one."""
        self._lag_s, self._most_s, self._quiet_s = lag_s, most_s, quiet_s
        self._committed = asyncio.Event()
        self._behind_since: float | None = None

    def note(self) -> None:
        """Note that a commit left positions behind."""
        if self._behind_since is None:
            self._behind_since = asyncio.get_running_loop().time()
        self._committed.set()

    def note_stored(self) -> None:
        """Note that no positions are behind any more: a commit took them along."""
        self._behind_since = None
        self._committed.clear()

    async def wait(self, holders: Callable[[], int]) -> None:
        """Wait until positions are behind and may be stored; `holders` returns of how many they are."""
        await self._committed.wait()
        self._behind_since = asyncio.get_running_loop().time()
        await asyncio.sleep(self._lag_s)
        await self._wait_for_quiet()
        # The commit before the quiet may be one of a thousand agents, whose positions were not behind at the first look.
        while (rest_s := self._rest_s(holders())) > 0:
            await asyncio.sleep(min(rest_s, self._most_s))
            await self._wait_for_quiet()

    def _rest_s(self, holders: int) -> float:
        """Return the time that positions of so many holders still wait."""
        if self._behind_since is None:
            return 0
        return HOLDER_S * holders - (asyncio.get_running_loop().time() - self._behind_since)

    async def _wait_for_quiet(self) -> None:
        """Wait for a pause that follows a commit, but not for ever for the commit."""
        self._committed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._most_s):
                await self._committed.wait()
                while self._committed.is_set():
                    self._committed.clear()
                    await asyncio.sleep(self._quiet_s)
