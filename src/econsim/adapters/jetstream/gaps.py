"""Gaps in a stream nobody can delete from: found by the server's own counts, then place by place.

The server skips a stored message it cannot read; after its index was rebuilt it does not know the message any more.
In the first case it counts more messages than it sends; in the second, fewer than there are places. Both are found
with the one request readers have (decision 0016); only then the places are read one by one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from nats.aio.client import Client

from econsim.adapters.jetstream import direct_get
from econsim.adapters.jetstream.direct_get import Page

TRIES_MAX: Final = 20
"""Requests for messages that the server counts, before they count as missing."""

AGAIN_S: Final = 0.1
"""Pause between two requests: a replica that lags behind catches up within milliseconds, seldom a second."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Places of a stream that hold nothing readable."""

    stream: str
    """Name of the stream."""
    first: int
    """First place of the gap."""
    last: int
    """Last place of the gap; 0 if it lies at the stream's end, where only the number of messages is known."""
    count: int
    """Number of messages missing in the gap."""

    def __str__(self) -> str:
        """Say what is missing where."""
        if not self.last:
            return f"{self.count} of the last records of {self.stream}, from place {self.first} on, cannot be read"
        if self.first == self.last:
            return f"the record at place {self.first} of {self.stream} is missing or cannot be read"
        return f"the records at places {self.first} to {self.last} of {self.stream} are missing or cannot be read"


class PageCounter:
    """Compares, page by page, what the server counts with what it sends."""

    def __init__(self) -> None:
        """Start before the first page."""
        self.short = 0
        """Place from which on a message was skipped, 0 for none. The exact place is unknown: from the middle of a
        block on the server counts by reading, so the count falls short before the message that is missing."""
        self.expected = 0
        """Messages the server still counted after the last page."""
        self._start = 0

    def add_page(self, start: int, page: Page) -> None:
        """Count the page that was asked for from `start` on."""
        if page.ahead < self.expected and not self.short:
            self.short = self._start
        self.expected, self._start = page.left, start


async def next_page(client: Client, stream: str, start: int, pattern: str, expected: int) -> Page:
    """Return a stream's next messages; if none come although the server counts some, ask again for a moment.

    On a cluster another replica may answer than the one that counted, and lag behind it.
    """
    for _ in range(TRIES_MAX):
        page = await direct_get.batch_get(client, stream, start, pattern)
        if page.messages or expected <= 0:
            break
        await asyncio.sleep(AGAIN_S)
    return page


async def within(client: Client, stream: str, first: int, last: int) -> list[Gap]:
    """Return the gaps between two places that both hold a message; two requests if there are none."""
    since = (await direct_get.batch_get(client, stream, first, ">", 1)).ahead
    until = (await direct_get.batch_get(client, stream, last, ">", 1)).ahead
    if since - until >= last - first:
        return []
    return await between(client, stream, first, last)


async def between(client: Client, stream: str, first: int, last: int = 0) -> list[Gap]:
    """Return the gaps from one place to another, 0 for the end of the stream, by reading every message there."""
    gaps: list[Gap] = []
    following, expected = first, 0
    while not last or following <= last:
        page = await next_page(client, stream, following, ">", 0 if last else expected)
        if not page.messages:
            break
        expected = page.left
        for message in page.messages:
            if following < message.sequence and (not last or following <= last):
                gaps.append(Gap(stream, following, message.sequence - 1, message.sequence - following))
                expected -= gaps[-1].count
            following = message.sequence + 1
    if not last and expected > 0:
        gaps.append(Gap(stream, following, 0, expected))
    return gaps
