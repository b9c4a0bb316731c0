"""An agent's seat in a run: `join` connects, `ticks` paces, `economy` acts.

For agents outside the hosts, in processes of their own. Follows the run's log from the newest tick;
a tick is answered when the loop's body is done with it, which is what lock-step's barrier waits for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nats.aio.client import Client

from econsim import subjects
from econsim.adapters import server_state
from econsim.adapters.audit_log import StoredEvent, follow, last
from econsim.adapters.clock import SystemClock, random_id
from econsim.adapters.connection import connect, reliable_publish
from econsim.agents.services import EconomicService
from econsim.config import Settings, settings
from econsim.domain.decode import decode
from econsim.domain.envelope import Stamp
from econsim.domain.population import UNHOSTED, population
from econsim.errors import NotAllowed, NotFound, SetupError
from econsim.schemas.agent import CycleCompleted, CycleCompletedEvent
from econsim.schemas.clock import RunClosed, RunOpenedEvent, Ticked

ROLE: Final = "agent"
"""Whose credentials an agent uses."""

WAIT_S: Final = 30.0
"""Longest `join` waits for its run to open."""

LOOK_S: Final = 0.2
"""Pause between looks whether the run is open."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A tick that opened: act, then let the loop go on."""

    number: int
    """Ticks since the run opened, from 1."""
    period: int
    """Trading day, from 1; endowments are dealt anew in each."""
    tick_of_period: int
    """Ticks since the period opened, from 1."""
    event_id: str
    """The event that opened it."""


class AgentSession:
    """One agent in one run; made by `join`."""

    def __init__(self, client: Client, run: str, agent: str) -> None:
        """Sit down; the connection stays the caller's."""
        self.run = run
        self.agent = agent
        self.economy = EconomicService(client, run, agent)
        """Orders, balances, prices."""
        self._client = client

    async def ticks(self) -> AsyncIterator[Tick]:
        """Yield ticks from the newest one not answered yet until the run closes.

        When the body is done with a tick, it is reported as answered; leaving the loop answers nothing
        more, and lock-step then waits its deadline out at each tick. Ticks that passed while the body
        worked are left out.
        """
        clock = _Ticks(self._client, self.run)
        answered = await self._answered()
        watching = asyncio.create_task(clock.watch())
        try:
            while tick := await clock.after(answered, watching):
                yield tick
                await self._answer(tick)
                answered = tick.number
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _answered(self) -> int:
        stored = await last(self._client, subjects.CYCLE_COMPLETED(agent=self.agent, run=self.run))
        return CycleCompletedEvent.model_validate_json(stored.payload).data.tick if stored else 0

    async def _answer(self, tick: Tick) -> None:
        stamp = Stamp(self.run, random_id(), tick.number, SystemClock().now(), tick.event_id)
        report = CycleCompleted(tick=tick.number, agents=1)
        done = stamp.event(subjects.CYCLE_COMPLETED, self.agent, report, agent=self.agent)
        await reliable_publish(self._client.jetstream(), done.subject, done.json(), done.event.event_id)


class _Ticks:
    """The newest tick of a run, and whether it is over."""

    def __init__(self, client: Client, run: str) -> None:
        self._client = client
        self._run = run
        self._newest: Tick | None = None
        self._closed = False
        self._changed = asyncio.Event()

    async def watch(self) -> None:
        """Follow the clock until the run closes."""
        patterns = [subjects.TICKED(run=self._run), subjects.RUN_CLOSED(run=self._run)]
        newest = await last(self._client, patterns[0])
        start = newest.sequence if newest else 1
        async with aclosing(follow(self._client, self._run, patterns, start)) as events:
            async for stored in events:
                self._fold(stored)
                self._changed.set()
                if self._closed:
                    return

    async def after(self, number: int, watching: asyncio.Task[None]) -> Tick | None:
        """Return the newest tick once it is later than `number`; none when the run has closed."""
        while not self._closed:
            if self._newest is not None and self._newest.number > number:
                return self._newest
            self._changed.clear()
            changed = asyncio.ensure_future(self._changed.wait())
            await asyncio.wait({changed, watching}, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
            if watching.done():
                await watching
        return None

    def _fold(self, stored: StoredEvent) -> None:
        event = decode(stored.subject, stored.payload).event
        if isinstance(event.data, Ticked):
            data = event.data
            self._newest = Tick(event.tick, data.period, data.tick_of_period, event.event_id)
        self._closed = isinstance(event.data, RunClosed)


@asynccontextmanager
async def join(  # noqa: PLR0913 - who, where and how long; all but who have defaults
    run: str,
    agent: str,
    *,
    state: Path | str | None = None,
    nats: str | None = None,
    creds: Path | str | None = None,
    wait_s: float = WAIT_S,
) -> AsyncIterator[AgentSession]:
    """Take an agent's seat in a run for the time of the context.

    Finds the server as every econsim command does: `nats` and `creds`, else the one of the `state`
    directory, else the settings. Waits `wait_s` seconds for the run to open. Raises SetupError if there is no server,
    NotFound if the run does not open or the agent is not in it, NotAllowed if one of its hosts runs the agent.
    """
    config = settings(state=state, nats=nats, creds=creds)
    url = config.nats or server_state.running(config.state)
    if not url:
        message = "no NATS server is running here; start one with `econsim up`, or name one with nats="
        raise SetupError(message)
    client = await connect(url, _creds(config), f"econsim-{agent}")
    session = AgentSession(client, run, agent)
    try:
        await _check_seat(client, run, agent, wait_s)
        await session.economy.start()
        yield session
    finally:
        if not client.is_closed:
            await client.close()


def _creds(config: Settings) -> Path:
    if config.creds and config.creds.is_file():
        return config.creds
    return (config.creds or config.state / "trust" / "creds") / f"{ROLE}.creds"


async def _check_seat(client: Client, run: str, agent: str, wait_s: float) -> None:
    """Wait until the run is open, and make sure that the agent acts for itself in it."""
    end = time.monotonic() + wait_s
    while (stored := await last(client, subjects.RUN_OPENED(run=run))) is None:
        if time.monotonic() > end:
            message = f"run {run!r} did not open within {wait_s:g} s; `econsim runs` lists those there are"
            raise NotFound(message, code="run_is_not_open")
        await asyncio.sleep(LOOK_S)
    scenario = RunOpenedEvent.model_validate_json(stored.payload).data.scenario
    agents = {each.id: each for each in population(scenario)}
    if agent not in agents:
        message = f"agent {agent!r} is not in run {run!r}; add it to the scenario, or with --guest {agent}"
        raise NotFound(message, code="agent_is_not_in_this_run")
    if agents[agent].host != UNHOSTED:
        message = f"agent {agent!r} is run by the scenario; an agent of your own has policy external"
        raise NotAllowed(message, code="agent_belongs_to_a_host")
