"""One fact of a run at its place in the log, as expectations see it; and distances between two. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, Final

from econsim.domain.audit.causality import named_cause
from econsim.domain.audit.describe import describe
from econsim.domain.audit.facts import Fact, Json, Record, actor_of
from econsim.domain.audit.late_event import LateEvent
from econsim.domain.expectation.verdict import Witness
from econsim.schemas.expectation_parts import Bound

if TYPE_CHECKING:
    from econsim.domain.audit.stored_data import StoredData, StoredPart

US_PER_MS: Final = 1000

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

Key = tuple[Any, ...]
"""Values of correlated fields."""

ReadFields = Callable[[Sequence[Any]], list[tuple[Any, ...]]]
"""Reads the same fields of each of some facts."""


class Fields:
    """Fields of facts, of the first level of their data: read of many facts at once, without what else there is."""

    def __init__(self, *names: str) -> None:
        """Take the names of the fields, in order."""
        self.of_json: ReadFields = _reading(itemgetter, names)
        """Reads them of JSON; raises KeyError for a fact without one."""
        self.of_stored: ReadFields = _reading(attrgetter, names)
        """Reads them of facts as their service wrote them."""


def _reading(getter: Callable[..., Callable[[Any], Any]], names: Sequence[str]) -> ReadFields:
    if not names:
        return lambda parts: [()] * len(parts)
    read = getter(*names)
    # Of one field alone, a getter returns the value.
    return (
        (lambda parts: list(map(read, parts)))
        if len(names) > 1
        else (lambda parts: [(read(p),) for p in parts])
    )


@dataclass(slots=True)
class Occurrence:
    """One fact at its place: an event, an item of a batch, or a chain of the journal."""

    record: Record
    """Record that the fact is in."""
    index: int
    """Position of the item or chain in its record, from 0; -1 for an event that is one fact."""
    data: Json
    """Data of the fact."""
    sequence: int
    """Place of the record in the log."""
    tick: int
    """Logical time: the event's, or the tick that was open if its publisher knows none."""
    count: int
    """Number of events of the run up to this one."""
    _actor: str = ""

    def __deepcopy__(self, memo: object) -> Occurrence:
        """Return the fact itself: a copy of what looks at it looks at the same."""
        return self

    @property
    def event_id(self) -> str:
        """Return the id of the fact: the event's, for an item with its index."""
        return self.record.event_id if self.index < 0 else f"{self.record.event_id}.{self.index}"

    @property
    def actor(self) -> str:
        """Return the actor of the fact."""
        if not self._actor:
            self._actor = self.record.actor if self.index < 0 else actor_of(self.record, self.data)
        return self._actor

    @property
    def fact(self) -> Fact:
        """Return the fact as the rest of the audit knows it."""
        r = self.record
        return Fact(
            self.event_id,
            r.type,
            r.subject,
            r.tick,
            self.actor,
            r.correlation_id,
            r.causation_id,
            r.occurred_at,
            self.data,
        )

    def occurrence(self, position: int) -> Occurrence:
        """Return the fact itself, whatever its position, as `Facts` return one of theirs."""
        del position
        return self

    def at(self, unit: str) -> float:
        """Return the place in a unit of bounds: tick, microseconds since 1970 for `ms`, or number of events."""
        if unit == "ticks":
            return self.tick
        return self.count if unit == "events" else time_us(self.record.occurred_at)

    def witness(self) -> Witness:
        """Return the fact as a witness; a fact that cannot be described is named by its type."""
        entry = self.record
        try:
            fact = self.fact
            actor, text, cause = fact.actor, describe(fact), named_cause(fact) or ""
        except (KeyError, TypeError, ValueError, AttributeError):
            actor, text, cause = entry.actor, entry.type, ""
        return Witness(self.sequence, self.tick, self.event_id, entry.type, actor, text, cause)


_UNKNOWN: Final[Sequence[Json]] = ()


class Facts:
    """The facts of one record at its place in the log: who watches all of them takes them at once, and makes occurrences of those it keeps."""

    __slots__ = ("_parts", "_source", "_values", "count", "first", "sequence", "stop", "tick")

    def __init__(self, source: Record | LateEvent, sequence: int, tick: int, count: int) -> None:
        """Take a record at its place; an event in memory stays as it is until somebody asks for more than its facts."""
        self._source = source
        self._parts: Sequence[Json] | None = _UNKNOWN
        self._values: Sequence[tuple[Any, ...]] | None = None
        self.first = 0
        """Position of the first fact that is shown."""
        self.stop: int | None = None
        """Position after the last; none for all that there are."""
        self.sequence, self.tick, self.count = sequence, tick, count

    def __deepcopy__(self, memo: object) -> Facts:
        """Return the facts themselves: a copy of what looks at them looks at the same."""
        return self

    def __len__(self) -> int:
        """Return the number of facts that are shown."""
        known = self.parts if self._values is None else self._values
        if known is None:
            return 1
        return (len(known) if self.stop is None else self.stop) - self.first

    def __iter__(self) -> Iterator[Occurrence]:
        """Yield the facts that are shown."""
        record, sequence, tick, count = self.record, self.sequence, self.tick, self.count
        if self.parts is None:
            yield Occurrence(record, -1, record.data, sequence, tick, count)
            return
        for index, data in self.data():
            yield Occurrence(record, index, data, sequence, tick, count)

    @property
    def parts(self) -> Sequence[Json] | None:
        """Items or chains, each a fact; none for a record that is one itself."""
        if self._parts is _UNKNOWN:
            self._parts = self._source.parts
        return self._parts

    @property
    def stored(self) -> StoredData | None:
        """The record's data as their service wrote them; none if they are not known so, and `parts` or `record` have them.

        They are decoded already. `parts` decodes them once more, into JSON: of journal entries alone, that is an eighth of a judge's time.
        """
        source = self._source
        return None if isinstance(source, LateEvent) else source.stored

    @property
    def record(self) -> Record:
        """Record that the facts are in."""
        if isinstance(self._source, LateEvent):
            self._source = self._source.record()
        return self._source

    @property
    def entity(self) -> str:
        """Second token of the record's subject."""
        return self._source.entity

    def _stored_parts(self) -> Sequence[StoredPart] | None:
        return None if self.stored is None else self.stored.parts

    def data(self) -> Iterable[tuple[int, Json]]:
        """Return position and data of each fact that is shown."""
        parts = self.parts
        if parts is None:
            return ((0, self.record.data),)
        is_whole = self.first == 0 and self.stop is None
        return enumerate(parts) if is_whole else enumerate(parts[self.first : self.stop], self.first)

    def actors(self) -> Iterator[tuple[int, str]]:
        """Yield position and actor of each fact that is shown."""
        record = self.record
        if (stored := self._stored_parts()) is not None:
            for position, part in enumerate(stored[self.first : self.stop], self.first):
                yield position, part.actor or record.actor
            return
        if self.parts is None:
            yield 0, record.actor
            return
        for position, data in self.data():
            yield position, actor_of(record, data)

    def values(self, fields: Fields) -> Sequence[tuple[Any, ...]]:
        """Return fields of each fact that is shown; of facts that were kept with fields alone, these."""
        if self._values is not None:
            return self._values[self.first : self.stop]
        if (stored := self._stored_parts()) is not None:
            return fields.of_stored(stored[self.first : self.stop])
        parts = self.parts
        return fields.of_json((self.record.data,) if parts is None else parts[self.first : self.stop])

    def to_keep(self, fields: Fields | None) -> Facts:
        """Return the facts to be shown later: with some fields and not their data, if these are all that is needed."""
        kept = Facts(self._source, self.sequence, self.tick, self.count)
        if fields:
            kept._values = self.values(fields)
        else:
            kept._parts = self.parts
        return kept

    def forget(self) -> None:
        """Let go of the facts' data, which are asked of the record again if they are needed."""
        self._parts = _UNKNOWN

    def field(self, name: str) -> Any:  # noqa: ANN401 - any JSON
        """Return one field of the record's data; raises KeyError if they have none of this name."""
        return self._source.field(name)

    def occurrence(self, position: int) -> Occurrence:
        """Return one fact."""
        record, parts = self.record, self.parts
        index, data = (-1, record.data) if parts is None else (position, parts[position])
        return Occurrence(record, index, data, self.sequence, self.tick, self.count)

    @property
    def last(self) -> Occurrence:
        """The last fact; there is one."""
        return self.occurrence(self.first + len(self) - 1)

    def part(self, first: int, stop: int | None = None) -> Facts:
        """Return some of the facts, from one position up to another."""
        part = Facts(self._source, self.sequence, self.tick, self.count)
        part._parts, part._values, part.first, part.stop = self._parts, self._values, first, stop
        return part

    def at(self, unit: str) -> float:
        """Return the place in a unit of bounds, as `Occurrence.at`."""
        if unit == "ticks":
            return self.tick
        return self.count if unit == "events" else time_us(self._source.occurred_at)


def source_of(kind: str) -> str:
    """Return the source of a type of copied events, their domain: the ledger's journal, or the files; each is copied in its own order."""
    return kind.partition(".")[0]


@lru_cache(1024)
def time_us(text: str) -> int:
    """Return a time of an event, as `is_time` takes it, in microseconds since 1970, exactly."""
    return (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND


def is_time(text: object) -> bool:
    """Tell whether what stands for an event's time is one, with its zone."""
    try:
        return datetime.fromisoformat(text).tzinfo is not None  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False


def is_within(bound: Bound | None, earlier: float, later: float) -> bool:
    """Return whether two places in the bound's unit are no further apart than it allows."""
    return bound is None or later - earlier <= bound.size


def distance(unit: str, size: float) -> str:
    """Return a distance in words."""
    shown = f"{size / US_PER_MS if unit == 'ms' else size:.3f}".rstrip("0").rstrip(".")
    return f"{shown} {unit.removesuffix('s') if shown == '1' and unit != 'ms' else unit}"


@dataclass(slots=True)
class Now:
    """The place in the log up to which a run was judged."""

    tick: int = 0
    """Newest tick."""
    count: int = 0
    """Number of events."""
    sequence: int = 0
    """Place of the newest record in the log."""
    time: str = ""
    """Time of the newest event."""
    start: str = ""
    """Time of the first event."""
    copies: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Source of copied events → newest tick and time of its copies."""

    def note_copy(self, entry: Record | LateEvent) -> None:
        """Note how far the copies of an event's source have come."""
        tick, time = self.copies.get(source := source_of(entry.type), (0, ""))
        self.copies[source] = max(tick, entry.tick), max(time, entry.occurred_at)

    def place_of_copies(self, source: str, unit: str) -> float:
        """Return the place in a unit of bounds, ticks or ms, that the copies of a source have come to; -1 before the first."""
        tick, time = self.copies.get(source, (-1, ""))
        if unit == "ticks" or not time:
            return tick
        return time_us(time)

    def at(self, unit: str) -> float:
        """Return the place in a unit of bounds, as `Occurrence.at`."""
        if unit == "ticks":
            return self.tick
        if unit == "events":
            return self.count
        return time_us(self.time) if self.time else 0

    def origin(self, unit: str) -> float:
        """Return the start of the run in a unit of bounds."""
        return time_us(self.start) if unit == "ms" and self.start else 0
