"""Taking agents' accounts away when they flood: what services tell of, and what only the server sees.

A service counts what reaches it. An agent's readings (`state.…`) go to JetStream alone, so the server's own count
of what each account sent is looked at every second too. Only where the trust root is.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from nats.aio.msg import Msg
from pydantic import ValidationError

from econsim import subjects
from econsim.adapters.agent_creds import AgentCreds, minted
from econsim.adapters.connection import connect, ready
from econsim.adapters.provisioning import Provisioner, provisioning
from econsim.adapters.trust import Trust
from econsim.app import Server
from econsim.errors import EconsimError, NotFound
from econsim.launch.guests import revoke
from econsim.launch.trail import operator_of, told
from econsim.permissions import OPERATOR
from econsim.schemas.admin import TellTrust
from econsim.schemas.admission import AgentSuspendedEvent

LOOK_S: Final = 1.0
"""Pause between looks at the server's counts."""

SENT_MAX: Final = 10_000
"""Messages an account may send between two looks: a hundred times the default rate, and what services let pass
before they tell, twice over."""

_log = logging.getLogger(__name__)

Tell = Callable[[str], None]
"""Told in a sentence who was thrown out."""

Log = Callable[[TellTrust], Awaitable[bool]]
"""Has the log tell of it."""


@asynccontextmanager
async def watched(server: Server, tell: Tell) -> AsyncIterator[None]:
    """Take away the accounts of agents that flood, for the time of the context; nothing without the trust root."""
    if server.trust is None:
        yield
        return
    creds = server.creds(OPERATOR)
    client = await connect(server.url, creds, "econsim-watch")
    try:
        async with provisioning(server.url, server.trust) as provisioner:
            watch = Watch(server.trust, provisioner, tell, partial(told, client, operator_of(creds)))
            await client.subscribe(subjects.AGENT_SUSPENDED.pattern(), cb=watch.suspended)
            await ready(client)
            looking = asyncio.create_task(watch.look())
            try:
                yield
            finally:
                looking.cancel()
                await asyncio.gather(looking, return_exceptions=True)
    finally:
        await client.close()


class Watch:
    """Who is thrown out, and why."""

    def __init__(self, trust: Trust, provisioner: Provisioner, tell: Tell, log: Log) -> None:
        """Act for the operator on one server or cluster."""
        self._trust = trust
        self._provisioner = provisioner
        self._tell = tell
        self._log = log

    async def suspended(self, message: Msg) -> None:
        """Hear a service's word about an agent."""
        try:
            event = AgentSuspendedEvent.model_validate_json(message.data)
        except ValidationError:
            return
        await self._throw_out(event.correlation_id, event.data.agent, event.data.received)

    async def look(self) -> None:
        """Compare what each account has sent with the look before, until cancelled."""
        before: Counter[str] = Counter()
        while True:
            try:
                before = await self._compare(before)
            except Exception:  # noqa: BLE001 - whatever it is, somebody must go on looking
                _log.exception("a look at what agents send failed")
            await asyncio.sleep(LOOK_S)

    async def _compare(self, before: Counter[str]) -> Counter[str]:
        now = await self._provisioner.received()
        for account in now.keys() & before.keys():
            if now[account] - before[account] > SENT_MAX and (found := self._of(account)):
                await self._throw_out(found.run, found.agent, now[account] - before[account])
        return now

    def _of(self, account: str) -> AgentCreds | None:
        return next((each for each in minted(self._trust) if each.account == account), None)

    async def _throw_out(self, run: str, agent: str, received: int) -> None:
        try:
            await revoke(self._trust, self._provisioner, run, agent)
        except NotFound:
            return  # told twice, or by two services
        except EconsimError as error:
            self._tell(f"agent {agent} of run {run} is to be thrown out, but: {error}")
            return
        why = f"it sent {received:,} messages in a second"
        self._tell(
            f"agent {agent} of run {run} was thrown out: {why}; `econsim agent create` lets it in again"
        )
        await self._log(TellTrust(run=run, who=agent, change="agent_thrown_out", reason=why))
