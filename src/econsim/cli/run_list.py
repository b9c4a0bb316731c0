"""List of runs: those kept in the state directory, those with an opening in the log, and those of which only a part or the ledger is left.

The log keeps a run for 30 days. Then its records expire one by one, the opening first, while the ledger's bucket
still has its journal. A run without opening that is younger did not expire: it is damaged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from econsim import subjects
from econsim.adapters.clock import SystemClock
from econsim.adapters.jetstream import run_reader
from econsim.adapters.poll import Poll
from econsim.cli.run_log import CATCH_UP_S, verified_record
from econsim.errors import CorruptLog, InvalidMessage, NotFound
from econsim.runs.retention import retention_end
from econsim.schemas.stream import DAY_S
from econsim.schemas.subject import Subject, fields
from econsim.streams import AUDIT_LOG

if TYPE_CHECKING:
    from nats.aio.client import Client

    from econsim.adapters.jetstream.direct_get import StoredMessage
    from econsim.adapters.jetstream.gaps import Gap
    from econsim.domain.audit.facts import Record
    from econsim.runs.kept_runs import KeptRun

POLL_INTERVAL_S: Final = 0.05
"""Pause in seconds before the log is read again for an entry that the server still copies."""

RETENTION_NOTE: Final = f"the log keeps a run for {AUDIT_LOG.max_age_s // DAY_S} days; `econsim runs archive RUN` keeps it for good"
"""Note about retention below every list of runs of the log."""

TRANSPORT_NOTE: Final = "a run has more events over NATS than in memory, those between its services and of operators; its hash is the same"
"""Note below a list that has runs of both kinds."""


@dataclass(frozen=True, slots=True)
class RunStatus:
    """Status of a run that has records in the log, or that is kept in a file."""

    name: str
    """Id of the run."""
    scenario: str
    """Name of the run's scenario; empty if the opening is gone."""
    opened_at: str
    """Time of the opening, RFC 3339 in UTC; without opening, time of the oldest record left."""
    tick: int
    """Newest tick of the run."""
    closed: bool
    """True if the run has ended."""
    failure: str
    """Reason why the run ended early, as a sentence; empty if it ran to its end, or is open."""
    stopped: bool = False
    """True if the run was stopped and can be resumed."""
    partly: bool = False
    """True if the beginning of the run expired from the log."""
    events: int = 0
    """Number of its events; 0 if that is not known."""
    transport: str = "nats"
    """Transport of its messages."""
    size: int | None = None
    """Bytes of its files in the state directory; none for a run of the log, which shares the log's files."""

    @property
    def state(self) -> str:
        """Return `open`, `stopped`, `closed` or `failed`."""
        if self.failure:
            return "failed"
        if self.stopped:
            return "stopped"
        return "closed" if self.closed else "open"

    @property
    def until(self) -> str:
        """Return the day on which the run begins to expire from the log; empty for a run that stays until it is deleted."""
        return "" if self.size is not None else retention_end(self.opened_at)

    def as_json(self) -> dict[str, object]:
        """Return the status as a row of JSON."""
        return {
            "run": self.name,
            "scenario": self.scenario,
            "transport": self.transport,
            "state": self.state,
            "failure": self.failure,
            "ticks": self.tick,
            "events": self.events,
            "bytes": self.size,
            "opened_at": self.opened_at,
            "until": self.until or None,
            "partly": self.partly,
        }


@dataclass(slots=True)
class RunList:
    """List of all runs."""

    seen: list[RunStatus] = field(default_factory=list)
    """Runs with records in the log, oldest first."""
    gone: list[str] = field(default_factory=list)
    """Runs whose records have all expired; their ledgers are left."""
    damage: list[str] = field(default_factory=list)
    """Missing or unreadable records, each with its place."""

    def check(self) -> None:
        """Raise CorruptLog if anything is missing or cannot be read."""
        if self.damage:
            message = "; ".join(self.damage)
            raise CorruptLog(message)


def status_of_kept(kept: KeptRun) -> RunStatus:
    """Return the status of a run that is kept in a file."""
    facts = kept.facts
    return RunStatus(
        name=facts.run,
        scenario=str(facts.scenario.get("name", "")),
        opened_at=facts.opened_at,
        tick=facts.ticks,
        closed=facts.state in {"closed", "failed"},
        failure=facts.failure,
        stopped=facts.state == "stopped",
        events=facts.events,
        transport=facts.transport,
        size=kept.size,
    )


async def list_runs(client: Client) -> RunList:
    """Read all runs of the log, and the damage found on the way."""
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


async def opening_of(client: Client, run: str) -> Record:
    """Return the opening of a run of the log; raises NotFound if it is gone, InvalidMessage if it was changed."""
    stored = await run_reader.newest(client, subjects.RUN_OPENED(run=run))
    if stored is None:
        message = f"the opening of run {run!r} is gone; `econsim ledger verify {run}` names what is left"
        raise NotFound(message, code="run_does_not_exist")
    return verified_record(stored)


async def status_of(client: Client, run: str) -> RunStatus:
    """Return the status of one run of the log; raises NotFound if its opening is gone, CorruptLog if it is damaged."""
    await opening_of(client, run)
    found, stored = RunList(), await run_reader.newest(client, subjects.RUN_OPENED(run=run))
    if stored is not None:
        await _add(client, found, stored)
    found.check()
    return found.seen[0]


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
            run,
            name,
            opening.stored_at,
            ticked.tick if ticked else 0,
            closed is not None,
            failure,
            stopped,
            events=await run_reader.count(client, run, opening.sequence),
        )
    )
    if missing := await _missing_entries(client, run):
        found.damage.append(f"run {run!r}: {missing}; `econsim ledger verify {run}` names everything")


async def _add_without_opening(client: Client, found: RunList, run: str, left: StoredMessage) -> None:
    """Add a run without opening: expired, or damaged."""
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
    """Return whether a run was stopped and not resumed since."""
    stop = await run_reader.newest(client, subjects.RUN_STOPPED(run=run))
    resumption = await run_reader.newest(client, subjects.RUN_RESUMED(run=run))
    return stop is not None and (resumption is None or resumption.sequence < stop.sequence)


async def _missing_entries(client: Client, run: str) -> str:
    """Return a sentence about ledger entries that the log lacks, empty if none; waits CATCH_UP_S for new ones."""
    made = await run_reader.journal_head(client, run)
    copied = 0
    async for _ in Poll(POLL_INTERVAL_S, CATCH_UP_S):
        copied = await run_reader.journal_copy_head(client, run)
        if copied >= made:
            return ""
    return f"the ledger's entries after {copied:,} are missing, up to {made:,}"
