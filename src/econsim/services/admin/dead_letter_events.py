"""Tells the log of every dead letter, once: `system.dead_letter.buried` is the alert.

One worker at a time follows stream `dead_letter`. Letters are told in the order of their places, so the newest
event says how far it came: a restarted worker goes on behind it. The event's id is derived from the letter, so
that one told twice in the moment between is one event.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Final

from econsim import subjects
from econsim.adapters.jetstream import direct_get
from econsim.adapters.jetstream.dead_letters import Letter, letters
from econsim.adapters.nats.connection import reliable_publish
from econsim.domain.audit.decoding import event_of
from econsim.domain.audit.envelope import Sealed, Stamp
from econsim.schemas.admin import LetterBuried
from econsim.services.context import Link
from econsim.streams import DEAD_LETTER

LEASE: Final = "crier.admin"
"""The post's lease."""

LOOK_S: Final = 1.0
"""Pause between looks for new letters; one that a person takes out within it is not told as buried."""


async def serve(link: Link, look_s: float = LOOK_S) -> None:
    """Tell of new letters until cancelled."""
    made_at = await direct_get.made_at(link.client, DEAD_LETTER.name)
    following = await told(link) + 1
    while True:
        async with aclosing(letters(link.client, following)) as found:
            async for letter in found:
                sealed = buried(letter, made_at, link)
                await reliable_publish(link.jetstream, sealed.subject, sealed.json(), sealed.event.event_id)
                following = letter.sequence + 1
        await asyncio.sleep(look_s)


async def told(link: Link) -> int:
    """Return the place of the newest letter the log tells of, 0 for none."""
    newest = await direct_get.newest(link.client, subjects.AUDIT, subjects.LETTER_BURIED.pattern())
    if newest is None:
        return 0
    event = event_of(LetterBuried, newest.subject, newest.payload)
    sequence = event.data.sequence if event else 0
    # A stream that was made anew counts from 1 again.
    return sequence if sequence <= await direct_get.last(link.client, DEAD_LETTER.name) else 0


def buried(letter: Letter, made_at: str, link: Link) -> Sealed:
    """Return the event of a letter; when the stream was made tells its letters from those of an earlier one."""
    data = LetterBuried(
        sequence=letter.sequence,
        subject=letter.subject,
        code=letter.code,
        reason=letter.reason,
        handler=letter.handler,
        origin=letter.origin,
    )
    stamp = Stamp(letter.run, made_at, 0, link.clock.now())
    return stamp.event(subjects.LETTER_BURIED, link.service, data, letter.sequence)
