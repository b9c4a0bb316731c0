"""An agent's session in a run: `join` connects, `ticks` waits for the clock, `economy` acts.

For external agents, each in a process of its own with its own credentials. The session reports a tick as completed when
the body of the loop is done with it; the barrier of lock-step waits for this report.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import ValidationError

from econsim import subjects
from econsim.adapters.clock import random_id
from econsim.adapters.nats.connection import connect, synchronize
from econsim.adapters.nats.rpc import NO_SERVICE
from econsim.adapters.poll import Poll
from econsim.adapters.server import state_directory
from econsim.agents.channel import AgentChannel, read_stored_value
from econsim.agents.cognition import CognitionService
from econsim.agents.economy import EconomicService
from econsim.agents.social import SocialService
from econsim.agents.tools import ToolService
from econsim.agents.views import MarketRole, MarketTax, PrivateValues, net_of
from econsim.agents.workspace import WorkspaceService
from econsim.config import Settings, settings
from econsim.errors import NotAllowed, NotFound, SetupError, Unavailable
from econsim.identity.agent_account import ANSWERED, CLOSED, NEWEST_TICK, OWN_BALANCE, short_name
from econsim.identity.nats_jwt import read_claims
from econsim.schemas.admission import AgentReport
from econsim.schemas.agent import CycleCompletedEvent
from econsim.schemas.clock import TickedEvent

WAIT_S: Final = 30.0
"""Seconds `join` waits by default for its credentials and for its run to open."""

SERVER_WAIT_S: Final = 10.0
"""Seconds `join` waits for the address of a server, with a warning: `econsim run`, started at the same moment, has one
after two seconds, on a busy machine after eight."""

NO_SERVER: Final = "no NATS server is running here; start one with `econsim up`, or name one with nats="
"""Message when there is no address to connect to."""

POLL_INTERVAL_S: Final = 0.2
"""Pause in seconds between two attempts to find the server, the credentials or the run."""

SILENCE_S: Final = 1.0
"""Seconds without a tick after which the session reads the newest tick: a broadcast may be lost with a connection."""


VALUES_WAIT_S: Final = 30.0
"""Seconds in which a session learns its values of a period: a ledger that starts again takes some."""

VALUES_INTERVAL_S: Final = 0.05
"""Pause in seconds between two looks for the values of a period."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tick:
    """An open tick: act, then let the loop continue."""

    number: int
    """Ticks since the run opened, from 1."""
    period: int
    """Trading day, from 1; endowments are dealt anew in each."""
    tick_of_period: int
    """Ticks since the period opened, from 1."""
    event_id: str
    """Id of the event that opened the tick."""


class AgentSession:
    """One agent in one run; made by `join`."""

    def __init__(self, client: Client, run: str, agent: str) -> None:
        """Use a connection made with the agent's credentials; the caller closes it."""
        self.run = run
        self.agent = agent
        self.economy = EconomicService(channel := AgentChannel(client, run, agent))
        """Orders, balances, prices."""
        self.cognition = CognitionService(channel)
        """Completions by language models."""
        self.workspace = WorkspaceService(channel)
        """Files of the agent."""
        self.tools = ToolService(channel)
        """Tools of outside servers."""
        self.social = SocialService(channel)
        """Questions to people, messages to other agents, and delegated tasks."""
        self.values: Mapping[str, MarketRole] = {}
        """Role of the agent on each market, by resource, as it is in the period of the newest tick; empty if the agent gains by trade
        alone. `join` fetches it, and `ticks` again with each new period."""
        self.taxes: Mapping[str, MarketTax] = {}
        """Tax on each market, by resource, in the same period: whoever trades a unit pays it, with a role or without."""
        self.values_period = 0
        """Period of the values; the run's last where they are the same in every period."""
        self.dealt = Decimal(0)
        """Credits the agent was dealt when the run opened; `earnings` is its `net` less these credits."""
        self.has_waiting_room = False
        """True if the run waits until its agents are ready; `ticks` says that this one is."""
        self._channel = channel

    @property
    def connection(self) -> Client:
        """Return the connection in the agent's own account, for other protocols that its programs speak there."""
        return self._channel.client

    @property
    def is_closed(self) -> bool:
        """Tell whether the connection has ended for good: it was closed, or the server refused it."""
        return self._channel.client.is_closed

    @property
    def is_connected(self) -> bool:
        """Tell whether the connection stands at this moment; a lost one comes back by itself."""
        return self._channel.client.is_connected

    async def ticks(self) -> AsyncIterator[Tick]:
        """Yield ticks, from the newest one that is not completed yet, until the run closes.

        A tick is reported as completed when the body is done with it. After the loop is left no tick is reported, and
        lock-step waits until its deadline at each tick. Ticks that passed while the body worked are skipped. Raises Unavailable if
        the agent's values of a new period cannot be fetched: it must not trade by old ones.
        """
        clock = _Ticks(self._channel.client, self.agent)
        stored = await read_stored_value(self._channel.client, ANSWERED)
        answered = CycleCompletedEvent.model_validate_json(stored).data.tick if stored else 0
        if not stored and self.has_waiting_room:
            await self.report(subjects.COMPLETED, {"tick": 0})
        async with clock.listening():
            while tick := await clock.after(answered):
                self.cognition.begin_cycle(tick.number)
                await self._learn_values(tick.period)
                yield tick
                await self._answer(tick)
                answered = tick.number

    async def earnings(self) -> Decimal:
        """Return the agent's earnings so far, in credits, from the stored balance: also after the run has closed.

        Values and costs are settled when a period ends. Raises Unavailable if the server does not answer.
        """
        stored = await read_stored_value(self._channel.client, OWN_BALANCE)
        return net_of(stored) - self.dealt if stored else Decimal(0)

    async def report(self, event: str, data: Mapping[str, object], causation_id: str | None = None) -> None:
        """Report an event of the agent, named in the past tense: the log has it as `agent.<name>.<event>`.

        Raises InvalidSubject for a word that is no subject token, QuotaExceeded when the agent's share of the log is
        used up.
        """
        # The id makes a retry idempotent: the log has the report once.
        report = AgentReport(event_id=random_id(), causation_id=causation_id, data=dict(data))
        await self._channel.send(subjects.REPORT, report, event=event)

    async def _learn_values(self, period: int) -> None:
        """Fetch the agent's values of a period that has just opened; raises Unavailable if nobody tells them.

        The log may tell of the period a moment later, and the ledger may be starting again.
        """
        if period <= self.values_period:
            return
        async for _ in Poll(VALUES_INTERVAL_S, VALUES_WAIT_S):
            with suppress(Unavailable, NotFound):
                _learn(self, await self.economy.get_values())
            if self.values_period >= period:
                return
        message = (
            f"nobody told agent {self.agent!r} its values of period {period} within {VALUES_WAIT_S:.0f} s"
        )
        raise Unavailable(message)

    async def _answer(self, tick: Tick) -> None:
        await self.report(subjects.COMPLETED, {"tick": tick.number}, tick.event_id)


class _Ticks:
    """Newest tick of a run, and whether the run has closed."""

    def __init__(self, client: Client, agent: str) -> None:
        self._client = client
        self._agent = agent
        self._newest: Tick | None = None
        self._closed = False
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Subscribe to the clock for the time of the context."""
        callbacks = {
            short_name(subjects.TICKED, self._agent): self._receive_tick,
            short_name(subjects.RUN_CLOSED, self._agent): self._receive_end,
        }
        subscriptions = [
            await self._client.subscribe(subject, cb=callback) for subject, callback in callbacks.items()
        ]
        await synchronize(self._client)
        try:
            yield
        finally:
            if not self._client.is_closed:
                for subscription in subscriptions:
                    await subscription.unsubscribe()

    async def after(self, number: int) -> Tick | None:
        """Wait for a tick later than `number` and return the newest; none when the run has closed."""
        async for _ in Poll(SILENCE_S, wake=self._changed):
            if self._closed:
                break
            if self._newest is not None and self._newest.number > number:
                return self._newest
            await self._read_stored()
        return None

    async def _read_stored(self) -> None:
        """Read the newest tick and the closing, in case a broadcast was lost."""
        with suppress(Unavailable):
            if stored := await read_stored_value(self._client, NEWEST_TICK):
                self._take(stored)
            if await read_stored_value(self._client, CLOSED):
                self._end()

    async def _receive_tick(self, message: Msg) -> None:
        self._take(message.data)

    async def _receive_end(self, _: Msg) -> None:
        self._end()

    def _take(self, payload: bytes) -> None:
        with suppress(ValidationError):
            event = TickedEvent.model_validate_json(payload)
            tick = Tick(event.tick, event.data.period, event.data.tick_of_period, event.event_id)
            if self._newest is None or tick.number > self._newest.number:
                self._newest = tick
                self._changed.set()

    def _end(self) -> None:
        self._closed = True
        self._changed.set()


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
    """Join a run as one of its agents for the time of the context.

    Finds the server as every econsim command does: `nats` and `creds`, else those of the `state` directory, else
    the settings. Waits `wait_s` seconds for the agent's credentials and for the run to open, and SERVER_WAIT_S at most
    for a server that is being started. Raises SetupError without server or credentials, NotFound if the run does not
    open or has closed, or the agent is not in it, NotAllowed if a host runs the agent or the credentials are another's.
    """
    config, end = settings(state=state, nats=nats, creds=creds), time.monotonic() + wait_s
    url, path = await _server_and_creds(config, run, agent, end)
    require_own_creds(path, agent)
    client = await connect(url, path, f"econsim-{agent}")
    session = AgentSession(client, run, agent)
    try:
        await session.economy.start()
        await _fetch_values(client, session, end)
        yield session
    finally:
        if not client.is_closed:
            await client.close()


async def _server_and_creds(config: Settings, run: str, agent: str, end: float) -> tuple[str, Path]:
    """Return the server's URL and the agent's creds file; wait for a run that is just being opened."""
    path = config.creds or config.state / "trust" / "agents" / run / f"{agent}.creds"
    server_end, warned, url = min(end, time.monotonic() + SERVER_WAIT_S), False, None
    async for _ in Poll(POLL_INTERVAL_S):
        url = config.nats or state_directory.running_url(config.state)
        if not url and not warned:
            _log.warning("%s; waiting %g s for one that is being started", NO_SERVER, SERVER_WAIT_S)
            warned = True
        if url and path.is_file():
            return url, path
        if time.monotonic() > (end if url else server_end):
            break
    if not url:
        message = NO_SERVER
    else:
        message = (
            f"there are no credentials {path}; `econsim run SCENARIO --name {run} --external {agent}` makes them, "
            f"and so does `econsim agent create {agent} --run {run}`"
        )
    raise SetupError(message)


def require_own_creds(path: Path, agent: str) -> None:
    """Raise NotAllowed for credentials of another agent: every message would be that agent's."""
    if (owner := read_claims(path).name) != agent:
        message = f"the credentials {path} are of agent {owner!r}, not {agent!r}; name that agent, or its own file with creds="
        raise NotAllowed(message)


async def _require_open_run(client: Client, session: AgentSession) -> None:
    """Raise NotFound if the run has closed: it opens no more."""
    if await read_stored_value(client, CLOSED):
        message = f"run {session.run!r} has ended; open another one with agent {session.agent!r} in it"
        raise NotFound(message, code="run_is_closed")


def _learn(session: AgentSession, private: PrivateValues) -> None:
    """Let a session have its agent's values of a period."""
    session.values, session.dealt, session.values_period = private.roles, private.credits, private.period
    session.taxes = private.taxes


async def _fetch_values(client: Client, session: AgentSession, end: float) -> None:
    """Wait until the run is open, and fetch the agent's private values."""
    async for _ in Poll(POLL_INTERVAL_S, end - time.monotonic()):
        try:
            private = await session.economy.get_values()
        except NotFound as error:
            if error.error_code != NO_SERVICE:
                raise
            await _require_open_run(client, session)
        else:
            _learn(session, private)
            session.has_waiting_room = private.has_waiting_room
            return
    message = f"run {session.run!r} did not open in time; `econsim runs` lists those there are"
    raise NotFound(message, code="run_is_not_open")
