"""Watch over external agents: an agent that floods loses its account, and the log records who is connected.

A service counts the messages it receives and reports a flood (rate limit). An agent's readings (`state.…`) go to JetStream
alone, so the watch also reads the server's counts of messages and connections of each account, every second. Needs the
trust root.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from nats.aio.msg import Msg
from pydantic import ValidationError

from econsim import subjects
from econsim.adapters.cancellation import cancel_until_done
from econsim.adapters.nats.account_counts import AccountCounts
from econsim.adapters.nats.account_push import AccountProvisioner, account_provisioner
from econsim.adapters.nats.connection import connect, synchronize
from econsim.adapters.nats.revocations import outstanding, push_outstanding
from econsim.adapters.poll import Poll
from econsim.app import Server
from econsim.errors import EconsimError, NotFound
from econsim.identity.agent_credentials import AgentCreds, each_account
from econsim.identity.roles import OPERATOR
from econsim.identity.trust_root import Trust
from econsim.runs.launch.agent_accounts import revoke
from econsim.runs.launch.agent_presence import AgentPresence
from econsim.runs.launch.key_audit import audit_connection, audit_key_use, operator_name
from econsim.schemas.admin import TellTrust
from econsim.schemas.admission import AgentSuspendedEvent

POLL_INTERVAL_S: Final = 1.0
"""Pause in seconds between two readings of the server's counts."""

REVOCATION_RETRY_S: Final = 5.0
"""Pause in seconds between two attempts to send pending revocations to every node: a node that is down returns later."""

CANCEL_AGAIN_S: Final = 1.0
"""Pause in seconds before the watch is cancelled again."""

SENT_MAX: Final = 10_000
"""Messages an account may send in a second between two readings: a hundred times the default rate limit, and twice what a
service takes before it reports a flood."""

_log = logging.getLogger(__name__)

Notify = Callable[[str], None]
"""Shows a sentence about a revoked agent to people."""

AuditKeyUse = Callable[[TellTrust], Awaitable[bool]]
"""Records a use of the keys in the log; returns false if no service takes it now."""


@asynccontextmanager
async def watch_agents(server: Server, notify: Notify) -> AsyncIterator[None]:
    """Watch over the server's agents for the time of the context; do nothing without the trust root."""
    if server.trust is None:
        yield
        return
    creds = server.creds(OPERATOR)
    client = await connect(server.url, creds, "econsim-watch")
    try:
        async with account_provisioner(server.url, server.trust) as provisioner:
            operator = operator_name(creds)
            watch = FloodWatch(server.trust, provisioner, notify, partial(audit_key_use, client, operator))
            presence = AgentPresence(watch.agents, partial(audit_connection, client, operator))
            await client.subscribe(subjects.AGENT_SUSPENDED.pattern(), cb=watch.handle_suspension)
            await synchronize(client)
            await provisioner.watch_connections(watch.note_connection)
            looking = asyncio.create_task(watch.watch(presence))
            try:
                yield
            finally:
                await cancel_until_done([looking], CANCEL_AGAIN_S)
    finally:
        await client.close()


class FloodWatch:
    """Watch over the agents of one server or cluster, which revokes the accounts of agents that flood."""

    def __init__(
        self, trust: Trust, provisioner: AccountProvisioner, notify: Notify, log: AuditKeyUse
    ) -> None:
        """Act as the operator of the trust root."""
        self._trust = trust
        self._provisioner = provisioner
        self._notify = notify
        self._log = log
        self._changed_accounts: set[str] = set()
        self._changed = asyncio.Event()
        self._settled_s = -REVOCATION_RETRY_S

    async def handle_suspension(self, message: Msg) -> None:
        """Handle a service's report that an agent floods."""
        try:
            event = AgentSuspendedEvent.model_validate_json(message.data)
        except ValidationError:
            return
        await self._throw_out(event.correlation_id, event.data.agent, event.data.received)

    def note_connection(self, account: str) -> None:
        """Note that a connection of an account began or ended, so that the counts are read at once."""
        self._changed_accounts.add(account)
        self._changed.set()

    async def watch(self, presence: AgentPresence) -> None:
        """Read the servers' counts until cancelled: every second, and whenever a connection begins or ends."""
        counts = AccountCounts()
        async for _ in Poll(POLL_INTERVAL_S, wake=self._changed):
            changed, self._changed_accounts = self._changed_accounts, set()
            try:
                presence.note_accounts(changed)
                await self._compare(counts)
                await presence.record_changes(counts.connected_accounts())
                await self._settle()
            except Exception:  # noqa: BLE001 - after any error the watch must go on
                _log.exception("reading the counts of the agents failed")

    async def _compare(self, counts: AccountCounts) -> None:
        """Revoke the accounts that sent too much since the last reading."""
        rates = counts.take(await self._provisioner.counts(), time.monotonic())
        flooding = {account: sent for account, sent in rates.items() if sent > SENT_MAX}
        agents = self.agents() if flooding else {}
        for account in flooding.keys() & agents.keys():
            await self._throw_out(agents[account].run, agents[account].agent, flooding[account])

    async def _settle(self) -> None:
        """Send pending revocations to the nodes again, every REVOCATION_RETRY_S seconds."""
        before = outstanding(self._trust)
        if not before or time.monotonic() < self._settled_s + REVOCATION_RETRY_S:
            return
        self._settled_s = time.monotonic()
        left = {each.account for each in await push_outstanding(self._trust, self._provisioner)}
        for each in before:
            if each.account not in left and each.refused_by:
                self._notify(f"every node refuses agent {each.agent} of run {each.run} by now")

    def agents(self) -> dict[str, AgentCreds]:
        """Return the agents that have credentials, by account (public key)."""
        return {each.account: each for each in each_account(self._trust)}

    async def _throw_out(self, run: str, agent: str, received: int) -> None:
        try:
            await revoke(self._trust, self._provisioner, run, agent)
        except NotFound:
            return  # reported twice, or by two services
        except EconsimError as error:
            self._notify(f"agent {agent} of run {run} is to be thrown out, but: {error}")
            return
        why = f"it sent {received:,} messages in a second"
        self._notify(
            f"agent {agent} of run {run} was thrown out: {why}; `econsim agent create` lets it in again"
        )
        await self._log(TellTrust(run=run, who=agent, change="agent_thrown_out", reason=why))
