"""Telling a live server who exists: accounts pushed, accounts deleted, over the system account (architecture B3).

Needs the trust root: the system user's credentials to be heard, the operator's key to be believed. A server
that is told keeps it over restarts; deleting an account ends its connections at once.
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
"""Longest to wait for the server's word before asking again; it takes 3 ms."""

TRIES: Final = 4
"""Times to ask: telling the same twice changes nothing, and a busy machine may be slow."""

CONNECTIONS: Final = ("$SYS.ACCOUNT.*.CONNECT", "$SYS.ACCOUNT.*.DISCONNECT")
"""The servers' own events: a client of an account came, or went."""

GATHER_S: Final = 1.0
"""Silence after which every node has answered that will: one that was too busy is told again later."""

_ASK_NODES: Final = "$SYS.REQ.SERVER.PING.JSZ"
_PUSH: Final = "$SYS.REQ.CLAIMS.UPDATE"
_DELETE: Final = "$SYS.REQ.CLAIMS.DELETE"


class PushResult(NamedTuple):
    """Who carried out what all nodes were told."""

    carried_out: frozenset[str]
    """Names of the nodes that said so."""
    missing: frozenset[str]
    """Names of the others: down, or too busy to answer in time."""


class AccountProvisioner:
    """Speaks for the operator on a live server."""

    def __init__(self, trust: Trust, client: Client) -> None:
        """Use a connection of the system user."""
        self._trust = trust
        self._client = client

    async def push(self, jwts: Iterable[str]) -> None:
        """Make accounts known, or known anew; raises SetupError if the server refuses one."""
        for jwt in jwts:
            await self._tell(_PUSH, jwt)

    async def delete(self, accounts: Sequence[str]) -> PushResult:
        """Forget accounts (public keys); return which nodes did. What a node never knew counts as forgotten.

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
        """Return the names of all nodes of the bus, also of those that are down; none if nobody tells."""
        try:
            answer = json.loads((await self._client.request(_ASK_NODES, timeout=TIMEOUT_S)).data)
        except (TimeoutError, nats.errors.Error):
            return frozenset()
        cluster = answer["data"].get("meta_cluster") or {}
        others = {str(each["name"]) for each in cluster.get("replicas") or ()}
        return frozenset({str(answer["server"]["name"]), *others})

    async def _all(self, subject: str, jwt: str, nodes: frozenset[str]) -> dict[str, Any]:
        """Tell every node; return name → answer of those that answer in time, as soon as all `nodes` have."""
        inbox = await self._client.subscribe(self._client.new_inbox())
        try:
            for _ in range(TRIES):
                await self._client.publish(subject, jwt.encode(), reply=inbox.subject)
                if found := await _answers(inbox, nodes):
                    return found
        finally:
            await inbox.unsubscribe()
        return {}

    async def counts(self) -> dict[str, dict[str, AccountCount]]:
        """Return what each server that answers in time counts of accounts: server id → account (public key) → count."""
        return await request_counts(self._client)

    async def hear_connections(self, heard: Callable[[str], None]) -> None:
        """Have told from now on which account (public key) a client of connects or disconnects, on any server."""

        async def told(message: Msg) -> None:
            heard(message.subject.split(".")[2])

        for subject in CONNECTIONS:
            await self._client.subscribe(subject, cb=told)
        await synchronize(self._client)

    async def _tell(self, subject: str, jwt: str) -> None:
        _check(json.loads(await self._answer(subject, jwt)))

    async def _answer(self, subject: str, jwt: str) -> bytes:
        for _ in range(TRIES):
            with suppress(TimeoutError, nats.errors.Error):
                return (await self._client.request(subject, jwt.encode(), timeout=TIMEOUT_S)).data
        message = "the server did not answer about an account; it may or may not know it now"
        raise Unavailable(message)


async def _answers(inbox: Subscription, nodes: frozenset[str]) -> dict[str, Any]:
    """Return name → answer of the nodes that answer in time; waits no longer when all of them have."""
    found: dict[str, Any] = {}
    with suppress(TimeoutError, nats.errors.Error):
        while not found or nodes - found.keys():
            answer = json.loads((await inbox.next_msg(timeout=GATHER_S if found else TIMEOUT_S)).data)
            found[str(answer["server"]["name"])] = answer
    return found


def _check(answer: Mapping[str, Any]) -> None:
    """Raise SetupError if a server refused what it was told."""
    if refusal := answer.get("error"):
        message = f"the server refused an account: {refusal.get('description', refusal)}"
        raise SetupError(message)


@asynccontextmanager
async def account_provisioner(url: str, trust: Trust) -> AsyncIterator[AccountProvisioner]:
    """Connect as the system user for the time of the context; raises SetupError if the server is not of this trust."""
    client = await connect(url, trust.creds(SYSTEM_USER), "econsim-provisioning")
    try:
        yield AccountProvisioner(trust, client)
    finally:
        await client.close()


async def rotate(
    url: str, old: Trust, hand_out: Callable[[Trust], None], overlap_s: float = OVERLAP_S
) -> Trust:
    """Replace the keys of roles and system user on a live server; return the new trust.

    `hand_out` writes the new credentials wherever else they are kept. For `overlap_s` seconds both hold, in
    which clients that look at their creds files connect anew; then connections made with the old ones are ended.
    """
    new = old.rotate()
    hand_out(new)
    accounts = new.accounts()
    async with account_provisioner(url, new) as provisioner:
        both = new.accounts(beside=old)
        await provisioner.push([both[new.sim.public], both[new.readers.public]])
        await asyncio.sleep(overlap_s)
        await provisioner.push(accounts.values())
    return new
