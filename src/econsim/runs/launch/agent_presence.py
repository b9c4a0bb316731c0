"""Telling the log which external agents are connected, so that lock-step does not wait for who is gone.

The servers' count is the truth; their events only say whom to look at, and when.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping

from econsim.identity.agent_credentials import AgentCreds
from econsim.schemas.admin import RecordConnection

RecordPresence = Callable[[RecordConnection], Awaitable[bool]]
"""Has the log tell of it; false if it cannot now."""

Agents = Callable[[], Mapping[str, AgentCreds]]
"""Returns the agents there are, by account (public key)."""


class AgentPresence:
    """Who is connected, as the log was told."""

    def __init__(self, agents: Agents, log: RecordPresence) -> None:
        """Start with nobody: who has never connected is not told to be gone."""
        self._agents = agents
        self._log = log
        self._known: dict[str, AgentCreds] = {}
        self._connected: set[str] = set()
        self._not_agents: set[str] = set()

    def note_accounts(self, accounts: Iterable[str]) -> None:
        """Take note of accounts that have or had a connection; those of services and people count for nothing."""
        new = {*accounts} - self._known.keys() - self._not_agents
        agents = self._agents() if new else {}
        self._known |= {account: agents[account] for account in agents.keys() & new}
        self._not_agents |= new - agents.keys()

    async def record_changes(self, connected: Collection[str]) -> None:
        """Tell what changed, given the accounts that have connections; what is not taken now is told next time."""
        self._not_agents.intersection_update(connected)
        self.note_accounts(connected)
        for account, who in tuple(self._known.items()):
            now = account in connected
            if now and account in self._connected:
                continue
            if not await self._log(RecordConnection(run=who.run, agent=who.agent, connected=now)):
                return  # nobody takes it: to ask about each agent would take as many timeouts
            if now:
                self._connected.add(account)
            else:
                self._connected.discard(account)
                del self._known[account]
