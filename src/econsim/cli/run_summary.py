"""Summaries of runs, read from where runs are kept: what `econsim report` and `econsim figure` show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from econsim.cli.readable_run import readable_runs

if TYPE_CHECKING:
    from econsim.cli.kept_log import KeptLog
    from econsim.cli.readable_run import ReadableRun
    from econsim.cli.run_log import RunLog
    from econsim.config import Settings
    from econsim.report.summary import Summary


@dataclass(frozen=True, slots=True)
class ReadRun:
    """Run as it was read."""

    summary: Summary
    """Summary of the run."""
    log: RunLog | KeptLog
    """Log of the run, whose `check` tells whether all of it was there."""


async def read_runs(config: Settings, runs: Sequence[str | Path]) -> list[ReadRun]:
    """Return the summaries of runs, given by name or by an archive's path; raises NotFound, and CorruptLog for one without its opening."""
    async with readable_runs(config) as readable:
        return [await _read(await readable.find(run)) for run in runs]


async def _read(run: ReadableRun) -> ReadRun:
    from econsim.domain.audit.canonical_stream import CanonicalStream
    from econsim.report.aggregate import RunAggregator

    tally, canonical, log = RunAggregator(), CanonicalStream(), run.log()
    async for batch in log.batches():
        for entry in batch:
            tally.add(entry)
            canonical.add(entry)
    if not log.opened:
        log.check()
    found = canonical.hexdigest() or await hash_of_any_order(run)
    return ReadRun(replace(tally.summary(found), kept_until=log.kept_until), log)


async def hash_of_any_order(run: ReadableRun) -> str:
    """Return the canonical hash of a run whose records are far from their order: all of them are read, kept and sorted."""
    from econsim.domain.audit.canonical_log import CanonicalLog

    canonical = CanonicalLog()
    async for batch in run.log().batches():
        for entry in batch:
            canonical.add(entry)
    return canonical.hexdigest()
