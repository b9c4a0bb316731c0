"""`econsim runs`: list the runs of the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from econsim.cli.command_group import run_async, settings_of
from econsim.cli.connect import connect_to_server
from econsim.cli.output import console, line_printer

if TYPE_CHECKING:
    from econsim.cli.run_list import RunStatus
    from econsim.config import Settings


def runs(context: typer.Context) -> None:
    """List the runs of the log with their scenario, state and ticks.

    Example: [cyan]econsim runs[/cyan]
    """
    run_async(_runs(settings_of(context)))


async def _runs(config: Settings) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from econsim.cli.run_list import RETENTION_NOTE, list_runs
    from econsim.report.tables import print_table

    async with connect_to_server(config) as client:
        found = await list_runs(client)
    table = Table(box=SIMPLE_HEAD)
    for heading in ("run", "scenario", "opened", "state"):
        table.add_column(heading, no_wrap=True)
    table.add_column("ticks", justify="right")
    table.add_column("in the log until", no_wrap=True)
    for seen in found.seen:
        until = "partly gone" if seen.partly else seen.retention_end
        table.add_row(seen.name, seen.scenario, seen.opened_at[:19], _state(seen), str(seen.tick), until)
    out, plain = console(), line_printer(console())
    print_table(out, table)
    for seen in found.seen:
        if seen.failure:
            plain(f"{seen.name} ended early: {seen.failure}")
    if found.gone:
        plain(
            f"the log of {len(found.gone)} older runs is gone; their ledgers are kept: {', '.join(found.gone)}"
        )
    plain(RETENTION_NOTE)
    found.check()


def _state(seen: RunStatus) -> str:
    if seen.failure:
        return "[red]failed[/red]"
    if seen.stopped:
        return "[yellow]stopped[/yellow]"
    return "[green]closed[/green]" if seen.closed else "[yellow]open[/yellow]"
