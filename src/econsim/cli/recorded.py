"""Recordings for `econsim run --recorded`: a run of the log, or a file that `econsim events RUN --json` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from econsim.cli.command_group import run_async
from econsim.cli.connect import connect_to_server

if TYPE_CHECKING:
    from nats.aio.client import Client

    from econsim.config import Settings
    from econsim.runs.recorded_run import RecordedRun


def read_recorded(config: Settings, source: str | Path) -> RecordedRun:
    """Return the recorded run of an option's value: the file, or the run of the log."""
    from econsim.runs.recorded_run import recorded_run_of_file

    if isinstance(source, Path):
        return recorded_run_of_file(source)
    return run_async(_of_log(config, source))


async def read_recorded_of_log(client: Client, run: str) -> RecordedRun:
    """Return a recorded run of the log; raises NotFound, and CorruptLog if a part of it is missing."""
    from econsim.adapters.jetstream.text_store import BucketTextStore
    from econsim.cli.run_log import RunLog, resolve
    from econsim.runs.recorded_run import recorded_run_of_log

    name = await resolve(client, run)
    log = RunLog(client, name, BucketTextStore(client))
    found = await recorded_run_of_log(name, log.so_far())
    log.check()
    return found


async def _of_log(config: Settings, run: str) -> RecordedRun:
    async with connect_to_server(config) as client:
        return await read_recorded_of_log(client, run)
