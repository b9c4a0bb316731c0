"""The hash of the canonical log of a stored run, without the log. Pure.

A stored run is nearly in order: entries of the ledger come a few ticks late, or of many ticks at once before or after the other events of
those (`services/executor`), and causes are the opening of a tick nearby, or an event that is no market's. So the lines of a tick are
final soon after it, and only their digest is kept: memory does not grow with the run, and nothing is compressed and read again. What comes later still, or names another cause, makes the hash unknown here. Such a run is
read once more, by `canonical_log.CanonicalLog`, which takes events in any order.
"""

from __future__ import annotations

from hashlib import sha256
from operator import eq
from typing import Final

from econsim import subjects
from econsim.domain.audit.canonical_log import (
    EVENT_ID_LENGTH,
    ROWS_PLAIN,
    TICKS_PLAIN,
    FactRow,
    belongs,
    cause_text,
    fact_rows,
)
from econsim.domain.audit.facts import Record

_OF_MARKETS: Final = f"{subjects.TICK_CLEARED.type.partition('.')[0]}."
_TICKED: Final = subjects.TICKED.template.rpartition(".")[0]
_ENTRIES: Final = frozenset({subjects.TRANSFER_POSTED.type, subjects.TRANSFER_REFUSED.type})

BUNDLES_HELD: Final = 16
"""Times `rows_held` facts that wait for entries of the ledger, at most."""


class CanonicalStream:
    """The hash of the canonical log of one run, from records that come nearly in order."""

    def __init__(self, rows_held: int = ROWS_PLAIN) -> None:
        """Start without records; so many facts come before older ticks are hashed."""
        self._digest = sha256()
        self._lines = 0
        self._ticks: dict[int, list[FactRow]] = {}
        self._rows_held = rows_held
        self._held, self._full = 0, rows_held
        self._begin = self._entered = self._told = 0
        self._is_known = True
        self._recent: dict[str, int] = {}
        self._older: dict[str, int] = {}
        self._lasting: dict[str, int] = {}

    def add(self, entry: Record) -> None:
        """Add the next record; repeats of an event and events of infrastructure are ignored."""
        if not belongs(entry.type):
            return
        tick = entry.tick
        if tick < self._begin:
            self._is_known = False
            return
        rows = fact_rows(entry)
        self._held += len(rows)
        held = self._ticks.get(tick)
        if held is None:
            self._ticks[tick] = rows
        else:
            held += rows
        if entry.type in _ENTRIES:
            self._entered = max(self._entered, tick)
        else:
            self._told = max(self._told, tick)
        if self._held >= self._full:
            self._hash_before(self._end())
            self._full = self._held + self._rows_held

    def hexdigest(self) -> str:
        """Return the hash of all records, after which none can be added; empty if one came too late."""
        self._hash_before(max(self._ticks, default=0) + 1)
        return self._digest.hexdigest() if self._is_known else ""

    def _end(self) -> int:
        """Return the tick before which all ticks are whole: entries are in order among themselves, and other events nearly so."""
        end = self._told - TICKS_PLAIN
        return end if self._held > BUNDLES_HELD * self._rows_held else min(end, self._entered)

    def _hash_before(self, end: int) -> None:
        """Hash the lines of the ticks before `end`, and forget them."""
        if end <= self._begin:
            return
        self._older, self._recent = self._recent, {}
        for tick in sorted(each for each in self._ticks if each < end):
            self._hash_tick(tick, self._ticks.pop(tick))
        self._begin = max(self._begin, end)
        self._held = sum(map(len, self._ticks.values()))

    def _hash_tick(self, tick: int, rows: list[FactRow]) -> None:
        rows.sort()
        if any(map(eq, rows, rows[1:])):
            # A row that comes twice is of an event that was repeated.
            rows = list(dict.fromkeys(rows))
        for number, row in enumerate(rows, self._lines + 1):
            place = row[0]
            if not place.startswith(_OF_MARKETS):
                (self._recent if place == _TICKED else self._lasting).setdefault(row[4], number)
        lines, before, cause = [], "", "null"
        for number, (_, _, _, body, _, name) in enumerate(rows, self._lines + 1):
            if name != before:
                before, cause = name, self._cause(name)
            lines.append(f'{{"cause":{cause},"line":{number},"tick":{tick},{body}\n')
        self._lines += len(rows)
        self._digest.update("".join(lines).encode())

    def _cause(self, name: str) -> str:
        """Return a cause as JSON; what may be the id of an event of a market, or of a tick that is forgotten, makes the hash unknown."""
        if len(name) == EVENT_ID_LENGTH:
            for numbers in (self._recent, self._older, self._lasting):
                if name in numbers:
                    return str(numbers[name])
            self._is_known = False
        return cause_text(name)
