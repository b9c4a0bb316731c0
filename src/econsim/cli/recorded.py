"""Recordings for `econsim run --recorded`: a run of the log, or a file that `econsim events RUN --json` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from econsim.cli.command_group import run_async

if TYPE_CHECKING:
    from nats.aio.client import Client

    from econsim.config import Settings
    from econsim.runs.recorded_run import RecordedRun


def read_recorded(config: Settings, source: str | Path) -> RecordedRun:
    """Return the recorded run of an option's value: a file of facts, an archive, or the run of that name."""
    from econsim.runs.recorded_run import recorded_run_of_file
    from econsim.runs.run_file import SUFFIX

    if isinstance(source, Path) and not source.name.endswith(SUFFIX):
        return recorded_run_of_file(source)
    return run_async(_of_run(config, source))


async def read_recorded_of_log(client: Client, run: str) -> RecordedRun:
    """Return a recorded run of the log; raises NotFound, and CorruptLog if a part of it is missing."""
    from econsim.adapters.jetstream.text_store import BucketTextStore
    from econsim.cli.run_log import RunLog
    from econsim.cli.run_names import resolve
    from econsim.runs.recorded_run import recorded_run_of_log

    name = await resolve(client, run)
    log = RunLog(client, name, BucketTextStore(client))
    found = await recorded_run_of_log(name, log.so_far())
    log.check()
    return found


async def _of_run(config: Settings, run: str | Path) -> RecordedRun:
    from econsim.cli.readable_run import readable_run
    from econsim.runs.recorded_run import recorded_run_of_log

    async with readable_run(config, run) as source:
        log = source.log(with_texts=True)
        found = await recorded_run_of_log(source.name, log.so_far())
        log.check()
        return found
