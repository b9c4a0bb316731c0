"""Events that are made when somebody reads them. Pure.

A run in memory makes tens of events a tick, and most readers look into few of them: the canonical hash and the tally of a run take
their facts as they are. So such an event holds its facts as plain records (`Content`); the id, the envelope and the objects of the
data are made at the first look at `event`. To make all of them took a quarter of the processor time of a run of 22 traders.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from econsim.domain.audit.canonical_facts import FactText
from econsim.domain.audit.envelope import AddressedEvent, derived_id, new_event
from econsim.domain.audit.facts import Json, Record
from econsim.schemas.base import Event
from econsim.schemas.subject import Subject, entity_of

Move = tuple[str, str, str, int]
"""Debit, credit, asset and amount of a transfer that changes what its holders own."""


class Content:
    """Facts of an event, as plain records."""

    __slots__ = ()

    may_move: ClassVar[bool] = False
    """True if what its holders own may change; the events of one `Address` all have it or none."""

    def data(self) -> object:
        """Return the data of the event."""
        raise NotImplementedError

    def parts(self) -> list[Json] | None:
        """Return the event's items or chains as JSON; none if it carries none."""
        return None

    def json(self) -> Json:
        """Return the data of the event as JSON."""
        raise NotImplementedError

    def field(self, name: str) -> Any:  # noqa: ANN401 - any JSON
        """Return one field of the data as JSON; raises KeyError if they have none of this name."""
        return self.json()[name]

    def texts(self) -> Iterable[FactText] | None:
        """Return the canonical texts of the event's facts; none if they are taken from its JSON."""
        raise NotImplementedError

    def __len__(self) -> int:
        """Return the number of the event's facts."""
        return 1

    def moves(self) -> Sequence[tuple[str, Sequence[Move]]]:
        """Return cause and movements of each applied chain that has some; reservations move nothing."""
        return ()


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

    @property
    def parts(self) -> list[Json] | None:
        """Items or chains as JSON; none for an event that carries none."""
        return self.content.parts()

    def field(self, name: str) -> Any:  # noqa: ANN401 - any JSON
        """Return one field of the data as JSON; raises KeyError if they have none of this name."""
        return self.content.field(name)

    def record(self) -> Record:
        """Return the event as a record; its ids and its data are made when somebody looks at them."""
        return LateRecord(self)


class LateRecord(Record):
    """The record of an event in memory; its ids are made when they are first asked for, as few are, and its data without objects.

    To make the objects of all events of a small run for their records took most of the processor time of judging it.
    """

    __slots__ = ("_data", "_parts", "_source")

    def __init__(self, source: LateEvent) -> None:
        """Take an event."""
        self._source = source
        self._data: Json | None = None
        self._parts: list[Json] | None = None
        self.subject, self.type, self.actor = source.subject, source.type, source.address.actor
        self.occurred_at, self.tick, self.correlation_id = (
            source.occurred_at,
            source.tick,
            source.correlation_id,
        )
        self.trace_id, self.text = None, ""

    @property
    def content(self) -> Json:  # type: ignore[override]  # made when it is asked for
        """Data of the event."""
        return self.data

    @property
    def stored(self) -> None:  # type: ignore[override]  # never set
        """Return none: the event was never text."""

    @property
    def data(self) -> Json:
        """Return the data of the event as JSON."""
        if self._data is None:
            self._data = self._source.content.json()
        return self._data

    @property
    def parts(self) -> list[Json] | None:
        """Return the items or chains, without the rest of the data: the hash of a journal entry costs more than its chains."""
        if self._parts is None:
            self._parts = self._source.content.parts()
        return self._parts

    @property
    def event_id(self) -> str:  # type: ignore[override]  # made when it is asked for
        """Unique id of the event."""
        return self._source.event_id

    @property
    def causation_id(self) -> str | None:  # type: ignore[override]  # made when it is asked for
        """Id of the cause, from the envelope."""
        cause = self._source.cause
        return cause.event_id if cause else None
