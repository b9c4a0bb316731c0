"""The one poll loop: look at once, and again after a pause, until the caller has seen enough or a deadline passes."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Self


class Poll:
    """Rounds of a loop that looks for something: `async for _ in Poll(POLL_INTERVAL_S): …`.

    The first round comes at once. With `timeout_s` the rounds end after that many seconds, but never before the
    first: what follows the loop is reached only if no round returned or broke out. `wake` ends a pause early;
    it is cleared before each round, so a round sees everything that set it.
    """

    def __init__(
        self, interval_s: float, timeout_s: float | None = None, wake: asyncio.Event | None = None
    ) -> None:
        """Pause `interval_s` seconds between two rounds."""
        self._interval_s = interval_s
        self._end = None if timeout_s is None else time.monotonic() + timeout_s
        self._wake = wake
        self._first = True

    def __aiter__(self) -> Self:
        """Return the rounds themselves."""
        return self

    async def __anext__(self) -> None:
        """Wait for the next round; the first is not waited for."""
        if not self._first:
            if self._end is not None and time.monotonic() > self._end:
                raise StopAsyncIteration
            await self._pause()
        self._first = False
        if self._wake is not None:
            self._wake.clear()

    async def _pause(self) -> None:
        if self._wake is None:
            await asyncio.sleep(self._interval_s)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._interval_s):
                await self._wake.wait()
