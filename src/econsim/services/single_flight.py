"""Requests that many callers want at once: each is sent once, and all wait for its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from functools import partial


class SingleFlight:
    """Requests under way; each is sent once, however many callers wait for it."""

    def __init__(self) -> None:
        """Start with no request under way."""
        self._tasks: dict[Hashable, asyncio.Task[None]] = {}

    async def join(self, key: Hashable, request: Callable[[], Coroutine[object, object, None]]) -> None:
        """Wait for a request; start it if it is not under way. Cancelling a caller leaves the request running."""
        task = self._tasks.get(key)
        # A finished task is listed until its callback runs; its answer is known already.
        if task is None or task.done():
            task = self.start(key, request)
        await asyncio.shield(task)

    def start(
        self, key: Hashable, request: Callable[[], Coroutine[object, object, None]]
    ) -> asyncio.Task[None]:
        """Start a request."""
        task = self._tasks[key] = asyncio.create_task(request())
        task.add_done_callback(partial(self._remove, key))
        return task

    async def join_all(self) -> None:
        """Wait until no request is under way."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks.values()))

    def _remove(self, key: Hashable, task: asyncio.Task[None]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]
        if not task.cancelled():
            task.exception()  # retrieved, because maybe no caller waits for it any more
