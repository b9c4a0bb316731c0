"""A NATS server with all services, on a thread of its own, for the runs of one test process.

Tests bring event loops of their own, or none; the server outlives each of them. Its port is free, its data are in a temporary
directory and go with it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Final

from nats.aio.client import Client

from econsim.adapters.clock import random_name
from econsim.config import settings
from econsim.domain.audit.envelope import AddressedEvent
from econsim.errors import Unavailable
from econsim.runs.launch.server_thread import ServerThread, anywhere
from econsim.runs.launch.services import LaunchOptions
from econsim.runs.remote import run_connection, run_events
from econsim.schemas.scenario import Scenario

BOT_END_S: Final = 30.0
"""Seconds a bot may go on after its run has ended: `ticks` ends a second after it, on a busy machine later."""

Bot = Callable[[str, str], Awaitable[object]]
"""Program of an external agent: called with the names of run and agent, it joins with `econsim.join` and trades."""

_log = logging.getLogger(__name__)


class SessionServer(ServerThread):
    """The server and its services, running until `stop`."""

    def __init__(self) -> None:
        """Start them, which takes seconds; raises SetupError."""
        # A port of the settings would be that of every test process.
        config = settings().model_copy(update={"port": None, "nats": None, "creds": None})
        super().__init__(LaunchOptions(ephemeral=True, policies_of=anywhere), config, _log.warning)

    @property
    def state(self) -> str:
        """Return the state directory, in which `econsim.join` finds credentials."""
        return str(self.server.state)

    @property
    def url(self) -> str:
        """Return the URL of the server."""
        return self.server.url

    async def play(self, scenario: Scenario, bots: Mapping[str, Bot]) -> list[AddressedEvent]:
        """Run a scenario with its bots on the caller's loop; return its events in log order.

        The first error of a bot ends the run. Raises Unavailable for a bot that does not end.
        """
        run = random_name(scenario.name)
        async with run_connection(self.server, run, scenario) as connection:
            try:
                return await _events_with_bots(connection.client, run, bots)
            except BaseExceptionGroup as failures:
                raise failures.exceptions[0] from None


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
