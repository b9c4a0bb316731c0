"""Changes of accounts on a live server: accounts pushed and deleted over the system account.

The trust root is needed: the system user's credentials to connect, the operator's key to sign. A server keeps a
change over restarts; deleting an account ends its connections at once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, NamedTuple

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from econsim.adapters.nats.account_counts import AccountCount, request_counts
from econsim.adapters.nats.connection import connect, synchronize
from econsim.adapters.nats.credential_renewal import OVERLAP_S
from econsim.errors import SetupError, Unavailable
from econsim.identity.nats_jwt import deletion_jwt
from econsim.identity.trust_root import SYSTEM_USER, Trust

TIMEOUT_S: Final = 5.0
"""Seconds to wait for the server's answer before asking again; it takes 3 ms."""

TRIES: Final = 4
"""Number of attempts: a push is idempotent, and a busy machine may be slow."""

CONNECTIONS: Final = ("$SYS.ACCOUNT.*.CONNECT", "$SYS.ACCOUNT.*.DISCONNECT")
"""Events of the servers: a client of an account connected or disconnected."""

GATHER_S: Final = 1.0
"""Seconds of silence after which no further node answers: one that was too busy is asked again later."""

_ASK_NODES: Final = "$SYS.REQ.SERVER.PING.JSZ"
_PUSH: Final = "$SYS.REQ.CLAIMS.UPDATE"
_DELETE: Final = "$SYS.REQ.CLAIMS.DELETE"


class PushResult(NamedTuple):
    """Nodes that carried out a request to all nodes."""

    carried_out: frozenset[str]
    """Names of the nodes that confirmed it."""
    missing: frozenset[str]
    """Names of the other nodes: down, or too busy to answer in time."""


class AccountProvisioner:
    """Changes accounts on a live server in the operator's name."""

    def __init__(self, trust: Trust, client: Client) -> None:
        """Use a connection of the system user."""
        self._trust = trust
        self._client = client

    async def push(self, jwts: Iterable[str]) -> None:
        """Push accounts, new or changed. Raises SetupError if the server refuses one."""
        for jwt in jwts:
            await self._push(_PUSH, jwt)

    async def delete(self, accounts: Sequence[str]) -> PushResult:
        """Delete accounts (public keys); return the nodes that did. An account that a node never knew counts as deleted.

        Raises SetupError if a server refuses, Unavailable if none answers.
        """
        nodes = await self._nodes()
        answers = await self._all(
            _DELETE, deletion_jwt(self._trust.operator, accounts, issued=self._trust.now()), nodes
        )
        for answer in answers.values():
            _check(answer)
        if not answers:
            message = "no server answered about an account; it may or may not know it now"
            raise Unavailable(message)
        return PushResult(frozenset(answers), nodes - answers.keys())

    async def _nodes(self) -> frozenset[str]:
        """Return the names of all nodes of the bus, also of those that are down; none if no server answers."""
        try:
            answer = json.loads((await self._client.request(_ASK_NODES, timeout=TIMEOUT_S)).data)
        except (TimeoutError, nats.errors.Error):
            return frozenset()
        cluster = answer["data"].get("meta_cluster") or {}
        others = {str(each["name"]) for each in cluster.get("replicas") or ()}
        return frozenset({str(answer["server"]["name"]), *others})

    async def _all(self, subject: str, jwt: str, nodes: frozenset[str]) -> dict[str, Any]:
        """Send a request to every node; return name → answer of those that answer in time, as soon as all `nodes` have."""
        inbox = await self._client.subscribe(self._client.new_inbox())
        try:
            for _ in range(TRIES):
                await self._client.publish(subject, jwt.encode(), reply=inbox.subject)
                if found := await _gather_answers(inbox, nodes):
                    return found
        finally:
            await inbox.unsubscribe()
        return {}

    async def counts(self) -> dict[str, dict[str, AccountCount]]:
        """Return the counts of each server that answers in time: server id → account (public key) → count."""
        return await request_counts(self._client)

    async def watch_connections(self, on_change: Callable[[str], None]) -> None:
        """Call back with the account (public key) whenever a client connects or disconnects, on any server."""

        async def receive(message: Msg) -> None:
            on_change(message.subject.split(".")[2])

        for subject in CONNECTIONS:
            await self._client.subscribe(subject, cb=receive)
        await synchronize(self._client)

    async def _push(self, subject: str, jwt: str) -> None:
        _check(json.loads(await self._answer(subject, jwt)))

    async def _answer(self, subject: str, jwt: str) -> bytes:
        for _ in range(TRIES):
            with suppress(TimeoutError, nats.errors.Error):
                return (await self._client.request(subject, jwt.encode(), timeout=TIMEOUT_S)).data
        message = "the server did not answer about an account; it may or may not know it now"
        raise Unavailable(message)


async def _gather_answers(inbox: Subscription, nodes: frozenset[str]) -> dict[str, Any]:
    """Return name → answer of the nodes that answer in time; waits no longer when all of them have."""
    found: dict[str, Any] = {}
    with suppress(TimeoutError, nats.errors.Error):
        while not found or nodes - found.keys():
            answer = json.loads((await inbox.next_msg(timeout=GATHER_S if found else TIMEOUT_S)).data)
            found[str(answer["server"]["name"])] = answer
    return found


def _check(answer: Mapping[str, Any]) -> None:
    """Raise SetupError if a server refused a change."""
    if refusal := answer.get("error"):
        message = f"the server refused an account: {refusal.get('description', refusal)}"
        raise SetupError(message)


@asynccontextmanager
async def account_provisioner(url: str, trust: Trust) -> AsyncIterator[AccountProvisioner]:
    """Connect as the system user for the time of the context. Raises SetupError if the server is not of this trust."""
    client = await connect(url, trust.creds(SYSTEM_USER), "econsim-provisioning")
    try:
        yield AccountProvisioner(trust, client)
    finally:
        await client.close()


async def rotate(
    url: str, old: Trust, distribute: Callable[[Trust], None], overlap_s: float = OVERLAP_S
) -> Trust:
    """Replace the keys of roles and system user on a live server; return the new trust.

    `distribute` writes the new credentials wherever else they are kept. For `overlap_s` seconds both hold, in which
    clients that poll their creds files reconnect; then the server ends connections made with the old ones.
    """
    new = old.rotate()
    distribute(new)
    accounts = new.accounts()
    async with account_provisioner(url, new) as provisioner:
        both = new.accounts(beside=old)
        await provisioner.push([both[new.sim.public], both[new.readers.public]])
        await asyncio.sleep(overlap_s)
        await provisioner.push(accounts.values())
    return new
