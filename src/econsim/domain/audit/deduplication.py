"""Deduplication of the log's records by a reader, with a few numbers a subject. Pure.

A service that dies before its work is acknowledged repeats it under the same ids (at-least-once). The log's stream
drops repeats for as long as it remembers the ids, which is minutes; repeats after a longer absence are stored, and each
reader drops them.
"""

from __future__ import annotations

from econsim.domain.audit.facts import Record


class Deduplicator:
    """The newest event and item number of each subject of one run."""

    def __init__(self) -> None:
        """Start before the first event."""
        self._newest: dict[str, str] = {}
        self._numbers: dict[str, int] = {}

    def is_repeat(self, record: Record) -> bool:
        """Add the next record; return whether the log had it before.

        Items are numbered over the whole history of a book. On any other subject only the newest event can be
        repeated: its publisher went on only after that one was stored.
        """
        subject = record.subject
        if numbers := record.numbers:
            first, last = numbers[0], numbers[-1]
            before = self._numbers.get(subject, 0)
            self._numbers[subject] = max(before, last)
            return 0 < first <= before
        again = self._newest.get(subject) == record.event_id
        self._newest[subject] = record.event_id
        return again
