"""Faults of a log that is judged: gaps, repeats, forged and unreadable records, each with its sequence. Pure.

A fault makes verdicts undecidable that rest on events of its types; all others stay. Records are counted in their text, so
that events nobody looks at are not decoded. Repeats are dropped: services publish at least once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import from_json, to_json

from econsim import subjects
from econsim.domain.audit.facts import Record, record
from econsim.domain.expectation.names import CATALOG, REPORTED, data_of
from econsim.domain.expectation.occurrence import is_time
from econsim.domain.ledger.journal import GENESIS_HASH, chained_hash, entry_hash
from econsim.errors import InvalidMessage
from econsim.schemas.base import SCHEMA_VERSION
from econsim.schemas.clock import RunClosed
from econsim.schemas.ledger import TransferPosted, TransferRefused

FAULTS_MAX: Final = 1_000
"""Faults that are kept: a log with more is not worth a longer list, and its verdicts are undecidable already."""

ITEM_TYPES: Final = frozenset(
    row.type
    for row in (
        subjects.BID_ACCEPTED,
        subjects.ASK_ACCEPTED,
        subjects.ORDER_REJECTED,
        subjects.TRADE_EXECUTED,
        subjects.ORDER_CANCELLED,
    )
)
"""Types of events whose items a market numbers and counts."""

QUOTE_TYPES: Final = frozenset({subjects.TICK_CLEARED.type, subjects.PRICE_UPDATED.type})
"""Types of events with a market's quote: it is told when it changes, and after each batch."""

BOOK_TYPES: Final = ITEM_TYPES | QUOTE_TYPES
"""Types of events of a book, of which a missing batch may have had any."""

JOURNAL_TYPES: Final = frozenset({subjects.TRANSFER_POSTED.type, subjects.TRANSFER_REFUSED.type})
"""Types of copied journal entries."""

CLOCK_TYPES: Final = frozenset(
    {subjects.TICKED.type, subjects.PERIOD_OPENED.type, subjects.PERIOD_CLOSED.type}
)
"""Types of the clock's events."""

_ENDS: Final = frozenset({subjects.RUN_OPENED.type, subjects.RUN_CLOSED.type})
"""Types of the first and the last event of a run, by which a log is known to be whole."""

WRONG_CONTENT: Final = (LookupError, TypeError, ValueError, AttributeError, InvalidMessage)
"""Errors of what reads content that does not follow its schema."""

_POSTED: Final = b"posted\n"
_REFUSED: Final = b"refused\n"
_ENTRY: Final = re.compile(r'"data":\{"sequence":(\d+),"previous_hash":"(\w+)","hash":"(\w+)","chains":')


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with the log."""

    sequence: int
    """Place of the record in the log; for a gap, of the record after it."""
    what: str
    """Fault as a sentence in snake case: `journal_has_a_gap`."""
    text: str
    """Fault in words, with the values that disagree."""
    types: frozenset[str] = frozenset()
    """Types of events that cannot be relied upon; empty for all."""
    whole_to: int = 0
    """Place up to which the log was whole."""


_Quote = tuple[int | None, int | None, int | None]


@dataclass(slots=True)
class _ToldBook:
    """Newest of what was told of one book."""

    items: int = 0
    """Items since its newest batch ended."""
    batch: int = 0
    whole_to: int = 0
    """Place of the end of the newest batch."""
    quote: _Quote = (None, None, None)
    """Newest best bid, best ask and last price."""


class Integrity:
    """The checks of one log, record by record."""

    def __init__(self, watched: frozenset[str]) -> None:
        """Check what matters to these types of events."""
        self.faults: list[Fault] = []
        """Faults, in log order."""
        self._last = self._tick = self._ticked = self._entry = self._entered = 0
        self._head = GENESIS_HASH
        self._closed = self._opened = False
        self._closing: RunClosed | None = None
        self._newest: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        self._books: dict[str, _ToldBook] = {}
        self._checks: dict[str, Callable[[Record, int], bool]] = {
            subjects.TICKED.type: self._check_tick,
            subjects.RUN_OPENED.type: self._check_opening,
            subjects.RUN_CLOSED.type: self._check_closing,
        }
        if watched & BOOK_TYPES:
            self._checks |= dict.fromkeys(ITEM_TYPES, self._count_items)
            self._checks[subjects.PRICE_UPDATED.type] = self._note_price
            self._checks[subjects.TICK_CLEARED.type] = self._check_batch
        if watched & JOURNAL_TYPES:
            self._checks |= dict.fromkeys(JOURNAL_TYPES, self._check_entry)

    def read(self, subject: str, payload: bytes, sequence: int) -> Record | None:
        """Return a stored record; none, and a fault, for one that cannot be read or says other things than its subject."""
        kind, run = _type_and_run(subject)
        try:
            entry = record(subject, payload)
            # A record in the form that services write has the version that was looked for.
            version = (
                SCHEMA_VERSION if isinstance(entry.content, str) else from_json(payload).get("schema_version")
            )
        except InvalidMessage as error:
            self.add(sequence, "record_is_unreadable", str(error), kind)
            return None
        if version != SCHEMA_VERSION:
            text = f"its version is {version!r}, known is {SCHEMA_VERSION}: it was written by another econsim"
            self.add(sequence, "record_has_unknown_version", text, kind)
        elif (entry.type, entry.correlation_id) != (kind, run):
            text = f"it says {entry.type} of run {entry.correlation_id} on subject {subject}: it is forged"
            self.add(sequence, "record_is_forged", text, kind, entry.type)
        elif not is_time(entry.occurred_at):
            self.add(
                sequence, "record_has_no_time", f"its time is {entry.occurred_at!r}, which is none", kind
            )
        else:
            return entry
        return None

    def admits(self, entry: Record, sequence: int, run: str, *, is_watched: bool) -> bool:
        """Check the next record; return whether it is to be judged: repeats and records of other runs are not."""
        if sequence <= self._last:
            if sequence < self._last:
                text = f"it comes after record {self._last}: the copies are out of order"
                self.add(sequence, "record_is_out_of_order", text, entry.type)
            return False
        self._last = sequence
        if entry.correlation_id != run:
            self.add(sequence, "record_is_of_another_run", f"it is of run {entry.correlation_id}", entry.type)
            return False
        check = self._checks.get(entry.type)
        if check is not None:
            try:
                return check(entry, sequence)
            except WRONG_CONTENT as error:
                self.misfit(sequence, entry.type, error)
                return False
        return not (is_watched and self._is_repeat(entry))

    def add(self, sequence: int, what: str, text: str, *types: str, whole_to: int | None = None) -> None:
        """Note a fault that makes events of these types unreliable; of all types if none is named.

        `whole_to` is the place up to which they are not, by default up to the one before.
        """
        if len(self.faults) < FAULTS_MAX:
            place = sequence - 1 if whole_to is None else whole_to
            self.faults.append(Fault(sequence, what, text, frozenset(types), place))

    def misfit(self, sequence: int, kind: str, error: Exception) -> None:
        """Note that a record's content does not follow the schema of its type."""
        text = f"its content does not follow the schema of {kind}: {type(error).__name__} {error}"
        self.add(sequence, "record_does_not_follow_its_schema", text, kind)

    def first(self, types: frozenset[str]) -> Fault | None:
        """Return the first fault that matters to these types of events."""
        return next((fault for fault in self.faults if not fault.types or fault.types & types), None)

    def end(self, sequence: int) -> None:
        """Note what a whole run would have had."""
        if not self._opened:
            self.add(
                sequence, "run_has_no_opening", "the log has no opening of the run; read it from its start"
            )
        if not self._closed:
            self.add(sequence, "run_is_not_closed", "the log ends before the run was closed")
        if self._closing and self._opened:
            self._compare_with(self._closing, sequence)

    def vouch(self, kind: str) -> None:
        """Note an event of a run in memory, where all come once and in order."""
        if kind in _ENDS:
            self._opened |= kind == subjects.RUN_OPENED.type
            self._closed |= kind == subjects.RUN_CLOSED.type

    def _compare_with(self, closing: RunClosed, sequence: int) -> None:
        """Note ticks and journal entries that the closing counts and that did not come."""
        if self._tick < closing.ticks:
            text = f"the log has {self._tick} ticks, the run had {closing.ticks}"
            self.add(sequence, "tick_is_missing", text, whole_to=self._ticked)
        if subjects.TRANSFER_POSTED.type in self._checks and self._entry < closing.journal_sequence:
            text = f"the log has {self._entry} journal entries, the run had {closing.journal_sequence}"
            self.add(sequence, "journal_has_a_gap", text, *JOURNAL_TYPES, whole_to=self._entered)

    def _is_repeat(self, entry: Record) -> bool:
        again = self._newest.get(entry.subject) == entry.event_id
        self._newest[entry.subject] = entry.event_id
        return again

    def _check_opening(self, entry: Record, sequence: int) -> bool:
        del sequence
        self._opened = True
        return not self._is_repeat(entry)

    def _check_closing(self, entry: Record, sequence: int) -> bool:
        del sequence
        self._closing, self._closed = RunClosed.model_validate_json(to_json(entry.data)), True
        return not self._is_repeat(entry)

    def _check_tick(self, entry: Record, sequence: int) -> bool:
        if self._is_repeat(entry):
            return False
        if entry.tick != self._tick + 1 and self._opened:
            text = f"tick {entry.tick} opens after tick {self._tick}"
            what = "tick_is_missing" if entry.tick > self._tick else "tick_comes_again"
            self.add(sequence, what, text, whole_to=self._ticked)
        self._tick, self._ticked = max(self._tick, entry.tick), sequence
        return True

    def _count_items(self, entry: Record, sequence: int) -> bool:
        """Count the items of a market's event; return false for a repeat, whose numbers its subject has passed."""
        book = self._books.setdefault(entry.entity, _ToldBook())
        numbers = entry.numbers
        del sequence
        last = self._numbers.get(entry.subject, 0)
        if numbers and 0 < numbers[0] <= last:
            return False
        self._numbers[entry.subject] = max(numbers, default=0) or last
        book.items += len([number for number in numbers if number > 0])
        return True

    def _note_price(self, entry: Record, sequence: int) -> bool:
        del sequence
        if self._is_repeat(entry):
            return False
        self._books.setdefault(entry.entity, _ToldBook()).quote = _quote(entry)
        return True

    def _check_batch(self, entry: Record, sequence: int) -> bool:
        """Compare the number of a batch's items, and the quote after it, with what came."""
        if self._is_repeat(entry):
            return False
        batch, items, quote = _field(entry, "batch"), _field(entry, "items"), _quote(entry)
        book = self._books.setdefault(entry.entity, _ToldBook())
        where = f"batch {batch} of {entry.entity}"
        if batch != book.batch + 1 and self._opened:
            self.add(
                sequence,
                "batch_is_missing",
                f"{where} comes after batch {book.batch}",
                *BOOK_TYPES,
                whole_to=book.whole_to,
            )
        elif items != book.items and (self._opened or book.batch):
            text = f"{where} has {items} items, the log has {book.items}"
            what = "items_are_missing" if items > book.items else "items_are_forged"
            self.add(sequence, what, text, *BOOK_TYPES, whole_to=book.whole_to)
        if quote != book.quote and (self._opened or book.batch):
            text = (
                f"the quote after {where} is not the one that was told last: a new price is missing or forged"
            )
            self.add(sequence, "price_is_missing", text, *QUOTE_TYPES, whole_to=book.whole_to)
        book.batch, book.items, book.whole_to, book.quote = batch, 0, sequence, quote
        return True

    def _check_entry(self, entry: Record, sequence: int) -> bool:
        """Check that a journal entry follows the one before, and has the hash of its content."""
        # An entry of a run in memory was made with its hash, and no text of it was ever written.
        is_made = isinstance(entry.content, BaseModel)
        if isinstance(entry.content, str) and (found := _ENTRY.search(entry.content)):
            number, before, said = int(found[1]), found[2], found[3]
            kind = _POSTED if entry.type == subjects.TRANSFER_POSTED.type else _REFUSED
            body = kind + entry.content[found.end() : -2].encode()
            real = chained_hash(before, number, body)
        else:
            number, before, said = entry.data["sequence"], entry.data["previous_hash"], entry.data["hash"]
            real = said if is_made else _hash(entry)
        if number <= self._entry:
            if number < self._entry and not self._is_repeat(entry):
                text = f"journal entry {number} comes after entry {self._entry}"
                self.add(sequence, "journal_is_out_of_order", text, *JOURNAL_TYPES)
            return False
        self._newest[entry.subject] = entry.event_id
        if number != self._entry + 1 and self._opened:
            text = f"journal entry {number} comes after entry {self._entry}"
            self.add(sequence, "journal_has_a_gap", text, *JOURNAL_TYPES, whole_to=self._entered)
        elif real != said or (before != self._head and self._opened):
            self.add(
                sequence,
                "journal_entry_is_forged",
                f"entry {number} has not the hash of its content",
                *JOURNAL_TYPES,
            )
        self._entry, self._head, self._entered = number, said, sequence
        return True


def follows_schema(entry: Record) -> bool:
    """Return whether a record's content is as its schema says, so that what went wrong is not its fault."""
    try:
        data_of(entry.type if entry.type in CATALOG else REPORTED).model_validate_json(to_json(entry.data))
    except WRONG_CONTENT:
        return False
    return True


@lru_cache(4_096)
def _type_and_run(subject: str) -> tuple[str, str]:
    """Return type and run that a subject tells of its events."""
    domain, _, action, run = (*subject.split(".", 3), "", "", "", "")[:4]
    return f"{domain}.{action}", run


def _hash(entry: Record) -> str:
    """Return the hash that follows from an entry which is not in the text that services write."""
    model = TransferPosted if entry.type == subjects.TRANSFER_POSTED.type else TransferRefused
    return entry_hash(model.model_validate_json(to_json(entry.data)))


def _field(entry: Record, name: str) -> Any:  # noqa: ANN401 - as the log has it
    """Return a field of the data of a batch or a price; of what its service wrote, without its JSON."""
    return entry.data[name] if entry.stored is None else getattr(entry.stored, name)


def _quote(entry: Record) -> _Quote:
    quote = _field(entry, "quote")
    if entry.stored is None:
        return quote["bid"], quote["ask"], quote["last"]
    return quote.bid, quote.ask, quote.last
