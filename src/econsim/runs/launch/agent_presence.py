"""Presence of external agents: the log records who is connected, so that lock-step does not wait for absent agents.

The servers' counts of connections decide; the servers' events only say when to read the counts.

Life cycle: an account enters `_known` when it has or had a connection, and leaves when its disconnection is recorded. It is
in `_connected` from its recorded connection to its recorded disconnection. `_not_agents` has accounts of services and
people while they are connected. All three are bounded by the accounts that connect.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping

from econsim.identity.agent_credentials import AgentCreds
from econsim.schemas.admin import RecordConnection

RecordPresence = Callable[[RecordConnection], Awaitable[bool]]
"""Records a change in the log; returns false if no service takes it now."""

Agents = Callable[[], Mapping[str, AgentCreds]]
"""Returns the agents with credentials, by account (public key)."""


class AgentPresence:
    """External agents that are connected, as the log has them."""

    def __init__(self, agents: Agents, log: RecordPresence) -> None:
        """Start empty: the disconnection of an agent that never connected is not recorded."""
        self._agents = agents
        self._log = log
        self._known: dict[str, AgentCreds] = {}
        self._connected: set[str] = set()
        self._not_agents: set[str] = set()

    def note_accounts(self, accounts: Iterable[str]) -> None:
        """Note accounts that have or had a connection; accounts of services and people are ignored."""
        new = {*accounts} - self._known.keys() - self._not_agents
        agents = self._agents() if new else {}
        self._known |= {account: agents[account] for account in agents.keys() & new}
        self._not_agents |= new - agents.keys()

    async def record_changes(self, connected: Collection[str]) -> None:
        """Record changes in the log, given the connected accounts; a change that is not taken is recorded next time."""
        self._not_agents.intersection_update(connected)
        self.note_accounts(connected)
        for account, who in tuple(self._known.items()):
            now = account in connected
            if now and account in self._connected:
                continue
            if not await self._log(RecordConnection(run=who.run, agent=who.agent, connected=now)):
                return  # no service takes it: each further request would wait for its timeout too
            if now:
                self._connected.add(account)
            else:
                self._connected.discard(account)
                del self._known[account]
