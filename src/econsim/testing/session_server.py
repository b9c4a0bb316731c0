"""A NATS server with all services, on a thread of its own, for the runs of one test process.

Tests bring event loops of their own, or none; the server outlives each of them. Its port is free, its data are in a temporary
directory and go with it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import Future
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Any, Final, TypeVar

from nats.aio.client import Client

from econsim.adapters.cancellation import cancel_others
from econsim.adapters.clock import random_name
from econsim.app import Server
from econsim.config import settings
from econsim.domain.audit.envelope import AddressedEvent
from econsim.errors import Unavailable
from econsim.runs.launch.services import LaunchOptions, launch
from econsim.runs.remote import run_connection, run_events
from econsim.schemas.scenario import Scenario

BOT_END_S: Final = 30.0
"""Seconds a bot may go on after its run has ended: `ticks` ends a second after it, on a busy machine later."""

Bot = Callable[[str, str], Awaitable[object]]
"""Program of an external agent: called with the names of run and agent, it joins with `econsim.join` and trades."""

Value = TypeVar("Value")

_log = logging.getLogger(__name__)


class SessionServer:
    """The server and its services, running until `stop`."""

    def __init__(self) -> None:
        """Start them, which takes seconds; raises SetupError."""
        self._loop = asyncio.new_event_loop()
        # A daemon: a test process that is torn down without `stop` ends all the same.
        self._thread = threading.Thread(target=self._loop.run_forever, name="econsim", daemon=True)
        self._thread.start()
        self._stack = AsyncExitStack()
        self._server: Server
        try:
            self._server = self.submit(self._start()).result()
        except BaseException:
            self.stop()
            raise

    @property
    def state(self) -> str:
        """Return the state directory, in which `econsim.join` finds credentials."""
        return str(self._server.state)

    @property
    def url(self) -> str:
        """Return the URL of the server."""
        return self._server.url

    def submit(self, work: Coroutine[Any, Any, Value]) -> Future[Value]:
        """Begin work on the thread of the server."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def play(self, scenario: Scenario, bots: Mapping[str, Bot]) -> list[AddressedEvent]:
        """Run a scenario with its bots on the caller's loop; return its events in log order.

        The first error of a bot ends the run. Raises Unavailable for a bot that does not end.
        """
        run = random_name(scenario.name)
        async with run_connection(self._server, run, scenario) as connection:
            try:
                return await _events_with_bots(connection.client, run, bots)
            except BaseExceptionGroup as failures:
                raise failures.exceptions[0] from None

    def stop(self) -> None:
        """Stop services and server."""
        try:
            self.submit(self._end()).result()
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _start(self) -> Server:
        # A port of the settings would be that of every test process.
        config = settings().model_copy(update={"port": None, "nats": None, "creds": None})
        launched = launch(LaunchOptions(ephemeral=True, policies_of=_anywhere), config, _log.warning)
        return await self._stack.enter_async_context(launched)

    async def _end(self) -> None:
        await self._stack.aclose()
        await cancel_others()


async def _anywhere(_: Server) -> Path:
    """Run policies from every directory: a test runs its own code anyway."""
    return Path("/")


async def _events_with_bots(client: Client, run: str, bots: Mapping[str, Bot]) -> list[AddressedEvent]:
    """Return the events of a run to its end, while its bots play."""
    async with asyncio.TaskGroup() as group:
        playing = [group.create_task(_play(bot, run, agent)) for agent, bot in bots.items()]
        async with aclosing(run_events(client, run)) as events:
            found = [addressed async for addressed in events]
        if playing and (await asyncio.wait(playing, timeout=BOT_END_S))[1]:
            message = f"a bot goes on {BOT_END_S:g} s after its run has ended; end it when `ticks` ends"
            raise Unavailable(message)
    return found


async def _play(bot: Bot, run: str, agent: str) -> None:
    await bot(run, agent)
