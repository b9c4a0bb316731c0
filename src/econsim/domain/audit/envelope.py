"""Envelopes and ids of events. Pure.

An event id is derived from the run's salt and from the event's subject, tick and key. A repeat after a crash has the
same id, so that streams drop it (deduplication); without the salt nobody can guess an id.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from econsim.schemas.base import Event
from econsim.schemas.immutable import immutable
from econsim.schemas.subject import Subject

DIGEST: Final = "Econsim-Digest"
"""Header of every stored event and key: its digest when it was sent. It is no field of the envelope, because the
digest covers the bytes of the envelope."""


def digest(subject: str, payload: bytes) -> str:
    """Return 32 hex digits that change with every bit of a subject and a payload (0.9 ms a megabyte)."""
    return blake2b(subject.encode(errors="replace") + b"\n" + payload, digest_size=16).hexdigest()


def derived_id(salt: str, *parts: int | str) -> str:
    """Return 32 hex digits that depend on the salt and every part."""
    return blake2b("/".join(map(str, parts)).encode(), key=salt.encode()[:64], digest_size=16).hexdigest()


def message_number(message_id: str) -> int:
    """Return the number of a message in an agent's receipt: 1 to 2**48, the same for the same id, in no order."""
    return int.from_bytes(blake2b(message_id.encode(), digest_size=6).digest(), "big") + 1


_BLANK: Final = Event[object].model_construct(
    event_id="", type="", occurred_at="", tick=0, actor="", correlation_id="", data=None
)
"""Event without content, with all fields in their order: a copy of it takes 4.5 µs, a construction 11.8."""


def new_event(**fields: object) -> Event[object]:
    """Return an event of these fields, which are valid: nothing is checked."""
    return _BLANK.model_copy(update=fields)


@immutable
class Envelope:
    """The fields that all events of one batch share."""

    run: str
    """Run of the events, their correlation id."""
    salt: str
    """Salt of the run, a secret."""
    tick: int
    """Logical time of the events."""
    now: str
    """Wall-clock time of the events, RFC 3339."""
    causation_id: str | None = None
    """Id of the cause of the batch."""

    def event(
        self, subject: Subject, actor: str, data: object, *key: int | str, **places: str
    ) -> AddressedEvent:
        """Return data as an event; `key` distinguishes events of one subject and tick."""
        address = subject(run=self.run, **places)
        event = new_event(
            event_id=derived_id(self.salt, self.tick, address, *key),
            type=subject.type,
            occurred_at=self.now,
            tick=self.tick,
            actor=actor,
            correlation_id=self.run,
            causation_id=self.causation_id,
            data=data,
        )
        return AddressedEvent(address, event)


@immutable
class AddressedEvent:
    """An event with its subject."""

    subject: str
    """Concrete subject of the event."""
    event: Event[object]
    """Event to publish, or as published."""

    @property
    def type(self) -> str:
        """Type of the event, `<domain>.<action>`."""
        return self.event.type

    @property
    def event_id(self) -> str:
        """Unique id of the event."""
        return self.event.event_id

    def json(self) -> bytes:
        """Return the wire form of the event."""
        return self.event.__pydantic_serializer__.to_json(self.event)
