"""What is missing of a stream nobody can delete from: counted by the server's own index, then found place by place.

The server passes over a stored message it cannot read, and after its index was made anew it does not know of it any
more. In the first case it counts more messages than it sends; in the second, fewer than there are places. Both are
asked for with the one question readers have (ADR 0016); only then the places are read one by one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from nats.aio.client import Client

from econsim.adapters.jetstream import direct_get
from econsim.adapters.jetstream.direct_get import Page

TRIES_MAX: Final = 20
"""Questions for messages that are owed, before they count as missing."""

AGAIN_S: Final = 0.1
"""Pause between two of them: a replica that lags behind is even again within milliseconds, seldom a second."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Places of a stream that hold nothing readable."""

    stream: str
    """The stream."""
    first: int
    """The first of them."""
    last: int
    """The last of them; 0 if they lie at the stream's end and their number is all that is known."""
    count: int
    """How many messages are missing there."""

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
        """Place from which on something was passed over, 0 for none. Where, nobody knows: asked in the middle of a
        block, the server counts by reading, so the count falls short before the message that is missing."""
        self.owed = 0
        """Messages the server still counted after the last page."""
        self._start = 0

    def see(self, start: int, page: Page) -> None:
        """Take in the page that was asked for from `start` on."""
        if page.ahead < self.owed and not self.short:
            self.short = self._start
        self.owed, self._start = page.left, start


async def next_page(client: Client, stream: str, start: int, pattern: str, owed: int) -> Page:
    """Return a stream's next messages; if none come although some are owed, ask again for a moment.

    On a cluster another replica may answer than the one that counted, and lag behind it.
    """
    for _ in range(TRIES_MAX):
        page = await direct_get.batch_get(client, stream, start, pattern)
        if page.messages or owed <= 0:
            break
        await asyncio.sleep(AGAIN_S)
    return page


async def within(client: Client, stream: str, first: int, last: int) -> list[Gap]:
    """Return the gaps between two places that both hold a message; two questions if there are none."""
    since = (await direct_get.batch_get(client, stream, first, ">", 1)).ahead
    until = (await direct_get.batch_get(client, stream, last, ">", 1)).ahead
    if since - until >= last - first:
        return []
    return await between(client, stream, first, last)


async def between(client: Client, stream: str, first: int, last: int = 0) -> list[Gap]:
    """Return the gaps from one place to another, 0 for the end of the stream, by reading every message there."""
    gaps: list[Gap] = []
    following, owed = first, 0
    while not last or following <= last:
        page = await next_page(client, stream, following, ">", 0 if last else owed)
        if not page.messages:
            break
        owed = page.left
        for message in page.messages:
            if following < message.sequence and (not last or following <= last):
                gaps.append(Gap(stream, following, message.sequence - 1, message.sequence - following))
                owed -= gaps[-1].count
            following = message.sequence + 1
    if not last and owed > 0:
        gaps.append(Gap(stream, following, 0, owed))
    return gaps
