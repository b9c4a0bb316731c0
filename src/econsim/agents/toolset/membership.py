"""An agent's membership in its run: joined at the first use, and again when its connection has ended for good.

So the server of an assistant starts at once, and what is wrong reaches the assistant as the error of a tool.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from econsim.adapters.poll import Poll
from econsim.adapters.server import state_directory
from econsim.agents.session import AgentSession, join
from econsim.agents.toolset.turns import Turns
from econsim.config import Settings
from econsim.errors import SetupError, Unavailable

JOIN_S: Final = 2.0
"""Seconds to wait for the credentials and for the run to open: an assistant waits at each call."""

RECONNECT_S: Final = 3.0
"""Seconds to wait for a connection that was lost: a restarted server is back within one."""

POLL_INTERVAL_S: Final = 0.05
"""Pause in seconds between two looks at a lost connection."""


@dataclass(frozen=True, slots=True)
class JoinedSession:
    """A session, and the ticks it has answered."""

    session: AgentSession
    """Session of the agent."""
    turns: Turns
    """Ticks of the session."""


class Membership:
    """Membership of one agent in one run."""

    def __init__(self, run: str, agent: str, config: Settings) -> None:
        """Join with these settings, when a session is needed."""
        self.run = run
        self.agent = agent
        self._config = config
        self._joined: JoinedSession | None = None
        self._open = AsyncExitStack()
        self._joining = asyncio.Lock()

    async def session(self) -> AgentSession:
        """Return the agent's session; raises what `join` raises, and Unavailable while the server is away."""
        return (await self.joined_session()).session

    async def joined_session(self) -> JoinedSession:
        """Return the session and its ticks, as `session` does."""
        async with self._joining:
            if self._joined is None or self._joined.session.is_closed:
                await self.leave()
                self._joined = await self._join()
        await _wait_until_connected(self._joined.session)
        return self._joined

    async def leave(self) -> None:
        """End the session, if there is one; a later use joins again."""
        self._joined = None
        await self._open.aclose()

    async def _join(self) -> JoinedSession:
        config = self._config
        _require_server(config)
        async with AsyncExitStack() as stack:
            joining = join(
                self.run, self.agent, state=config.state, nats=config.nats, creds=config.creds, wait_s=JOIN_S
            )
            session = await stack.enter_async_context(joining)
            turns = Turns(session)
            stack.push_async_callback(turns.stop)
            self._open = stack.pop_all()
        return JoinedSession(session, turns)


def _require_server(config: Settings) -> None:
    """Raise SetupError if no server is named and none runs here: an assistant starts this server in a directory of its own."""
    if config.nats or state_directory.running_url(config.state):
        return
    message = (
        f"no NATS server runs on the state directory {config.state.absolute()}; start one with `econsim up`, name the "
        "directory of the run with --state, or a server elsewhere with --nats and --creds"
    )
    raise SetupError(message)


async def _wait_until_connected(session: AgentSession) -> None:
    async for _ in Poll(POLL_INTERVAL_S, RECONNECT_S):
        if session.is_connected:
            return
    message = f"the connection to the server is lost, and was not back within {RECONNECT_S:g} s; call again"
    raise Unavailable(message)
