"""Records of one run in the order of its log: without repeats, each with its tick, until the end of the run. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from econsim import subjects
from econsim.domain.audit.causality import UNCAUSED_TYPES
from econsim.domain.audit.deduplication import Deduplicator
from econsim.domain.audit.facts import Record

_TICKED: Final = subjects.TICKED.type
_CLOSED: Final = subjects.RUN_CLOSED.type
_ENTRIES: Final = frozenset({subjects.TRANSFER_POSTED.type, subjects.TRANSFER_REFUSED.type})
_STOPS: Final = frozenset({subjects.RUN_STOPPED.type, subjects.RUN_RESUMED.type})


class RunEnd:
    """End of a run, found from its records: closed, and every entry of its ledger read."""

    def __init__(self) -> None:
        """Start before the first record."""
        self.closed = self.stopped = False
        self._newest: Record | None = None
        self._wanted: int | None = None

    @property
    def seen(self) -> int:
        """Return the sequence of the newest ledger entry that was read; 0 before the first."""
        return self._newest.data["sequence"] if self._newest else 0

    @property
    def reached(self) -> bool:
        """Tell whether no record can follow."""
        return self._wanted is not None and self.seen >= self._wanted

    def see(self, entry: Record) -> None:
        """Add the next record."""
        kind = entry.type
        if kind in _ENTRIES:
            self._newest = entry
        elif kind == _CLOSED:
            self.closed, self._wanted = True, entry.data["journal_sequence"]
        elif kind in _STOPS:
            self.stopped = kind == subjects.RUN_STOPPED.type


class RunRecords:
    """State of a reader of a run's log between two records."""

    def __init__(self) -> None:
        """Start before the first record."""
        self.end = RunEnd()
        """End of the run, as far as it was read."""
        self.tick = 0
        """Tick that is open."""
        self._repeats = Deduplicator()

    def take(self, entry: Record) -> Record | None:
        """Return the next record, at the tick that is open if it has none of its own; none for a repeat (deduplication)."""
        if entry.type == _TICKED:
            self.tick = entry.tick
        elif not entry.tick and entry.type in UNCAUSED_TYPES:
            entry = replace(entry, tick=self.tick, content=entry.data)
        self.end.see(entry)
        return None if self._repeats.is_repeat(entry) else entry
