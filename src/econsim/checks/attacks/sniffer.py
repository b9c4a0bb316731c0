"""The witness: hears everything in an account, and keeps what speaks of an attacker.

A client of the one who owns the server: no role of econsim hears all of `SIM`. What an attacker's account brings
about there mentions its name, in the subject or in what is said, because every attacker has a name of its own.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from econsim.checks.raw_client import TIMEOUT_S, RawClient, RawMessage, UserCredentials, dial
from econsim.errors import SetupError
from econsim.schemas.subject import matches

ATTACKER_PREFIX: Final = "mallory"
"""What every attacker's name begins with."""

ACK_PREFIX: Final = "$JS.ACK."
"""What the reply of a consumer's delivery begins with."""

KEPT_MAX: Final = 5_000
"""Messages kept of one attacker: more of a flood tell nothing new."""

POLL_INTERVAL_S: Final = 0.02
"""Pause between looks at what was heard."""


class Sniffer:
    """What was heard in one account, by attacker."""

    def __init__(self) -> None:
        """Start having heard nothing."""
        self._of: defaultdict[str, list[RawMessage]] = defaultdict(list)
        self.counts: defaultdict[str, int] = defaultdict(int)
        """Attacker → messages that mentioned it, kept or not."""

    def hear(self, said: RawMessage) -> bool:
        """Take note of a message that mentions an attacker; keep nothing else."""
        text = b"".join((said.subject.encode(), b" ", said.headers, said.payload))
        # What a consumer delivers was heard when it was published.
        if ATTACKER_PREFIX.encode() not in text or said.reply.startswith(ACK_PREFIX):
            return False
        for name in {
            text[at : at + len(ATTACKER_PREFIX) + 4].decode(errors="replace") for at in _name_positions(text)
        }:
            self.counts[name] += 1
            if len(self._of[name]) < KEPT_MAX:
                self._of[name].append(said)
        return False

    def forget(self, name: str) -> None:
        """Forget what was heard of an attacker so far."""
        self._of.pop(name, None)
        self.counts.pop(name, None)

    def of(self, name: str, *patterns: str) -> list[RawMessage]:
        """Return what mentions an attacker, on subjects within any of the patterns; all of it without any."""
        wanted = [pattern.split(".") for pattern in patterns]
        return [
            said
            for said in self._of[name]
            if not wanted or any(matches(tokens, said.subject.split(".")) for tokens in wanted)
        ]

    async def until(self, reached: Callable[[], bool], timeout_s: float = TIMEOUT_S) -> bool:
        """Wait until something holds of what was heard; false if not in time."""
        end = asyncio.get_running_loop().time() + timeout_s
        while not reached():
            if asyncio.get_running_loop().time() > end:
                return False
            await asyncio.sleep(POLL_INTERVAL_S)
        return True


@asynccontextmanager
async def sniffing(
    url: str, identity: UserCredentials, pattern: str
) -> AsyncIterator[tuple[Sniffer, RawClient]]:
    """Hear an account for the time of the context."""
    witness = Sniffer()
    async with dial(url) as client:
        client.keep = witness.hear
        if not await client.connect(identity):
            message = f"the witness is not let in: {client.errors}"
            raise SetupError(message)
        await client.subscribe(pattern)
        await client.round()
        yield witness, client


def _name_positions(text: bytes) -> list[int]:
    found: list[int] = []
    at = text.find(ATTACKER_PREFIX.encode())
    while at >= 0 and len(found) < 50:
        found.append(at)
        at = text.find(ATTACKER_PREFIX.encode(), at + 1)
    return found
