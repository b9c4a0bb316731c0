"""`econsim study`: treatments by grid by seeds of a scenario, from one design, with tables, a picture and a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from econsim.cli import bench_options as options
from econsim.cli import option_types
from econsim.cli.batch_run import execute
from econsim.cli.bench_options import BenchTransport
from econsim.cli.command_group import command_line, settings_of
from econsim.cli.json_rows import JsonOption, write_rows
from econsim.cli.output import console, prints_to_stderr, say
from econsim.cli.setting_options import SetOption, settings_from
from econsim.cli.unused_options import refuse_unused_options
from econsim.errors import Conflict, EconsimError

if TYPE_CHECKING:
    from econsim.evaluation.bench.records import BatchFiles, BatchRecord
    from econsim.evaluation.bench.results import CellResult
    from econsim.evaluation.studies.outcome import StudyOutcome

FAILURES_SHOWN_MAX: Final = 5
"""Runs that failed that are named."""


def _transports() -> list[str]:
    return [BenchTransport.MEMORY.value, BenchTransport.WORKERS.value]


def study(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    design: Annotated[
        str,
        typer.Argument(
            help="A design of a study, a TOML file, or the name of a shipped one.",
            metavar="FILE",
            parser=option_types.text,
        ),
    ],
    *,
    name: options.NameOption = None,
    seeds: options.SeedsOption = None,
    set_: SetOption = None,
    jobs: options.JobsOption = None,
    transport: Annotated[
        str,
        typer.Option(
            help="memory: processes of this command; workers: those of `econsim bench worker`, here and on other machines.",
            metavar="memory|workers",
            parser=option_types.OneOf("transport", _transports),
        ),
    ] = BenchTransport.MEMORY.value,
    as_json: JsonOption = False,
) -> None:
    """Run a study: treatments by grid by seeds of a scenario, compared over runs and paired by seed.

    Leaves a tidy table (Parquet) with a row for each run, period and market, a picture and a page. Stopped or killed, it goes on with
    `econsim bench resume`. Ends with 1 if a run failed, with 2 for bad input, before anything starts.

    Example: [cyan]econsim study tick_size.toml[/cyan]

    Example: [cyan]econsim study tick_size.toml --seeds 1..20 --set clock.periods=2[/cyan]

    Example: [cyan]econsim study smith1962[/cyan], the design of an experiment
    """
    refuse_unused_options(context, options.TRANSPORT_UNUSED_OPTIONS)
    config = settings_of(context)
    option_types.writable_state(config.state, context)
    from econsim.evaluation.bench.records import BatchFiles

    record = _record(context, design, name, seeds, settings_from(context, set_), transport)
    files = BatchFiles(config.state, record.plan.batch)
    try:
        files.create(record)
    except Conflict as error:
        raise typer.BadParameter(str(error), ctx=context, param_hint="'--name'") from None
    found = execute(config, files, record, jobs, resumed=False)
    finish(files, record, found, as_json=as_json)


@prints_to_stderr()
def _record(  # noqa: PLR0913, PLR0917 - a study is made of them
    context: typer.Context,
    source: str,
    name: str | None,
    seeds: Sequence[int] | None,
    settings: dict[str, object],
    transport: str,
) -> BatchRecord:
    """Return the record of a new study; raises BadParameter for a design that cannot be run."""
    from econsim.evaluation.studies.record import study_record

    try:
        return study_record(source, name, seeds, settings, transport=transport, command=command_line(context))
    except EconsimError as error:
        raise typer.BadParameter(str(error), ctx=context) from None


def finish(
    files: BatchFiles, record: BatchRecord, results: list[CellResult], *, as_json: bool = False
) -> None:
    """Write the tables, picture and page of a study that was run, and show it; end with 1 if a run failed."""
    from econsim.evaluation.studies.page import table_rows, write
    from econsim.identity.private_files import private_files

    with private_files(files.path):
        outcome = write(files, record, results)
    if as_json:
        write_rows(table_rows(outcome))
    else:
        show(outcome)
        _say_places(files)
    if outcome.failed:
        raise typer.Exit(1)


def _say_places(files: BatchFiles) -> None:
    from econsim.evaluation.studies.page import PAGE
    from econsim.evaluation.studies.table import MARKETS

    say("table [bold]{path}[/bold]", path=files.path / MARKETS)
    say("page [bold]{path}[/bold]", path=files.path / PAGE)


def show(outcome: StudyOutcome) -> None:
    """Show the numbers of a study: a table for each measure."""
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    from econsim.evaluation.bench.period_measures import with_unit
    from econsim.evaluation.studies.page import NO_NUMBERS, difference_columns, shown_mean
    from econsim.report.format import NOTHING, count, plural, visible
    from econsim.report.tables import print_table

    out = console()
    every = outcome.measures
    first_measures = outcome.first_measures
    columns = difference_columns(outcome)
    for measure in first_measures:
        table = Table(box=SIMPLE_HEAD)
        for heading in outcome.headings:
            table.add_column(escape(heading))
        for heading in (with_unit(measure), "n", *columns):
            table.add_column(escape(visible(heading)), justify="right")
        for each in outcome.means:
            if each.measure == measure:
                labels = (escape(visible(label)) for label in outcome.labels(each.condition))
                shown = (each.condition.name, measure)
                found = (column.get(shown, (NOTHING, False)) for column in columns.values())
                texts = (f"[bold]{text}[/bold]" if is_clear else text for text, is_clear in found)
                table.add_row(*labels, shown_mean(each), count(each.n), *texts)
        print_table(out, table)
    legend = "mean ± half the 95 % interval over runs; differences run by run on the same seeds, bold: the interval leaves 0 out"
    out.print(legend if every else NO_NUMBERS, style="dim", soft_wrap=True)
    if len(every) > len(first_measures):
        out.print(f"{len(every) - len(first_measures)} measures more on the page", style="dim")
    if outcome.crossing:
        out.print(outcome.crossing, style="yellow", markup=False, soft_wrap=True)
    for run in outcome.failed[:FAILURES_SHOWN_MAX]:
        out.print(f"failed  {run.run}: {visible(run.failure)}", style="red", markup=False, soft_wrap=True)
    if outcome.failed:
        out.print(f"{plural(len(outcome.failed), 'run')} failed, and no number counts them", style="red")
