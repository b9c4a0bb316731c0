"""A server and its services on a thread with an event loop of its own, for callers that have another loop, or none.

Notebooks and tests call from a running loop, scripts from none; the server does not care which. Its life cycle: `started` by the
constructor, which waits for the services; `stop` ends them and the thread. Safe to use from several threads.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from econsim.adapters.cancellation import cancel_others
from econsim.app import Server
from econsim.config import Settings
from econsim.runs.launch.services import LaunchOptions, launch

STOP_S: Final = 30.0
"""Seconds that an interrupted caller waits for its work to end: a run is stopped by a request, which may be repeated."""

Value = TypeVar("Value")


class ServerThread:
    """A server and its services, running until `stop`."""

    def __init__(self, options: LaunchOptions, config: Settings, notify: Callable[[str], None]) -> None:
        """Start them, which takes seconds; raises SetupError."""
        self._loop = asyncio.new_event_loop()
        # A daemon: a process that ends without `stop` ends all the same.
        self._thread = threading.Thread(target=self._loop.run_forever, name="econsim", daemon=True)
        self._thread.start()
        self._stack = AsyncExitStack()
        self.server: Server
        """Server that is running."""
        try:
            self.server = self.complete(self._start(options, config, notify))
        except BaseException:
            self.stop()
            raise

    def submit(self, work: Coroutine[Any, Any, Value]) -> Future[Value]:
        """Begin work on the thread of the server."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def complete(self, work: Coroutine[Any, Any, Value]) -> Value:
        """Do work on the thread of the server, and wait for it; an interrupt cancels the work and waits until it has ended."""
        ended = threading.Event()
        running = self.submit(_until(work, ended))
        try:
            return running.result()
        except BaseException:
            running.cancel()
            ended.wait(STOP_S)
            raise

    def stop(self) -> None:
        """Stop services and server."""
        try:
            self.submit(self._end()).result()
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _start(self, options: LaunchOptions, config: Settings, notify: Callable[[str], None]) -> Server:
        return await self._stack.enter_async_context(launch(options, config, notify))

    async def _end(self) -> None:
        await self._stack.aclose()
        await cancel_others()


async def _until(work: Coroutine[Any, Any, Value], ended: threading.Event) -> Value:
    try:
        return await work
    finally:
        ended.set()


async def anywhere(_: Server) -> Path:
    """Let services run policies from every directory: they are in the caller's process, which runs its own code anyway."""
    return Path("/")


class _Share:
    """A server thread and the number of its users."""

    def __init__(self, thread: ServerThread) -> None:
        self.thread = thread
        self.users = 0


_shares: Final[dict[tuple[Path, str | None], _Share]] = {}
_lock: Final = threading.Lock()


@contextmanager
def shared_server(config: Settings, notify: Callable[[str], None]) -> Iterator[ServerThread]:
    """Provide the server of a state directory for the time of the context, one for all its users in this process.

    The last one to leave stops it. A server of another process is used and goes on. Raises SetupError.
    """
    place = config.state.absolute(), config.nats
    with _lock:
        share = _shares.get(place)
        if share is None:
            share = _shares[place] = _Share(ServerThread(LaunchOptions(policies_of=anywhere), config, notify))
        share.users += 1
    try:
        yield share.thread
    finally:
        with _lock:
            share.users -= 1
            if not share.users:
                del _shares[place]
                share.thread.stop()
