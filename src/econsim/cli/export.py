"""`econsim export`: write a run as Parquet tables."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    from econsim.adapters.jetstream.text_store import BucketTextStore
    from econsim.cli.run_log import RunLog, resolve
    from econsim.report.export import Export

    with Export() as tables:
        async with connect_to_server(config) as client:
            log = RunLog(client, await resolve(client, run), BucketTextStore(client))
            async for entry in log.so_far():
                tables.add(entry)
        try:
            return await asyncio.to_thread(tables.write, directory), log
        except OSError as error:
            message = (
                f"cannot write to {directory}: {error.strerror}; choose another directory with --parquet"
            )
            raise SetupError(message) from error
