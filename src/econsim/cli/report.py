"""`econsim report`: write the report of a run, or a comparison of several, and show its figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from econsim.cli import option_types
from econsim.cli.command_group import report_path, run_async, settings_of
from econsim.cli.json_rows import JsonOption, write_rows
from econsim.cli.output import console
from econsim.cli.run_summary import read_runs

if TYPE_CHECKING:
    from econsim.config import Settings

RUNS_MAX: Final = 6
"""Runs of a comparison: as many as there are lines that can be told apart."""


def report(
    context: typer.Context,
    runs: Annotated[
        list[Any] | None,  # of names of runs, or of paths: Typer takes no union
        typer.Argument(
            help="Name of a run, `last` for the newest, or a file of `econsim runs archive`; several runs are compared.",
            metavar="RUN|FILE...",
            show_default=False,
            parser=option_types.run_or_file,
        ),
    ] = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="File to write. Default: runs/RUN/report.html in the state directory; comparison.html for several runs",
            metavar="FILE",
            parser=option_types.new_file,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a run's report from the log as one HTML page, and show its figures; of several runs, compare them on one page.

    Example: [cyan]econsim report last --output report.html[/cyan]

    Example: [cyan]econsim report run_a run_b --output comparison.html[/cyan]
    """
    named = runs or ["last"]
    if len(named) > RUNS_MAX:
        message = f"{len(named)} runs do not fit one page; name at most {RUNS_MAX}, or compare many with `econsim bench compare`"
        raise typer.BadParameter(message, ctx=context, param_hint="'RUN'")
    if len(named) == 1:
        _report(settings_of(context), named[0], output, as_json=as_json)
    else:
        _compare(settings_of(context), named, output, as_json=as_json)


def _report(config: Settings, run: str | Path, output: Path | None, *, as_json: bool) -> None:
    from econsim.report.html import write_report
    from econsim.report.summary_json import summary_row
    from econsim.report.terminal import print_summary

    (found,) = run_async(read_runs(config, [run]))
    with report_path(config, found.summary.run, output, "--output") as path:
        written = write_report(found.summary, path)
        if as_json:
            write_rows([summary_row(found.summary)])
        else:
            print_summary(found.summary, console(), written)
    found.log.check()


def _compare(config: Settings, runs: Sequence[str | Path], output: Path | None, *, as_json: bool) -> None:
    from econsim.report.comparison import write_comparison
    from econsim.report.summary_json import summary_row
    from econsim.report.terminal import print_report

    found = run_async(read_runs(config, runs))
    first = found[0].summary.run
    with report_path(config, first, output, "--output", "comparison.html") as path:
        written = write_comparison([each.summary for each in found], path)
        if as_json:
            write_rows([summary_row(each.summary) for each in found])
        else:
            print_report(console(), written)
    for each in found:
        each.log.check()
