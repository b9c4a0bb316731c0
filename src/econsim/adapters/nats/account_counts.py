"""What the servers of a bus count of each account: the messages that came from it, and its connections.

Asked over the system account. In a cluster each server counts its own clients, and one that is busy answers late:
what a server said last holds until it speaks again, or has been silent for so long that its clients are elsewhere.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import nats.errors
from nats.aio.client import Client

GATHER_S: Final = 0.25
"""Silence after which every server of a cluster has answered."""

SILENT_S: Final = 10.0
"""Seconds without an answer after which a server counts for nothing: its clients have connected to another by then."""

RATE_S: Final = 1.0
"""Seconds to count messages for at least: a burst of a moment is no flood."""

_ASK: Final = "$SYS.REQ.ACCOUNT.PING.STATZ"


@dataclass(frozen=True, slots=True)
class AccountCount:
    """What one server counts of one account."""

    received: int
    """Messages that came from it so far."""
    connections: int
    """Connections it has now."""


@dataclass(frozen=True, slots=True)
class _ServerCounts:
    """What one server said."""

    at_s: float
    of: Mapping[str, AccountCount]


class AccountCounts:
    """What all servers said last."""

    def __init__(self) -> None:
        """Start before anybody was asked."""
        self._words: dict[str, _ServerCounts] = {}
        self._before: dict[str, _ServerCounts] = {}

    def take(self, said: Mapping[str, Mapping[str, AccountCount]], now_s: float) -> Counter[str]:
        """Take in what servers (by id) said of accounts; return messages a second from each account.

        A server's rates are those since its word of RATE_S ago or longer; until then there are none.
        """
        rates: Counter[str] = Counter()
        for server, accounts in said.items():
            self._words[server] = word = _ServerCounts(now_s, accounts)
            before = self._before.setdefault(server, word)
            if (seconds := now_s - before.at_s) >= RATE_S:
                self._before[server] = word
                for account in accounts.keys() & before.of.keys():
                    sent = accounts[account].received - before.of[account].received
                    rates[account] += int(sent / seconds)
        self._words = {server: word for server, word in self._words.items() if now_s - word.at_s < SILENT_S}
        self._before = {server: word for server, word in self._before.items() if server in self._words}
        return rates

    def connected_accounts(self) -> set[str]:
        """Return the accounts that have a connection to any server."""
        words = self._words.values()
        return {account for word in words for account, count in word.of.items() if count.connections}


async def request_counts(client: Client) -> dict[str, dict[str, AccountCount]]:
    """Ask every server, as the system user; return server id → account (public key) → count, of those in time."""
    found: dict[str, dict[str, AccountCount]] = {}
    inbox = await client.subscribe(client.new_inbox())
    try:
        await client.publish(_ASK, b"{}", reply=inbox.subject)
        while True:
            answer = json.loads((await inbox.next_msg(timeout=GATHER_S)).data)
            found[answer["server"]["id"]] = {
                each["acc"]: AccountCount(each["received"]["msgs"], each["conns"])
                for each in answer["data"]["account_statz"]
            }
    except (TimeoutError, nats.errors.Error):
        return found
    finally:
        await inbox.unsubscribe()
