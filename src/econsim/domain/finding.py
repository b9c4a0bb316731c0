"""The fault that a verification reports: its place, its name and its evidence. Pure.

Every verification of the domain returns findings instead of raising at the first one: the journal's
(`ledger/verify.py`), the run's (`verification/`) and the graph of causes' (`audit/causality.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

JOURNAL_ENTRY: Final = "journal entry"
"""Kind of place: sequence of a journal entry; the last entry's for a finding about balances."""

PLACE_IN_LOG: Final = "place in the log"
"""Kind of place: sequence of a record in the stream of the audit log."""

PLACE_IN_BUCKET: Final = "place in the bucket"
"""Kind of place: sequence of a write in the ledger's bucket."""

RECORD_OF_LOG: Final = "record of the log"
"""Kind of place: number of records read; a finding about the whole log stands at its last one."""

TICK: Final = "tick"
"""Kind of place: logical time of a fact."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault found by a verification."""

    place: int
    """Number of the faulty record, counted as `counted` says."""
    record: str
    """Event id of the faulty record. A finding about balances has the holder, any other without an event id has
    the subject, key, event type or market."""
    what: str
    """Fault as a sentence in snake case: `sequence_has_a_gap`."""
    evidence: str
    """Values that disagree."""
    counted: str = JOURNAL_ENTRY
    """Kind of place that `place` counts."""
