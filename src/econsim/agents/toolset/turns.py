"""The ticks of a session, answered one by one as an assistant asks for them.

Lock-step waits for the answer to each tick, so an assistant that has acted says so by asking for the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from econsim.agents.session import AgentSession, Tick


class Turns:
    """Ticks of one session: the open one, and the wait for the next."""

    def __init__(self, session: AgentSession) -> None:
        """Follow the session's ticks from the first use on."""
        self._session = session
        self._following: asyncio.Task[None] | None = None
        self._open: Tick | None = None
        self._is_seen = False
        self._run_ended = False
        self._answered = asyncio.Event()
        self._changed = asyncio.Condition()

    @property
    def run_ended(self) -> bool:
        """Tell whether the run has closed."""
        return self._run_ended

    async def open_tick(self, wait_s: float) -> Tick | None:
        """Return the tick to act in; wait for the first one. None after `wait_s` seconds, or if the run has closed."""
        await self._wait(lambda: self._open is not None, wait_s)
        self._is_seen = self._open is not None
        return None if self._run_ended else self._open

    async def next_tick(self, wait_s: float) -> Tick | None:
        """Answer the open tick and return the one after it; a tick that was not returned yet is returned first.

        None if none opened within `wait_s` seconds, or if the run has closed. Raises Unavailable if the answer was not stored.
        """
        if self._open is None or not self._is_seen:
            return await self.open_tick(wait_s)
        answered = self._open
        self._answered.set()
        await self._wait(lambda: self._open is not answered, wait_s)
        if self._run_ended or self._open is answered:
            return None
        self._is_seen = True
        return self._open

    async def stop(self) -> None:
        """Stop following."""
        if self._following is not None:
            self._following.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await self._following

    async def _wait(self, is_there: Callable[[], bool], wait_s: float) -> None:
        """Wait until it is there, the run has closed, or the time has passed."""
        following = self._follower()
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s), self._changed:
                await self._changed.wait_for(lambda: is_there() or self._run_ended or following.done())
        if following.done() and not self._run_ended:
            self._following = None
            following.result()

    def _follower(self) -> asyncio.Task[None]:
        if self._following is None:
            self._following = asyncio.create_task(self._follow())
        return self._following

    async def _follow(self) -> None:
        try:
            async for tick in self._session.ticks():
                async with self._changed:
                    self._open, self._is_seen = tick, False
                    self._answered.clear()
                    self._changed.notify_all()
                await self._answered.wait()
            self._run_ended = True
        finally:
            async with self._changed:
                self._changed.notify_all()
