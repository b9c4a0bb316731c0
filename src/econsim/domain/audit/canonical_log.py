"""The canonical log of a run, and its hash: equal for equal runs, over memory or NATS. Pure.

One JSON line a fact, sorted by tick, subject and place within the subject. Everything that differs between two
executions of the same scenario is left out: run id, salt, wall-clock, trace, the journal's sequences and hashes, the
batching of facts into messages, the number of hosts and processes. Event ids are replaced by line numbers. The hash
is the SHA-256 of the lines.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from json.encoder import encode_basestring_ascii as _quoted
from typing import Final

from econsim import subjects
from econsim.domain.audit.canonical_facts import FactText, fact_texts
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import Json, Record, as_record, facts

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

_ENCODE: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode
"""Encoder of all lines: to make one for each line would take longer than the line."""

_TICKS_PLAIN: Final = 8
"""Number of newest ticks kept uncompressed at least; transfers reach the log a few ticks late."""

_ROWS_PLAIN_MAX: Final = 100_000
"""Facts kept uncompressed, about 40 MB; to compress a tick of ten facts costs more than to make them."""

_EVENT_ID_LENGTH: Final = 32
"""Hex digits of a derived event id; a cause of another form is the id of an order or a trade and stays."""


class CanonicalLog:
    """The canonical log of one run, collected from events in any order.

    Older ticks are kept compressed (about 20 bytes a fact): the log has no point at which a tick is complete,
    because the ledger's entries are copied into it later.
    """

    def __init__(self) -> None:
        """Start without events."""
        self._seen: set[str] = set()
        self._rows: dict[int, list[bytes]] = {}
        self._plain = 0
        self._packed: dict[int, list[bytes]] = {}

    def add(self, source: Record | AddressedEvent) -> None:
        """Add one event; repeats of an event id and events of infrastructure are ignored.

        Most events cost a fifth as what they are than as records: their JSON is not made.
        """
        if isinstance(source, Record):
            id_, kind, tick = source.event_id, source.type, source.tick
        else:
            id_, kind, tick = source.event.event_id, source.event.type, source.event.tick
        if id_ in self._seen or not _belongs(kind):
            return
        self._seen.add(id_)
        rows = self._rows.setdefault(tick, [])
        self._plain -= len(rows)
        rows.extend(_rows(source))
        self._plain += len(rows)
        while self._plain > _ROWS_PLAIN_MAX and len(self._rows) > _TICKS_PLAIN:
            self._pack(min(self._rows))

    def lines(self) -> Iterator[bytes]:
        """Yield the canonical lines of the events added so far, without line ends."""
        numbers: dict[str, int] = {}
        count = 0
        for tick in sorted({*self._rows, *self._packed}):
            rows = sorted(row.split(b"\t") for row in self._rows_of(tick))
            for number, row in enumerate(rows, count + 1):
                numbers.setdefault(row[4].decode(), number)
            for *_, body, _event, cause in rows:
                count += 1
                yield b'{"cause":%b,"line":%d,"tick":%d,%b' % (_cause(cause, numbers), count, tick, body[1:])

    def hexdigest(self) -> str:
        """Return the SHA-256 of the lines so far, each ended by a line feed."""
        digest = sha256()
        for line in self.lines():
            digest.update(line + b"\n")
        return digest.hexdigest()

    def _pack(self, tick: int) -> None:
        rows = self._rows.pop(tick)
        self._plain -= len(rows)
        self._packed.setdefault(tick, []).append(zlib.compress(b"\n".join(rows), level=1))

    def _rows_of(self, tick: int) -> Iterator[bytes]:
        yield from self._rows.get(tick, ())
        for packed in self._packed.get(tick, ()):
            yield from zlib.decompress(packed).split(b"\n")


@lru_cache
def _belongs(kind: str) -> bool:
    return kind.partition(".")[0] == "market" or kind in _SYSTEM


def _rows(source: Record | AddressedEvent) -> Iterator[bytes]:
    """Yield a row for each fact: sort key, body, event id and cause, separated by tabs; JSON text contains no raw tab."""
    if isinstance(source, AddressedEvent) and (texts := fact_texts(source.event.data)) is not None:
        return _typed_rows(source, texts)
    return _record_rows(as_record(source))


def _typed_rows(source: AddressedEvent, texts: Iterator[FactText]) -> Iterator[bytes]:
    """Yield the rows of an event whose facts have a text of their own."""
    event, place = source.event, source.subject.rpartition(".")[0]
    name, actor, cause = _quoted(place), _quoted(event.actor), event.causation_id or ""
    for fact in texts:
        who = actor if fact.actor is None else _quoted(fact.actor)
        yield (
            f"{place}\t{fact.number:012d}\t{fact.chain}\t"
            f'{{"actor":{who},"data":{fact.data},"subject":{name}}}\t'
            f"{event.event_id}\t{cause if fact.cause is None else fact.cause}"
        ).encode()


def _record_rows(entry: Record) -> Iterator[bytes]:
    """Yield the rows of a record.

    The body is formatted directly, keys in order, because most facts of a record share everything but their data.
    """
    subject = entry.subject.rpartition(".")[0]
    place, name = subject.encode(), _dump(subject)
    # The operator who opened a run, and the request, are no part of the economy.
    opened = entry.type == subjects.RUN_OPENED.type
    for fact in facts(entry):
        data = fact.data
        body = b'{"actor":%b,"data":%b,"subject":%b}' % (
            b"null" if opened else _dump(fact.actor),
            _dump(_clean(data)),
            name,
        )
        cause = "" if opened else str(data.get("cause", fact.causation_id or ""))
        chain, ids = str(data.get("id", "")).encode(), f"{entry.event_id}\t{cause}".encode()
        yield b"%b\t%012d\t%b\t%b\t%b" % (place, data.get("n", 0), chain, body, ids)


def _clean(data: Json) -> Json:
    if _LEFT_OUT.isdisjoint(data) and "scenario" not in data:
        return data
    kept = {key: value for key, value in data.items() if key not in _LEFT_OUT}
    if "scenario" in kept:
        kept["scenario"] = {key: value for key, value in kept["scenario"].items() if key not in _LEFT_OUT}
    return kept


def _cause(cause: bytes, numbers: dict[str, int]) -> bytes:
    """Return a cause as JSON: the line of a known event, the id of an order or a trade, null for the rest."""
    name = cause.decode()
    if name in numbers:
        return b"%d" % numbers[name]
    derived = len(name) == _EVENT_ID_LENGTH and all(digit in "0123456789abcdef" for digit in name)
    return b"null" if derived or not name else _dump(name)


def _dump(value: object) -> bytes:
    return (_quoted(value) if isinstance(value, str) else _ENCODE(value)).encode()
