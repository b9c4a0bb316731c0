"""Telling the log which external agents are connected, so that lock-step does not wait for who is gone.

The servers' count is the truth; their events only say whom to look at, and when.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping

from econsim.identity.agent_credentials import AgentCreds
from econsim.schemas.admin import RecordConnection

Log = Callable[[RecordConnection], Awaitable[bool]]
"""Has the log tell of it; false if it cannot now."""

Agents = Callable[[], Mapping[str, AgentCreds]]
"""Returns the agents there are, by account (public key)."""


class Presence:
    """Who is connected, as the log was told."""

    def __init__(self, agents: Agents, log: Log) -> None:
        """Start with nobody: who has never connected is not told to be gone."""
        self._agents = agents
        self._log = log
        self._met: dict[str, AgentCreds] = {}
        self._here: set[str] = set()
        self._others: set[str] = set()

    def meet(self, accounts: Iterable[str]) -> None:
        """Take note of accounts that have or had a connection; those of services and people count for nothing."""
        new = {*accounts} - self._met.keys() - self._others
        agents = self._agents() if new else {}
        self._met |= {account: agents[account] for account in agents.keys() & new}
        self._others |= new - agents.keys()

    async def look(self, connected: Collection[str]) -> None:
        """Tell what changed, given the accounts that have connections; what is not taken now is told next time."""
        self._others.intersection_update(connected)
        self.meet(connected)
        for account, who in tuple(self._met.items()):
            now = account in connected
            if now and account in self._here:
                continue
            if not await self._log(RecordConnection(run=who.run, agent=who.agent, connected=now)):
                return  # nobody takes it: to ask about each agent would take as many timeouts
            if now:
                self._here.add(account)
            else:
                self._here.discard(account)
                del self._met[account]
