"""`econsim export`: write a run as Parquet tables."""

from __future__ import annotations

import asyncio
import queue
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from econsim.cli import option_types
from econsim.cli.command_group import run_async, settings_of
from econsim.cli.connect import connect_to_server
from econsim.cli.output import say
from econsim.cli.run_argument import RunArgument
from econsim.errors import SetupError

if TYPE_CHECKING:
    from econsim.cli.run_log import RunLog
    from econsim.config import Settings
    from econsim.domain.audit.facts import Record


READ_AHEAD: Final = 10_000
"""Records queued for the export (backpressure): enough that neither side waits for long."""


PAUSE_S: Final = 0.01
"""Pause in seconds while the queue is full."""


def export(
    context: typer.Context,
    run: RunArgument = "last",
    *,
    parquet: Annotated[
        Path,
        typer.Option(
            help="Directory for the tables; made as needed.", metavar="DIR", parser=option_types.new_directory
        ),
    ],
) -> None:
    """Write a run as Parquet tables: events, trades, orders, transfers, balances, prices, ticks, agents.

    Example: [cyan]econsim export last --parquet tables[/cyan], then [cyan]duckdb -c "from 'tables/trades.parquet'"[/cyan]
    """
    rows, log = run_async(_export(settings_of(context), run, parquet))
    for name, count in rows.items():
        say("[bold]{path}[/bold]: {count:,} rows", path=parquet / f"{name}.parquet", count=count)
    log.check()


async def _export(config: Settings, run: str, directory: Path) -> tuple[dict[str, int], RunLog]:
    """Read the log here and write the tables in a thread, so that a long run needs little memory."""
    from econsim.adapters.jetstream.text_store import BucketTextStore
    from econsim.cli.run_log import RunLog, resolve
    from econsim.report.export import export as write

    waiting: queue.SimpleQueue[Record | None] = queue.SimpleQueue()
    async with connect_to_server(config) as client:
        log = RunLog(client, await resolve(client, run), BucketTextStore(client))
        writing = asyncio.create_task(asyncio.to_thread(write, iter(waiting.get, None), directory))
        try:
            await _feed(log, waiting, writing)
        finally:
            waiting.put(None)
    try:
        rows = await writing
    except OSError as error:
        message = f"cannot write to {directory}: {error.strerror}; choose another directory with --parquet"
        raise SetupError(message) from error
    return rows, log


async def _feed(
    log: RunLog, waiting: queue.SimpleQueue[Record | None], writing: asyncio.Task[dict[str, int]]
) -> None:
    """Put the log's records into the writer's queue, READ_AHEAD at most."""
    async for entry in log.so_far():
        waiting.put(entry)
        while waiting.qsize() > READ_AHEAD and not writing.done():  # noqa: ASYNC110 - the thread has no event to give
            await asyncio.sleep(PAUSE_S)
