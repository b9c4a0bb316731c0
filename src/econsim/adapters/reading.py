"""What readers see: a run's events from the start, or as they come, its books, and which runs there are.

All of it through the one question account `READERS` may ask of a stream (ADR 0016): stored messages, in pages. No
consumer is made, so nothing is left on the server and nothing can be delivered elsewhere. Services, which must know
what the log's leader knows, read through `audit_log`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Final

from nats.aio.client import Client

from econsim import subjects
from econsim.adapters import stored
from econsim.adapters.jwt import identity
from econsim.adapters.state_store import BUCKET
from econsim.adapters.stored import Stored
from econsim.errors import SetupError, Unavailable
from econsim.grammar import token
from econsim.permissions import READERS, ROLES
from econsim.ports import Entry
from econsim.subjects import AUDIT

LOOK_S: Final = 0.02
"""Pause between looks for new events: one that finds none takes 0.3 ms, and a tick tens of them."""

AWAY_S: Final = 60.0
"""Longest to wait for a server that went away: one that was killed is back within seconds."""


def reader(creds: Path) -> Path:
    """Return a creds file if it is a reader's, or of no role at all; raises SetupError for another role's."""
    role = identity(creds.read_text()).role if creds.is_file() else ""
    if role and ROLES[role].account != READERS:
        message = (
            f"{creds} is of {role}, who reads nothing; "
            "give --creds a directory that holds observer.creds too, as `econsim trust grant` writes it"
        )
        raise SetupError(message)
    return creds


async def events(
    client: Client, run: str, start: int = 1, subject: str | None = None
) -> AsyncGenerator[Stored, None]:
    """Yield a run's events from a place in the log on, up to the newest; `subject` narrows to one pattern.

    On a cluster possibly without those of the last moment. Raises Unavailable if the server does not answer.
    """
    async with aclosing(stored.each(client, AUDIT, start, subject or _of(run))) as found:
        async for event in found:
            yield event


async def follow(client: Client, run: str, start: int = 1) -> AsyncGenerator[Stored, None]:
    """Yield a run's events from a place in the log on, for ever, without gap or repeat over restarts.

    Raises Unavailable once the server has been away for a minute, or the connection was closed.
    """
    away: float | None = None
    while True:
        try:
            page = await stored.page(client, AUDIT, start, _of(run))
            away = None
        except Unavailable:
            away = away or time.monotonic()
            if client.is_closed or time.monotonic() - away > AWAY_S:
                raise
            page = []
        for event in page:
            yield event
        if page:
            start = page[-1].sequence + 1
        else:
            await asyncio.sleep(LOOK_S)


async def newest(client: Client, subject: str) -> Stored | None:
    """Return the newest event of a subject or pattern of the log; none if there is none."""
    return await stored.latest(client, AUDIT, subject)


async def opened(client: Client) -> list[Stored]:
    """Return the opening of every run in the log, oldest first."""
    return [event async for event in stored.each(client, AUDIT, pattern=subjects.RUN_OPENED.pattern())]


async def history(client: Client, run: str) -> AsyncGenerator[Entry, None]:
    """Yield every write ever made to a run's keys of the ledger's bucket, oldest first."""
    prefix = f"$KV.{BUCKET}."
    pattern = f"{prefix}{token(run, 'run')}.>"
    async with aclosing(stored.each(client, f"KV_{BUCKET}", pattern=pattern)) as found:
        async for each in found:
            yield Entry(each.subject.removeprefix(prefix), each.payload, each.sequence)


def _of(run: str) -> str:
    return f"*.*.*.{token(run, 'run')}"
