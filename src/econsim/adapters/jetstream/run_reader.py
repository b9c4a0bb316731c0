"""Reading for people: events of a run from the start or as they come, its journal, and the list of runs.

All reads use the one request that account `READERS` may send to a stream (decision 0016): stored messages, in pages.
No consumer is made, so nothing is left on the server and nothing can be delivered elsewhere. Services, which need the
state of the log's leader, read through `audit_log`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing, suppress
from operator import attrgetter
from pathlib import Path
from typing import Final

from nats.aio.client import Client

from econsim import subjects
from econsim.adapters.jetstream import direct_get
from econsim.adapters.jetstream.direct_get import Page, StoredMessage
from econsim.adapters.jetstream.gaps import Gap, PageCounter, between, next_page, within
from econsim.adapters.jetstream.state_store import BUCKET
from econsim.domain.audit.facts import record
from econsim.errors import CorruptLog, NotAllowed, SetupError, Unavailable
from econsim.identity.nats_jwt import read_claims
from econsim.identity.roles import READERS, ROLES
from econsim.schemas.names import JOURNAL_KEYS
from econsim.schemas.subject import fields, token
from econsim.subjects import AUDIT

POLL_INTERVAL_S: Final = 0.02
"""Pause between two looks for new events, in seconds: a look takes 0.3 ms, a tick tens of milliseconds."""

NEAR: Final = 16
"""Places that a search backwards reads first; it doubles the distance up to a page."""

AWAY_S: Final = 60.0
"""Seconds to wait for a server that went away: one that was killed is back within seconds."""


def reader(creds: Path) -> Path:
    """Return a creds file if it is a reader's, or of no role at all; raises SetupError for another role's."""
    role = read_claims(creds).role if creds.is_file() else ""
    if role and ROLES[role].account != READERS:
        message = (
            f"{creds} is of {role}, who reads nothing; "
            "give --creds a directory that holds observer.creds too, as `econsim trust grant` writes it"
        )
        raise SetupError(message)
    return creds


def events(
    client: Client, run: str, start: int = 1, gaps: list[Gap] | None = None
) -> AsyncGenerator[StoredMessage, None]:
    """Yield a run's events from a place in the log on, up to the newest; `gaps` takes what is missing between them.

    On a cluster possibly without those of the last moment. Raises Unavailable if the server does not answer.
    """
    return _whole(client, AUDIT, _of(run), start, gaps)


def pages(
    client: Client, run: str, gaps: list[Gap] | None = None
) -> AsyncGenerator[list[StoredMessage], None]:
    """Yield the same from the start of the log in lists, as they come: who reads millions of events waits for few of them."""
    return _pages(client, AUDIT, _of(run), 1, gaps)


async def follow(
    client: Client, run: str, start: int = 1, stream: str = AUDIT, pause_s: float = POLL_INTERVAL_S
) -> AsyncGenerator[StoredMessage, None]:
    """Yield a run's events from a place in the log, or in its own stream, on: for ever, without gap or repeat over restarts.

    After the newest event `pause_s` pass before the next look: without them the server would be asked for almost every event.

    Raises Unavailable once the server has been away for a minute, or the connection was closed, and CorruptLog where an event is missing
    or cannot be read.
    """
    away: float | None = None
    count = PageCounter()
    # A stream of its own has nothing else, and the server need not compare subjects.
    pattern = _of(run) if stream == AUDIT else ">"
    while True:
        try:
            page: Page | None = await next_page(client, stream, start, pattern, count.expected)
            away = None
        except Unavailable:
            away = away or time.monotonic()
            if client.is_closed or time.monotonic() - away > AWAY_S:
                raise
            page = None
        if page is not None:
            count.add_page(start, page)
            await _refuse(client, stream, count)
        for event in page.messages if page else ():
            yield event
            start = event.sequence + 1
        if not page or not page.left:
            await asyncio.sleep(pause_s)


async def newest(client: Client, subject: str) -> StoredMessage | None:
    """Return the newest event of a subject or pattern of the log; none if there is none."""
    return await direct_get.direct_get_last(client, AUDIT, subject)


async def newest_before(client: Client, subject: str, end: int) -> StoredMessage | None:
    """Return the newest event of a subject before a place in the log; none if there is none.

    It takes the server 0.2 ms, a page of 16 events before the place 2 ms.
    """
    found = await direct_get.newest_of(client, AUDIT, [subject], end - 1) if end > 1 else direct_get.Page()
    return found.messages[0] if found.messages else None


async def newest_events(
    client: Client, patterns: Iterable[str], count: int
) -> tuple[list[StoredMessage], bool]:
    """Return at least the newest `count` events of patterns that do not overlap, oldest first, and whether these are all.

    Only the end of the log is read, so it takes no longer for a long run than for a short one. Raises Unavailable if the
    server does not answer.
    """
    asked = list(patterns)
    # One start for all: from the start of a rare pattern on, a frequent one would have to be read whole.
    start = max([await _start_of_newest(client, pattern, count) for pattern in asked], default=1)
    found = [event for pattern in asked async for event in direct_get.each(client, AUDIT, start, pattern)]
    return sorted(found, key=attrgetter("sequence")), start == 1


async def count(client: Client, run: str, start: int) -> int:
    """Return the number of a run's events from a place in the log on; raises Unavailable if the server does not answer."""
    return (await direct_get.batch_get(client, AUDIT, start, _of(run), 1)).ahead


async def _start_of_newest(client: Client, pattern: str, count: int) -> int:
    """Return a place from which on the log has at least `count` events of a pattern; 1 if it has fewer.

    The server tells how many follow a place, but not where the last ones begin: the distance to the newest is doubled.
    """
    last = await newest(client, pattern)
    distance = count
    while last is not None and distance < last.sequence:
        start = last.sequence - distance + 1
        if (await direct_get.batch_get(client, AUDIT, start, pattern, 1)).ahead >= count:
            return start
        distance *= 2
    return 1


async def before(client: Client, pattern: str, end: int) -> AsyncGenerator[StoredMessage, None]:
    """Yield the events of a pattern before a place in the log, the nearest first; raises Unavailable if the server does not answer."""
    distance = NEAR
    while end > 1:
        start = max(end - distance, 1)
        page = await direct_get.batch_get(client, AUDIT, start, pattern, end - start)
        for event in reversed(page.messages):
            if event.sequence < end:
                yield event
        end, distance = start, min(2 * distance, direct_get.PAGE)


def of_subject(client: Client, subject: str) -> AsyncGenerator[StoredMessage, None]:
    """Yield the events of a subject, oldest first. Raises Unavailable if the server does not answer."""
    return direct_get.each(client, AUDIT, pattern=subject)


async def place_of_tick(client: Client, run: str, tick: int) -> int:
    """Return a place in the log that all events of a tick of a run follow, and few events before it: a few requests find it."""
    ticked = subjects.TICKED(run=run)
    last = await newest(client, ticked)
    first, after = 1, last.sequence + 1 if last else 1
    while first < after:
        middle = (first + after) // 2
        found = await direct_get.direct_get_next(client, AUDIT, middle, ticked)
        assert found is not None  # the last one at least
        if record(found.subject, found.payload).tick < tick:
            first = found.sequence + 1
        else:
            after = middle
    return first


async def oldest(client: Client) -> StoredMessage | None:
    """Return the first event of the log; none if it is empty."""
    return next(iter((await direct_get.batch_get(client, AUDIT, 1, ">", 1)).messages), None)


async def journal_head(client: Client, run: str) -> int:
    """Return the newest entry of a run's journal in the ledger's bucket; 0 if there is none, or it may not be read."""
    head = 0
    for kind in JOURNAL_KEYS:
        try:
            found = await direct_get.direct_get_last(
                client, f"KV_{BUCKET}", f"{_KEYS}{token(run, 'run')}.{kind}.*"
            )
        except NotAllowed:
            return 0
        if found is not None:
            head = max(head, journal_entry(found.payload))
    return head


async def journal_copy_head(client: Client, run: str) -> int:
    """Return the newest entry of a run's journal of which the log has a copy; 0 if there is none."""
    newest = [await direct_get.direct_get_last(client, AUDIT, row(run=run)) for row in _COPIES]
    return max(journal_entry(found.payload) if found else 0 for found in newest)


async def openings(client: Client, gaps: list[Gap]) -> list[StoredMessage]:
    """Return the opening of every run in the log, oldest first; `gaps` takes those that cannot be read."""
    count, start, found = PageCounter(), 1, list[StoredMessage]()
    while True:
        page = await next_page(client, AUDIT, start, subjects.RUN_OPENED.pattern(), count.expected)
        count.add_page(start, page)
        if not page.messages:
            break
        found += page.messages
        start = page.messages[-1].sequence + 1
    if count.short:
        gaps.extend(await between(client, AUDIT, count.short))
    return found


async def remains(client: Client) -> dict[str, StoredMessage]:
    """Return the runs with a record that outlives the opening, each with the oldest such record.

    That is the ledger's first entry in its bucket, which is kept, or the closing in the log.
    """
    found: dict[str, StoredMessage] = {}
    with suppress(NotAllowed):
        async for each in direct_get.each(client, f"KV_{BUCKET}", pattern=f"{_KEYS}*.transfer.endow-1"):
            found[each.subject.removeprefix(_KEYS).partition(".")[0]] = each
    async for each in direct_get.each(client, AUDIT, pattern=subjects.RUN_CLOSED.pattern()):
        found.setdefault(fields(each.subject).run, each)
    return found


async def history(
    client: Client, run: str, gaps: list[Gap] | None = None
) -> AsyncGenerator[StoredMessage, None]:
    """Yield every write ever made to a run's keys of the ledger's bucket, oldest first, each with its key as subject.

    `gaps` takes what is missing between them.
    """
    async with aclosing(_whole(client, f"KV_{BUCKET}", f"{_KEYS}{token(run, 'run')}.>", 1, gaps)) as found:
        async for each in found:
            yield each._replace(subject=each.subject.removeprefix(_KEYS))


async def _whole(
    client: Client, stream: str, pattern: str, start: int, gaps: list[Gap] | None
) -> AsyncGenerator[StoredMessage, None]:
    """Yield a pattern's messages up to the newest, then look whether the server skipped any."""
    async with aclosing(_pages(client, stream, pattern, start, gaps)) as found:
        async for page in found:
            for each in page:
                yield each


async def _pages(
    client: Client, stream: str, pattern: str, start: int, gaps: list[Gap] | None
) -> AsyncGenerator[list[StoredMessage], None]:
    """Yield a pattern's messages up to the newest in lists, then look whether the server skipped any."""
    count, first = PageCounter(), 0
    while True:
        page = await next_page(client, stream, start, pattern, count.expected)
        count.add_page(start, page)
        if not page.messages:
            break
        first = first or page.messages[0].sequence
        start = page.messages[-1].sequence + 1
        yield page.messages
    if gaps is not None:
        found = await between(client, stream, count.short) if count.short else []
        if not found and first:
            found = await within(client, stream, first, start - 1)
        gaps.extend(found)


async def _refuse(client: Client, stream: str, count: PageCounter) -> None:
    """Raise CorruptLog if a message that the server counted and did not send is really missing."""
    first, count.short = count.short, 0
    for gap in await between(client, stream, first) if first else ():
        message = f"the log is damaged: {gap}"
        raise CorruptLog(message)


_COPIES: Final = (subjects.TRANSFER_POSTED, subjects.TRANSFER_REFUSED)
_KEYS: Final = f"$KV.{BUCKET}."


def journal_entry(payload: bytes) -> int:
    """Return the place of a journal entry in its journal; 0 for a record that is no entry, which a full read reports."""
    with suppress(ValueError, KeyError, TypeError):
        return int(json.loads(payload)["data"]["sequence"])
    return 0


def _of(run: str) -> str:
    return f"*.*.*.{token(run, 'run')}"
