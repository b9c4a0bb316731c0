"""Summaries of runs, read from where runs are kept: what `econsim report` and `econsim figure` show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from econsim.cli.readable_run import readable_runs

if TYPE_CHECKING:
    from econsim.cli.kept_log import KeptLog
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
    from econsim.domain.audit.canonical_log import CanonicalLog
    from econsim.report.aggregate import RunAggregator

    found = []
    async with readable_runs(config) as readable:
        for run in runs:
            tally, canonical = RunAggregator(), CanonicalLog()
            log = (await readable.find(run)).log()
            async for entry in log.so_far():
                tally.add(entry)
                canonical.add(entry)
            if not log.opened:
                log.check()
            summary = replace(tally.summary(canonical.hexdigest()), kept_until=log.kept_until)
            found.append(ReadRun(summary, log))
    return found
