"""Event ids and envelopes: how a fact becomes an event of a run.

Ids are derived from the run's salt and from what the event is about, so a repeat after a crash has
the same id and streams drop it, and nobody without the salt can guess one (architecture E3).
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from econsim.schemas.base import Event
from econsim.schemas.subject import Subject

DIGEST: Final = "Econsim-Digest"
"""Header of every stored event and key: what it was when it was sent. Not part of the envelope, because the
digest covers the envelope's very bytes."""


def digest(subject: str, payload: bytes) -> str:
    """Return 32 hex digits that change with every bit of a subject and a payload (0.9 ms a megabyte)."""
    return blake2b(subject.encode(errors="replace") + b"\n" + payload, digest_size=16).hexdigest()


def derived_id(salt: str, *parts: int | str) -> str:
    """Return 32 hex digits that depend on the salt and every part."""
    return blake2b("/".join(map(str, parts)).encode(), key=salt.encode()[:64], digest_size=16).hexdigest()


def message_number(message_id: str) -> int:
    """Return the number an agent is told of a message: 1 to 2**48, the same for the same id, and in no order."""
    return int.from_bytes(blake2b(message_id.encode(), digest_size=6).digest(), "big") + 1


@dataclass(frozen=True, slots=True)
class Envelope:
    """What all events of one batch share."""

    run: str
    """Correlation id."""
    salt: str
    """The run's secret."""
    tick: int
    """Logical time."""
    now: str
    """Wall-clock time, RFC 3339."""
    causation_id: str | None = None
    """What led to the batch."""

    def event(
        self, subject: Subject, actor: str, data: object, *key: int | str, **places: str
    ) -> AddressedEvent:
        """Wrap data as an event; `key` tells events of one subject and tick apart."""
        address = subject(run=self.run, **places)
        event = Event[object].model_construct(
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


@dataclass(frozen=True, slots=True)
class AddressedEvent:
    """An event and the subject it belongs on."""

    subject: str
    """Concrete subject."""
    event: Event[object]
    """The event."""

    def json(self) -> bytes:
        """Return the wire form."""
        return self.event.__pydantic_serializer__.to_json(self.event)
