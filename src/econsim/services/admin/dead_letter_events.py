"""Announce every dead letter once: `system.dead_letter.buried` is the alert.

One worker at a time follows stream `dead_letter`. It announces letters in the order of their sequence numbers, so the newest
event tells a restarted worker where to go on. The event's id is derived from the letter, so the log deduplicates
a letter that two workers announce in the moment of a take-over.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import Final

from econsim import subjects
from econsim.adapters.jetstream import direct_get
from econsim.adapters.jetstream.dead_letters import DeadLetter, each_dead_letter
from econsim.adapters.nats.connection import reliable_publish
from econsim.adapters.poll import Poll
from econsim.domain.audit.decoding import event_of
from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.schemas.admin import LetterBuried
from econsim.services.context import ServiceContext
from econsim.streams import DEAD_LETTER

LEASE: Final = "dead_letter_events.admin"
"""Lease of the task's leader."""

POLL_INTERVAL_S: Final = 1.0
"""Pause between two looks for new letters; a letter that an operator retries or drops within it is not announced."""


async def serve(context: ServiceContext, poll_interval_s: float = POLL_INTERVAL_S) -> None:
    """Announce new dead letters until cancelled."""
    created_at = await direct_get.creation_time(context.client, DEAD_LETTER.name)
    next_sequence = await last_announced(context) + 1
    async for _ in Poll(poll_interval_s):
        async with aclosing(each_dead_letter(context.client, next_sequence)) as new:
            async for letter in new:
                addressed = dead_letter_event(letter, created_at, context)
                await reliable_publish(
                    context.jetstream, addressed.subject, addressed.json(), addressed.event.event_id
                )
                next_sequence = letter.sequence + 1


async def last_announced(context: ServiceContext) -> int:
    """Return the sequence number of the newest letter that the log announces, 0 for none."""
    newest = await direct_get.get_last(context.client, subjects.AUDIT, subjects.LETTER_BURIED.pattern())
    if newest is None:
        return 0
    event = event_of(LetterBuried, newest.subject, newest.payload)
    sequence = event.data.sequence if event else 0
    # A stream that was created again counts from 1 again.
    return sequence if sequence <= await direct_get.last_sequence(context.client, DEAD_LETTER.name) else 0


def dead_letter_event(letter: DeadLetter, created_at: str, context: ServiceContext) -> AddressedEvent:
    """Return the event of a letter; its salt is the creation time of the stream, see `operator_commands`."""
    data = LetterBuried(
        sequence=letter.sequence,
        subject=letter.subject,
        code=letter.code,
        reason=letter.reason,
        handler=letter.handler,
        origin=letter.origin,
    )
    envelope = Envelope(letter.run, created_at, 0, context.clock.now())
    return envelope.event(subjects.LETTER_BURIED, context.service, data, letter.sequence)
