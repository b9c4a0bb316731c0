"""`econsim report`: write the report of a run from its log, and show its figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from econsim.cli import option_types
from econsim.cli.command_group import report_path, run_async, settings_of
from econsim.cli.json_rows import JsonOption, write_rows
from econsim.cli.output import console
from econsim.cli.run_argument import RunOrFileArgument

if TYPE_CHECKING:
    from econsim.config import Settings


def report(
    context: typer.Context,
    run: RunOrFileArgument = "last",
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            help="File to write. Default: runs/RUN/report.html in the state directory",
            metavar="FILE",
            parser=option_types.new_file,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a run's report from the log as one HTML page, and show its figures.

    Example: [cyan]econsim report last --output report.html[/cyan]
    """
    run_async(_report(settings_of(context), run, output, as_json=as_json))


async def _report(config: Settings, run: str | Path, output: Path | None, *, as_json: bool) -> None:
    from econsim.cli.readable_run import readable_run
    from econsim.domain.audit.canonical_log import CanonicalLog
    from econsim.report.aggregate import RunAggregator
    from econsim.report.html import write_report
    from econsim.report.summary_json import summary_row
    from econsim.report.terminal import print_summary

    tally, canonical = RunAggregator(), CanonicalLog()
    async with readable_run(config, run) as source:
        log = source.log()
        async for entry in log.so_far():
            tally.add(entry)
            canonical.add(entry)
    if not log.opened:
        log.check()
    summary = replace(tally.summary(canonical.hexdigest()), kept_until=log.kept_until)
    with report_path(config, log.run, output, "--output") as path:
        written = write_report(summary, path)
        if as_json:
            write_rows([summary_row(summary)])
        else:
            print_summary(summary, console(), written)
    log.check()
