"""Leftovers of benchmarks on a server: streams of runs that nobody is at work on, and streams that are empty by age."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from nats.aio.client import Client

from econsim import subjects
from econsim.adapters.clock import unix_seconds
from econsim.adapters.jetstream.direct_get import get_last
from econsim.adapters.jetstream.leases import held_leases
from econsim.adapters.jetstream.provision import NotThere, request
from econsim.adapters.nats.connection import connect
from econsim.app import Server
from econsim.evaluation.bench.live import grant, keys_directory
from econsim.identity.roles import BENCHMARK
from econsim.streams.benchmarks import STREAM_PREFIX
from econsim.subjects import AUDIT

YOUNG_S: Final = 60
"""Seconds after its creation in which a stream is no leftover: its run is about to be opened."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """The stream of a benchmark run that nobody needs."""

    run: str
    """Run of the stream."""
    reason: str
    """Reason why nobody needs it, a clause."""


async def remove_leftovers(server: Server, young_s: int = YOUNG_S) -> list[Leftover]:
    """Delete the leftovers on a server and return them; raises SetupError without the server's trust root.

    The stream of a run that has ended stays until its events are gone by age, so that late validators find them. A batch that is resumed
    makes the stream of its unfinished run again.
    """
    directory = keys_directory(server, f"gc-{os.getpid()}")
    client = await connect(server.url, server.creds(BENCHMARK), "econsim-bench-gc")
    try:
        ended = {run: await _has_ended(client, run) for run in await _runs(client)}
        # A lease is named for its task, then for the run.
        served = {lease.partition(".")[2].partition(".")[0] for lease in await held_leases(client)}
        idle = {run: has_ended for run, has_ended in ended.items() if has_ended or run not in served}
        return [
            leftover
            for run, has_ended in idle.items()
            for leftover in await _remove(server, run, directory, young_s, has_ended=has_ended)
        ]
    finally:
        await client.close()
        shutil.rmtree(directory, ignore_errors=True)


async def _has_ended(client: Client, run: str) -> bool:
    return await get_last(client, AUDIT, subjects.RUN_CLOSED(run=run)) is not None


async def _runs(client: Client) -> list[str]:
    """Return the runs that have a stream."""
    names: list[str] = []
    while True:
        answer: Any = await request(client, "STREAM.NAMES", {"offset": len(names)})
        page = answer.get("streams") or []
        names += page
        if not page or len(names) >= answer["total"]:
            return sorted(
                name.removeprefix(STREAM_PREFIX) for name in names if name.startswith(STREAM_PREFIX)
            )


async def _remove(
    server: Server, run: str, directory: Path, young_s: int, *, has_ended: bool
) -> list[Leftover]:
    """Delete the stream of a run, if it is a leftover: old and unfinished, or finished and empty."""
    # Its name in the credentials is the only one that may delete it.
    owner = await connect(server.url, grant(server, BENCHMARK, run, directory), "econsim-bench-gc")
    try:
        info: Any = await request(owner, f"STREAM.INFO.{STREAM_PREFIX}{run}")
        age_s = unix_seconds() - datetime.fromisoformat(info["created"][:19] + "+00:00").timestamp()
        if has_ended and info["state"]["messages"]:
            return []
        if not has_ended and age_s < young_s:
            return []
        await request(owner, f"STREAM.DELETE.{STREAM_PREFIX}{run}")
    except NotThere:
        return []
    finally:
        await owner.close()
    return [Leftover(run, "its events are gone by age" if has_ended else "nobody is at work on its run")]
