"""Commands that make files: Parquet tables and the report of a run, and the catalog of messages."""

from __future__ import annotations

import asyncio
import queue
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from econsim.cli import option_types
from econsim.cli.command_group import carried_out, configured, report_path
from econsim.cli.connect import attached
from econsim.cli.history import RunArgument
from econsim.cli.output import console, echo, say, write_json
from econsim.cli.unused_options import Idle, refuse_idle
from econsim.errors import SetupError

if TYPE_CHECKING:
    from econsim.cli.run_log import RunLog
    from econsim.config import Settings
    from econsim.domain.audit.facts import Record

READ_AHEAD: Final = 10_000
"""Records waiting for the export: enough that neither side waits for long."""

PAUSE_S: Final = 0.01
"""Pause while the export is behind."""


def _owners() -> tuple[str, ...]:
    from econsim.schemas.subject import OWNERS

    return OWNERS


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
    rows, log = carried_out(_export(configured(context), run, parquet))
    for name, count in rows.items():
        say("[bold]{path}[/bold]: {count:,} rows", path=parquet / f"{name}.parquet", count=count)
    log.check()


def report(
    context: typer.Context,
    run: RunArgument = "last",
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Where it goes. Default: runs/RUN/report.html in the state directory",
            metavar="FILE",
            parser=option_types.new_file,
        ),
    ] = None,
) -> None:
    """Write a run's report from the log as one HTML page, and show its figures.

    Example: [cyan]econsim report last --output report.html[/cyan]
    """
    carried_out(_report(configured(context), run, output))


OF_CATALOG: Final = (
    Idle("service", lambda given: given["table"], "does nothing with --table, which has all services"),
    Idle(
        "service",
        lambda given: given["permissions"],
        "does nothing with --permissions, which has all services",
    ),
    Idle("table", lambda given: given["permissions"], "does nothing with --permissions"),
)
"""When an option of `catalog` does nothing."""


def catalog(
    context: typer.Context,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Where it goes. Default: standard output", metavar="FILE", parser=option_types.new_file
        ),
    ] = None,
    *,
    service: Annotated[
        list[str] | None,
        typer.Option(
            help="Only what this service owns; may be repeated.",
            metavar="NAME",
            parser=option_types.OneOf("service", _owners),
        ),
    ] = None,
    table: Annotated[bool, typer.Option("--table", help="All subjects as a Markdown table instead.")] = False,
    permissions: Annotated[
        bool,
        typer.Option(
            "--permissions", help="Who may say and hear what instead, as a server of its own holds it."
        ),
    ] = False,
) -> None:
    """Write the AsyncAPI document of every subject and message of econsim.

    Example: [cyan]econsim catalog --output asyncapi.json[/cyan]

    Example: [cyan]econsim catalog --service market[/cyan]
    """
    refuse_idle(context, OF_CATALOG)
    from econsim.services.asyncapi import document, table_page, to_json

    if permissions:
        text = carried_out(_permissions())
    else:
        text = table_page() if table else to_json(document(*service or ()))
    if output is None:
        (echo if table or permissions else write_json)(text.removesuffix("\n"))
        return
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"cannot write {output}: {error.strerror}; choose another place with --output"
        raise SetupError(message) from error
    say("wrote [bold]{path}[/bold]", path=output)


async def _permissions() -> str:
    from econsim.checks.permissions.expected import expected_matrix
    from econsim.checks.permissions.measure import measure
    from econsim.checks.permissions.page import page
    from econsim.checks.permissions.probes import probes

    rows = probes()
    return page(rows, expected_matrix(rows), await measure(rows))


async def _export(config: Settings, run: str, directory: Path) -> tuple[dict[str, int], RunLog]:
    """Read the log here and write tables in a thread, so that a long run fits in little memory."""
    from econsim.cli.run_log import RunLog, resolve
    from econsim.report.export import export as write

    waiting: queue.SimpleQueue[Record | None] = queue.SimpleQueue()
    async with attached(config) as client:
        log = RunLog(client, await resolve(client, run))
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
    """Hand the log's records to the writer, never far ahead of it."""
    async for entry in log.so_far():
        waiting.put(entry)
        while waiting.qsize() > READ_AHEAD and not writing.done():  # noqa: ASYNC110 - the thread has no event to give
            await asyncio.sleep(PAUSE_S)


async def _report(config: Settings, run: str, output: Path | None) -> None:
    from econsim.cli.run_log import RunLog, resolve
    from econsim.domain.audit.canonical_log import CanonicalLog
    from econsim.report.aggregate import RunAggregator
    from econsim.report.html import write_report
    from econsim.report.terminal import print_summary

    tally, canonical = RunAggregator(), CanonicalLog()
    async with attached(config) as client:
        name = await resolve(client, run)
        log = RunLog(client, name)
        async for entry in log.so_far():
            tally.add(entry)
            canonical.add(entry)
    if not log.opened:
        log.check()
    summary = replace(tally.summary(canonical.hexdigest()), kept_until=log.kept_until)
    with report_path(config, name, output, "--output") as path:
        print_summary(summary, console(), write_report(summary, path))
    log.check()
