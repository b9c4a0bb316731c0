"""Telling what the log says twice from what it says once, with a few numbers a subject. Pure.

Who died before its work was acknowledged does it again, under the same ids. The log's stream drops the repeats as
long as it knows the ids, which is minutes; after a longer absence they are stored, and whoever reads folds them.
"""

from __future__ import annotations

from econsim.domain.audit.facts import Record


class Deduplicator:
    """What was told so far of one run."""

    def __init__(self) -> None:
        """Start before the first event."""
        self._newest: dict[str, str] = {}
        self._numbers: dict[str, int] = {}

    def is_repeat(self, record: Record) -> bool:
        """Take the next event in; return whether the log told it before.

        Items are numbered through a book's history. Of any other subject only the newest event can come again: its
        author went on only when that was stored.
        """
        subject = record.subject
        items = record.data.get("items")
        if isinstance(items, list) and items:
            last = self._numbers.get(subject, 0)
            self._numbers[subject] = max(last, items[-1].get("n", 0))
            return bool(0 < items[0].get("n", 0) <= last)
        again = self._newest.get(subject) == record.event_id
        self._newest[subject] = record.event_id
        return again
