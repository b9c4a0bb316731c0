"""Counts of each account on the servers of a bus: the messages it sent, and its connections.

The system account asks for them. In a cluster each server counts its own clients, and a busy one answers late: the
last answer of a server holds until the next, or until the server was silent so long that its clients are elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from nats.aio.client import Client

from econsim.adapters.nats.server_answers import ask_servers

SILENT_S: Final = 10.0
"""Seconds without an answer after which a server counts for nothing: its clients have connected to another by then."""

RATE_S: Final = 1.0
"""Seconds to count messages for at least: a burst of a moment is no flood."""

_ASK: Final = "$SYS.REQ.ACCOUNT.PING.STATZ"


@dataclass(frozen=True, slots=True)
class AccountCount:
    """Counts of one account on one server."""

    received: int
    """Messages the account has sent so far."""
    connections: int
    """Connections the account has now."""


@dataclass(frozen=True, slots=True)
class _ServerCounts:
    """Last answer of one server."""

    at_s: float
    of: Mapping[str, AccountCount]


class AccountCounts:
    """Last answers of all servers."""

    def __init__(self) -> None:
        """Start before the first answer."""
        self._last: dict[str, _ServerCounts] = {}
        self._before: dict[str, _ServerCounts] = {}

    def take(self, counts: Mapping[str, Mapping[str, AccountCount]], now_s: float) -> Counter[str]:
        """Take in the counts of servers (by id); return the messages a second from each account.

        The rates of a server are those since its answer RATE_S ago or longer; until then there are none.
        """
        rates: Counter[str] = Counter()
        for server, accounts in counts.items():
            self._last[server] = answer = _ServerCounts(now_s, accounts)
            before = self._before.setdefault(server, answer)
            if (seconds := now_s - before.at_s) >= RATE_S:
                self._before[server] = answer
                for account in accounts.keys() & before.of.keys():
                    sent = accounts[account].received - before.of[account].received
                    rates[account] += int(sent / seconds)
        self._last = {
            server: answer for server, answer in self._last.items() if now_s - answer.at_s < SILENT_S
        }
        self._before = {server: answer for server, answer in self._before.items() if server in self._last}
        return rates

    def connected_accounts(self) -> set[str]:
        """Return the accounts that have a connection to any server."""
        answers = self._last.values()
        return {account for answer in answers for account, count in answer.of.items() if count.connections}


async def request_counts(client: Client) -> dict[str, dict[str, AccountCount]]:
    """Ask every server, as the system user; return server id → account (public key) → count of those that answer in time."""
    return {
        answer["server"]["id"]: {
            each["acc"]: AccountCount(each["received"]["msgs"], each["conns"])
            for each in answer["data"]["account_statz"]
        }
        for answer in await ask_servers(client, _ASK)
    }
