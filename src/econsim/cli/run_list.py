"""Which runs there are: those the log opens, and those of which only a part is left, or the ledger alone.

The log keeps a run for 30 days. After that its records go one by one, the opening first, and the ledger's bucket
still has its journal. What lacks its opening and is younger was not given up: it is damage.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from econsim import subjects
from econsim.adapters.clock import SystemClock
from econsim.adapters.jetstream import run_reader
from econsim.cli.run_log import CATCH_UP_S, verified_record
from econsim.errors import CorruptLog, InvalidMessage
from econsim.runs.retention import retention_end
from econsim.schemas.stream import DAY_S
from econsim.schemas.subject import Subject, fields
from econsim.streams import AUDIT_LOG

if TYPE_CHECKING:
    from nats.aio.client import Client

    from econsim.adapters.jetstream.direct_get import StoredMessage
    from econsim.adapters.jetstream.gaps import Gap
    from econsim.domain.audit.facts import Record

POLL_INTERVAL_S: Final = 0.05
"""Pause before the log is asked again for an entry the server still copies."""

RETENTION_NOTE: Final = f"the log keeps a run for {AUDIT_LOG.max_age_s // DAY_S} days; `econsim export RUN --parquet DIR` keeps it for good"
"""What is said wherever a run's log is shown."""


@dataclass(frozen=True, slots=True)
class RunStatus:
    """A run of which the log has something."""

    name: str
    """Its id."""
    scenario: str
    """Name of what was run; empty if the opening is gone."""
    opened_at: str
    """RFC 3339 time, UTC; of a run without opening, of the oldest that is left of it."""
    tick: int
    """The newest tick."""
    closed: bool
    """Whether it ended."""
    failure: str
    """Reason why it ended early, as a sentence; empty when it ran to its end, or is open."""
    stopped: bool = False
    """Whether it was stopped and waits to be resumed."""
    partly: bool = False
    """Whether the log gave its beginning up."""

    @property
    def retention_end(self) -> str:
        """Return the day on which the log begins to give it up."""
        return retention_end(self.opened_at)


@dataclass(slots=True)
class RunList:
    """All runs."""

    seen: list[RunStatus] = field(default_factory=list)
    """Runs of which the log has something, oldest first."""
    gone: list[str] = field(default_factory=list)
    """Runs of which the log has nothing any more, because they are too old; their ledgers are left."""
    damage: list[str] = field(default_factory=list)
    """What is missing or cannot be read, each with its place."""

    def check(self) -> None:
        """Raise CorruptLog if anything is missing or cannot be read."""
        if self.damage:
            message = "; ".join(self.damage)
            raise CorruptLog(message)


async def list_runs(client: Client) -> RunList:
    """Return all runs, and what is not whole."""
    found = RunList()
    gaps: list[Gap] = []
    openings = await run_reader.openings(client, gaps)
    found.damage.extend(map(str, gaps))
    for opening in openings:
        await _add(client, found, opening)
    opened = {fields(each.subject).run for each in openings}
    for run, left in (await run_reader.remains(client)).items():
        if run not in opened:
            await _add_without_opening(client, found, run, left)
    return found


async def _add(client: Client, found: RunList, opening: StoredMessage) -> None:
    run = fields(opening.subject).run
    try:
        name = str(verified_record(opening).data["scenario"]["name"])
        ticked = await _newest(client, subjects.TICKED, run)
        closed = await _newest(client, subjects.RUN_CLOSED, run)
        stopped = closed is None and await _stopped(client, run)
    except InvalidMessage as error:
        found.damage.append(f"run {run!r}: {error}")
        return
    failure = closed.data.get("failure", "") if closed else ""
    found.seen.append(
        RunStatus(
            run, name, opening.stored_at, ticked.tick if ticked else 0, closed is not None, failure, stopped
        )
    )
    if missing := await _missing_entries(client, run):
        found.damage.append(f"run {run!r}: {missing}; `econsim ledger verify {run}` names everything")


async def _add_without_opening(client: Client, found: RunList, run: str, left: StoredMessage) -> None:
    """Tell of a run without opening: too old, or damaged."""
    old = retention_end(left.stored_at) < SystemClock().now()[:10]
    if not old:
        found.damage.append(
            f"run {run!r}: its opening is gone; `econsim ledger verify {run}` names what is left"
        )
    elif await run_reader.newest(client, f"*.*.*.{run}") is None:
        found.gone.append(run)
    else:
        ticked = await _newest(client, subjects.TICKED, run)
        closed = await _newest(client, subjects.RUN_CLOSED, run)
        tick = ticked.tick if ticked else 0
        found.seen.insert(0, RunStatus(run, "", left.stored_at, tick, closed is not None, "", partly=True))


async def _newest(client: Client, subject: Subject, run: str) -> Record | None:
    stored = await run_reader.newest(client, subject(run=run))
    return None if stored is None else verified_record(stored)


async def _stopped(client: Client, run: str) -> bool:
    """Return whether a run was stopped and nobody has gone on with it since."""
    stop = await run_reader.newest(client, subjects.RUN_STOPPED(run=run))
    resumption = await run_reader.newest(client, subjects.RUN_RESUMED(run=run))
    return stop is not None and (resumption is None or resumption.sequence < stop.sequence)


async def _missing_entries(client: Client, run: str) -> str:
    """Return which of the ledger's entries the log lacks, if any; those made just now are waited for."""
    made = await run_reader.journal_head(client, run)
    copied = await run_reader.journal_copy_head(client, run)
    for _ in range(int(CATCH_UP_S / POLL_INTERVAL_S)):
        if copied >= made:
            return ""
        await asyncio.sleep(POLL_INTERVAL_S)
        copied = await run_reader.journal_copy_head(client, run)
    return f"the ledger's entries after {copied:,} are missing, up to {made:,}"
