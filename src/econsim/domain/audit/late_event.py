"""Events that are made when somebody reads them. Pure.

A run in memory makes tens of events a tick, and most readers look into few of them: the canonical hash and the tally of a run take
their facts as they are. So such an event holds its facts as plain records (`Content`); the id, the envelope and the objects of the
data are made at the first look at `event`. To make all of them took a quarter of the processor time of a run of 22 traders.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from pydantic import BaseModel

from econsim.domain.audit.canonical_facts import FactText
from econsim.domain.audit.envelope import AddressedEvent, derived_id, new_event
from econsim.domain.audit.facts import Record
from econsim.schemas.base import Event
from econsim.schemas.subject import Subject, entity_of


class Content(Protocol):
    """Facts of an event, as plain records."""

    def data(self) -> object:
        """Return the data of the event."""

    def texts(self) -> Iterable[FactText] | None:
        """Return the canonical texts of the event's facts; none if they are taken from its JSON."""


class Address:
    """A concrete subject of a run, and what all events there have in common."""

    __slots__ = ("actor", "place", "subject", "type")

    def __init__(self, row: Subject, actor: str, run: str, **places: str) -> None:
        """Build the subject; raises InvalidSubject for a value that is not a token."""
        self.actor = actor
        self.type = row.type
        self.subject = row(run=run, **places)
        self.place = self.subject.rpartition(".")[0]


class Moment:
    """The fields that all events of one tick of a run share."""

    __slots__ = ("cause", "now", "run", "salt", "tick")

    def __init__(self, run: str, salt: str, tick: int, now: str) -> None:
        """Start a tick, of which no event is the cause yet."""
        self.run = run
        self.salt = salt
        self.tick = tick
        self.now = now
        self.cause: LateEvent | None = None


class LateEvent(AddressedEvent):
    """An event that is made when it is first read, and then kept."""

    __slots__ = ("_made", "address", "cause", "content", "key", "moment")

    def __init__(self, address: Address, moment: Moment, content: Content, *key: int) -> None:
        """Take an event's facts; `key` distinguishes events of one subject and tick."""
        self.address = address
        self.moment = moment
        self.content = content
        self.key = key
        self.cause = moment.cause
        self._made: Event[object] | None = None

    @property
    def subject(self) -> str:
        """Concrete subject of the event."""
        return self.address.subject

    @property
    def type(self) -> str:
        """Type of the event, `<domain>.<action>`."""
        return self.address.type

    @property
    def tick(self) -> int:
        """Logical time of the event."""
        return self.moment.tick

    @property
    def occurred_at(self) -> str:
        """Time of the event, RFC 3339, UTC."""
        return self.moment.now

    @property
    def correlation_id(self) -> str:
        """Run of the event."""
        return self.moment.run

    @property
    def entity(self) -> str:
        """Second token of the subject."""
        return entity_of(self.subject)

    @property
    def event_id(self) -> str:
        """Unique id of the event."""
        return derived_id(self.moment.salt, self.moment.tick, self.address.subject, *self.key)

    @property
    def event(self) -> Event[object]:
        """Event to publish."""
        if self._made is None:
            at, cause = self.moment, self.cause
            self._made = new_event(
                event_id=self.event_id,
                type=self.address.type,
                occurred_at=at.now,
                tick=at.tick,
                actor=self.address.actor,
                correlation_id=at.run,
                causation_id=cause.event_id if cause else None,
                data=self.content.data(),
            )
        return self._made

    def record(self) -> Record:
        """Return the event as a record, without its envelope: who looks into its data alone needs none.

        To make all events of a small run only for their records took a tenth of the processor time of judging it.
        """
        data = self.content.data() if self._made is None else self._made.data
        assert isinstance(data, BaseModel)
        return LateRecord(self, data)


class LateRecord(Record):
    """The record of an event in memory; its ids are made when they are first asked for, as few are."""

    __slots__ = ("_source",)

    def __init__(self, source: LateEvent, data: BaseModel) -> None:
        """Take an event and its data."""
        self._source = source
        self.subject, self.type, self.actor = source.subject, source.type, source.address.actor
        self.occurred_at, self.tick, self.correlation_id = (
            source.occurred_at,
            source.tick,
            source.correlation_id,
        )
        self.trace_id, self.content, self.text = None, data, ""

    @property
    def event_id(self) -> str:  # type: ignore[override]  # made when it is asked for
        """Unique id of the event."""
        return self._source.event_id

    @property
    def causation_id(self) -> str | None:  # type: ignore[override]  # made when it is asked for
        """Id of the cause, from the envelope."""
        cause = self._source.cause
        return cause.event_id if cause else None
