"""The place that a run's stored events and journal have reached, read from the log and from the ledger's bucket.

A worker reads it when it takes a run over, and whenever it does not know whether a bundle was stored.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from nats.aio.client import Client

from econsim import subjects
from econsim.adapters.jetstream.direct_get import StoredMessage, get_last
from econsim.adapters.jetstream.state_store import BUCKET
from econsim.domain.ledger.bucket import parse_entry
from econsim.ports import Write
from econsim.schemas.names import JOURNAL_KEYS
from econsim.subjects import AUDIT

STORED_EVENTS: Final = tuple(row for row in subjects.EXECUTED_EVENTS if row is not subjects.RUN_CLOSED)
"""Events that an executor stores in bundles; it publishes the closing on its own."""


@dataclass(frozen=True, slots=True)
class LogPlace:
    """The place that a run's events have reached in the log."""

    event_id: str = ""
    """Id of the newest event; empty before the first."""
    ticked: int = 0
    """Place in the log of the newest `ticked`, 0 before the first: the next batch follows it (fencing)."""


@dataclass(frozen=True, slots=True)
class JournalPlace:
    """The place that a run's journal has reached in the bucket."""

    revision: int = 0
    """Revision of the newest write, an entry or a position: the next commit follows it (fencing)."""
    sequence: int = 0
    """Sequence of the newest entry, 0 before the first."""
    hash: str = ""
    """Hash of the newest entry."""
    newest: Write | None = None
    """Newest write itself, to tell whether it is this worker's."""


async def log_place(client: Client, run: str) -> LogPlace:
    """Return the place of a run's events, as the log's leader knows it. Raises Unavailable if it does not answer."""
    found = {row: await get_last(client, AUDIT, row.pattern(run=run)) for row in STORED_EVENTS}
    newest = _newest(*found.values())
    ticked = found[subjects.TICKED]
    return LogPlace(
        str(json.loads(newest.payload)["event_id"]) if newest else "", ticked.sequence if ticked else 0
    )


async def journal_place(client: Client, run: str) -> JournalPlace:
    """Return the place of a run's journal, as the bucket's leader knows it. Raises Unavailable if it does not answer."""
    stream, prefix = f"KV_{BUCKET}", f"$KV.{BUCKET}."
    write = await get_last(client, stream, f"{prefix}{run}.>")
    entry = _newest(*[await get_last(client, stream, f"{prefix}{run}.{kind}.*") for kind in JOURNAL_KEYS])
    if write is None or entry is None:
        return JournalPlace()
    data = parse_entry(entry.subject.removeprefix(prefix), entry.payload).data
    newest = Write(write.subject.removeprefix(prefix), write.payload)
    return JournalPlace(write.sequence, data.sequence, data.hash, newest)


def _newest(*stored: StoredMessage | None) -> StoredMessage | None:
    return max((each for each in stored if each), key=lambda each: each.sequence, default=None)
