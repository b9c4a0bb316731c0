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
from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.schemas.admin import LetterBuried
from econsim.services.context import ServiceContext
from econsim.streams import DEAD_LETTER

LEASE: Final = "crier.admin"
"""The post's lease."""

LOOK_S: Final = 1.0
"""Pause between looks for new letters; one that a person takes out within it is not told as buried."""


async def serve(context: ServiceContext, look_s: float = LOOK_S) -> None:
    """Tell of new letters until cancelled."""
    made_at = await direct_get.made_at(context.client, DEAD_LETTER.name)
    following = await told(context) + 1
    while True:
        async with aclosing(letters(context.client, following)) as found:
            async for letter in found:
                addressed = buried(letter, made_at, context)
                await reliable_publish(
                    context.jetstream, addressed.subject, addressed.json(), addressed.event.event_id
                )
                following = letter.sequence + 1
        await asyncio.sleep(look_s)


async def told(context: ServiceContext) -> int:
    """Return the place of the newest letter the log tells of, 0 for none."""
    newest = await direct_get.newest(context.client, subjects.AUDIT, subjects.LETTER_BURIED.pattern())
    if newest is None:
        return 0
    event = event_of(LetterBuried, newest.subject, newest.payload)
    sequence = event.data.sequence if event else 0
    # A stream that was made anew counts from 1 again.
    return sequence if sequence <= await direct_get.last(context.client, DEAD_LETTER.name) else 0


def buried(letter: Letter, made_at: str, context: ServiceContext) -> AddressedEvent:
    """Return the event of a letter; when the stream was made tells its letters from those of an earlier one."""
    data = LetterBuried(
        sequence=letter.sequence,
        subject=letter.subject,
        code=letter.code,
        reason=letter.reason,
        handler=letter.handler,
        origin=letter.origin,
    )
    envelope = Envelope(letter.run, made_at, 0, context.clock.now())
    return envelope.event(subjects.LETTER_BURIED, context.service, data, letter.sequence)
