"""The canonical log of a run, and its hash: equal for equal runs, over memory or NATS. Pure.

One JSON line a fact, sorted by tick, subject and place within the subject. Everything that differs between two
executions of the same scenario is left out: run id, salt, wall-clock, trace, the journal's sequences and hashes, the
batching of facts into messages, the number of hosts and processes. Event ids are replaced by line numbers. The hash
is the SHA-256 of the lines.
"""

from __future__ import annotations

import heapq
import json
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import sha256
from itertools import chain, groupby
from json.encoder import encode_basestring_ascii
from operator import itemgetter
from typing import Final

from econsim import subjects
from econsim.domain.audit.canonical_facts import FactText, fact_texts
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import Json, Record, actor_of, as_record
from econsim.domain.audit.late_event import LateEvent

_SYSTEM: Final = frozenset(
    subject.type
    for subject in (
        subjects.RUN_OPENED,
        subjects.RUN_CLOSED,
        subjects.PERIOD_OPENED,
        subjects.PERIOD_CLOSED,
        subjects.TICKED,
        subjects.LLM_INVOKED,
        subjects.TOOL_COMPLETED,
        subjects.TOOL_FAILED,
        subjects.RESOURCE_ALLOCATED,
        subjects.QUESTION_ASKED,
        subjects.QUESTION_ENDED,
        subjects.TASK_DELEGATED,
        subjects.TASK_OFFERED,
        subjects.TASK_REFUSED,
        subjects.TASK_ADVANCED,
        subjects.TASK_SETTLED,
        subjects.FILE_WRITTEN,
    )
)
"""Types of system events that belong to the economy; agents' reports depend on hosts, so they do not."""

_LEFT_OUT: Final = frozenset(
    {
        "cause",
        "unjudged",
        "recorded",
        "policies_from",
        "last_sequence",
        "journal_sequence",
        "sequence",
        "previous_hash",
        "hash",
        "salt",
        "hosts",
        "execution",
        "failure",
        "attempts",
        "took_ms",
        "asked_at",
        "delegated_at",
        "deadline_at",
    }
)
"""Fields of data that differ between equal runs; the cause is written beside the data instead."""

FactRow = tuple[str, int, str, str, str, str]
"""A fact within its tick: its place in the order of lines (subject without the run, number, chain), the end of its line, the id of its event, its cause."""

_ENCODE: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), allow_nan=False, check_circular=False
).encode
"""Encoder of all lines: to make one for each line would take longer than the line. JSON that was read holds no circle."""

TICKS_PLAIN: Final = 8
"""Number of newest ticks kept uncompressed; transfers reach the log a few ticks late."""

ROWS_PLAIN: Final = 4096
"""Rows that come before older ones are compressed: a megabyte, because small pieces compress slowly."""

EVENT_ID_LENGTH: Final = 32
"""Hex digits of a derived event id; a cause of another form is the id of an order or a trade and stays."""


class CanonicalLog:
    """The canonical log of one run, collected from events in any order.

    Rows of older ticks are kept sorted and compressed (about 50 bytes a fact): the log has no point at which a tick is
    complete, because the ledger's entries are copied into it later.
    """

    def __init__(self) -> None:
        """Start without events."""
        self._rows: list[str] = []
        self._full = ROWS_PLAIN
        self._packed: list[bytes] = []
        self._packed_to = 0
        self._late: list[str] = []
        self._causes: set[str] = set()

    def add(self, source: Record | AddressedEvent) -> None:
        """Add one event; repeats of an event and events of infrastructure are ignored.

        Most events cost a fifth as what they are than as records: their JSON is not made.
        """
        event = source if isinstance(source, Record) else source.event
        if not belongs(event.type):
            return
        rows = self._late if event.tick < self._packed_to else self._rows
        # Ticks and the numbers of items have twelve digits, so that text sorts as they do. JSON text contains no raw tab, and
        # nothing sorts before one.
        for place, number, chain_id, body, event_id, cause in fact_rows(source):
            if len(cause) == EVENT_ID_LENGTH:
                self._causes.add(cause)
            rows.append(f"{event.tick:012}\t{place}\t{number:012}\t{chain_id}\t{body}\t{event_id}\t{cause}")
        if len(self._rows) >= self._full:
            self._pack(event.tick - TICKS_PLAIN)

    def lines(self) -> Iterator[bytes]:
        """Yield the canonical lines of the events added so far, without line ends."""
        numbers: dict[str, int] = {}
        count = 0
        for _, same_tick in groupby(self._sorted_rows(), itemgetter(slice(12))):
            # A row that comes twice is of an event that was repeated.
            rows = [row.split("\t") for row in dict.fromkeys(same_tick)]
            for number, row in enumerate(rows, count + 1):
                if row[5] in self._causes:
                    numbers.setdefault(row[5], number)
            for tick, *_, body, _event, cause in rows:
                count += 1
                line = f'{{"cause":{_cause(cause, numbers)},"line":{count},"tick":{int(tick)},{body}'
                yield line.encode()

    def hexdigest(self) -> str:
        """Return the SHA-256 of the lines so far, each ended by a line feed."""
        digest = sha256()
        for line in self.lines():
            digest.update(line + b"\n")
        return digest.hexdigest()

    def _pack(self, end: int) -> None:
        """Compress the rows of the ticks before `end`."""
        rows = sorted(self._rows)
        cut = bisect_left(rows, f"{end:012}")
        if cut:
            self._packed.append(zlib.compress("\n".join(rows[:cut]).encode(), level=1))
            self._packed_to = end
        self._rows = rows[cut:]
        self._full = len(self._rows) + ROWS_PLAIN

    def _sorted_rows(self) -> Iterable[str]:
        packed = chain.from_iterable(zlib.decompress(each).decode().split("\n") for each in self._packed)
        rows = chain(packed, sorted(self._rows))
        return heapq.merge(rows, sorted(self._late)) if self._late else rows


@lru_cache(1024)
def belongs(kind: str) -> bool:
    """Return whether events of a type are part of the economy."""
    return kind.partition(".")[0] == "market" or kind in _SYSTEM


def fact_rows(source: Record | AddressedEvent) -> list[FactRow]:
    """Return a row for each fact of an event of the economy.

    The body is formatted directly, keys in order, because most facts of a record share everything but their data.
    """
    if isinstance(source, Record):
        if source.stored is None:
            return _record_rows(source)
        texts: Iterable[FactText] = source.stored.facts()
        event_id, causation, actor = source.event_id, source.causation_id or "", source.actor
    else:
        found = fact_texts(source.event.data)
        if found is None:
            return _record_rows(as_record(source))
        texts, event = found, source.event
        event_id, causation, actor = event.event_id, event.causation_id or "", event.actor
    place, name = _place(source.subject)
    return [
        (
            place,
            number,
            chain_id,
            f'"actor":{_dump(actor if named is None else named)},"data":{data},"subject":{name}}}',
            event_id,
            causation if own is None else own,
        )
        for data, named, number, chain_id, own in texts
    ]


def _record_rows(entry: Record) -> list[FactRow]:
    place, name = _place(entry.subject)
    default = actor_text(entry)
    return [
        (
            place,
            number,
            chain_id,
            f'"actor":{_dump(actor) if actor else default},"data":{data},"subject":{name}}}',
            entry.event_id,
            own or "",
        )
        for data, actor, number, chain_id, own in record_texts(entry)
    ]


def record_texts(entry: Record) -> list[FactText]:
    """Return the texts of a record's facts, taken from its JSON."""
    parts = entry.parts
    if entry.type == subjects.RUN_OPENED.type:
        # The operator who opened a run, and the request, are no part of the economy.
        return [_fact_text(entry.data, None, "")]
    cause = entry.causation_id or ""
    if parts is None:
        return [_fact_text(entry.data, entry.actor, cause)]
    return [_fact_text(part, actor_of(entry, part), cause) for part in parts]


def _fact_text(data: Json, actor: str | None, cause: str) -> FactText:
    own = cause if actor is None else str(data.get("cause", cause))
    return _ENCODE(_clean(data)), actor, data.get("n", 0), str(data.get("id", "")), own


def actor_text(entry: Record | AddressedEvent) -> str:
    """Return the actor of facts that name none, as JSON."""
    if entry.type == subjects.RUN_OPENED.type:
        return "null"
    if isinstance(entry, LateEvent):
        return _dump(entry.address.actor)
    return _dump(entry.actor if isinstance(entry, Record) else entry.event.actor)


def place_text(subject: str) -> str:
    """Return a subject without its run, as JSON."""
    return _place(subject)[1]


def cause_text(name: str) -> str:
    """Return a cause that is no event of the log as JSON: the id of an order or a trade, null for the rest."""
    return f'"{name}"' if name and len(name) != EVENT_ID_LENGTH else _cause(name, {})


@lru_cache(1024)
def _place(subject: str) -> tuple[str, str]:
    """Return a subject without its run, as it is and as JSON."""
    place = subject.rpartition(".")[0]
    return place, _dump(place)


def _clean(data: Json) -> Json:
    if _LEFT_OUT.isdisjoint(data) and "scenario" not in data:
        return data
    kept = {key: value for key, value in data.items() if key not in _LEFT_OUT}
    if "scenario" in kept:
        kept["scenario"] = _clean_scenario(kept["scenario"])
    return kept


def _clean_scenario(scenario: Json) -> Json:
    """Leave out what the run does not depend on; expectations on events only judge it, and measures were always in the hash."""
    kept = {key: value for key, value in scenario.items() if key not in _LEFT_OUT}
    if "expectations" in kept:
        kept["expectations"] = [each for each in kept["expectations"] if "form" not in each]
    return kept


def _cause(name: str, numbers: dict[str, int]) -> str:
    """Return a cause as JSON: the line of a known event, the id of an order or a trade, null for the rest."""
    if name in numbers:
        return str(numbers[name])
    derived = len(name) == EVENT_ID_LENGTH and all(digit in "0123456789abcdef" for digit in name)
    return "null" if derived or not name else _dump(name)


_dump: Final = encode_basestring_ascii
"""Encoder of single strings."""
