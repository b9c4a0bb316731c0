"""`econsim export`: write runs as Parquet tables, lines of JSON, CloudEvents or a Beancount file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from econsim.cli import option_types
from econsim.cli.command_group import run_async, settings_of
from econsim.cli.output import say
from econsim.cli.readable_run import LAST, readable_runs
from econsim.cli.run_choice import RunChoice, run_choice
from econsim.cli.unused_options import UnusedOption, refuse_unused_options
from econsim.errors import CorruptLog, SetupError, quoted_value

if TYPE_CHECKING:
    from econsim.cli.readable_run import ReadableRun, ReadableRuns
    from econsim.config import Settings
    from econsim.report.beancount import BeancountJournal
    from econsim.report.event_lines import EventLines
    from econsim.report.export import Export

Counts = dict[Path, tuple[int, str]]
"""File → number of what it contains, and the word for that."""

EXPORT_UNUSED_OPTIONS: Final = (
    UnusedOption(
        "cloudevents", lambda given: not given["jsonl"], "needs --jsonl, whose lines it makes CloudEvents"
    ),
    UnusedOption("table", lambda given: not given["jsonl"], "needs --jsonl; --parquet writes every table"),
    UnusedOption(
        "cloudevents", lambda given: bool(given["table"]), "is about events; leave it or --table out"
    ),
)
"""Options of `econsim export` without effect beside others."""


RunsArgument = Annotated[
    list[Any] | None,  # of RunChoice, which the parser makes
    typer.Argument(
        help="Names of runs, patterns like 'tax_*', or files of `econsim runs archive`; TREATMENT=RUN fills the column treatment. "
        "Default: last",
        metavar="[TREATMENT=]RUN|FILE...",
        show_default=False,
        parser=run_choice,
    ),
]
"""Argument: runs to read; none for the newest one."""


def _tables() -> list[str]:
    from econsim.report.table_definitions import TABLES

    return list(TABLES)


def export(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    runs: RunsArgument = None,
    *,
    parquet: Annotated[
        Path | None,
        typer.Option(
            help="Directory for tables as Parquet; made as needed.",
            metavar="DIR",
            parser=option_types.new_directory,
        ),
    ] = None,
    jsonl: Annotated[
        Path | None,
        typer.Option(
            help="File for the events, a line of JSON each; `econsim events RUN --json` prints them.",
            metavar="FILE",
            parser=option_types.new_file,
        ),
    ] = None,
    cloudevents: Annotated[
        bool, typer.Option("--cloudevents", help="With --jsonl: each line is a CloudEvent 1.0.")
    ] = False,
    table: Annotated[
        str | None,
        typer.Option(
            "--table",
            help="With --jsonl: the rows of this table, such as trades, instead of events.",
            metavar="NAME",
            parser=option_types.OneOf("table", _tables),
        ),
    ] = None,
    beancount: Annotated[
        Path | None,
        typer.Option(
            help="File for the ledger, in the language of Beancount.",
            metavar="FILE",
            parser=option_types.new_file,
        ),
    ] = None,
) -> None:
    """Write runs as Parquet tables or as lines of JSON, or a run's ledger as a Beancount file. Several runs stand below each other.

    The tables: runs, periods, trades, orders, quotes, prices, agents, transfers, balances, ticks, verdicts, events.

    Example: [cyan]econsim export last --parquet tables[/cyan], then [cyan]duckdb -c "from 'tables/trades.parquet'"[/cyan]

    Example: [cyan]econsim export 'free=free_*' 'taxed=tax_*' --parquet tables[/cyan]

    Example: [cyan]econsim export last --jsonl trades.jsonl --table trades[/cyan]

    Example: [cyan]econsim export last --beancount run.beancount[/cyan], then [cyan]bean-check run.beancount[/cyan]
    """
    refuse_unused_options(context, EXPORT_UNUSED_OPTIONS)
    wanted = ExportFiles(parquet, jsonl, beancount, table, cloudevents=cloudevents)
    wanted.require_places(context)
    counts, damage = run_async(_export(settings_of(context), runs or [RunChoice(LAST)], wanted))
    say_counts(counts)
    if damage:
        raise CorruptLog("; ".join(damage))


def say_counts(counts: Counts) -> None:
    """Print what was written where."""
    for path, (count, what) in counts.items():
        say(
            "[bold]{path}[/bold]: {count:,} {what}{s}",
            path=path,
            count=count,
            what=what,
            s="s" * (count != 1),
        )


@dataclass(frozen=True, slots=True)
class ExportFiles:
    """Files to write of a run."""

    tables: Path | None
    """Directory of tables."""
    lines: Path | None
    """File of lines of JSON."""
    ledger: Path | None
    """Beancount file."""
    table: str | None
    """Table whose rows are the lines; none for the events."""
    cloudevents: bool
    """True if the lines are CloudEvents."""

    def require_places(self, context: typer.Context) -> None:
        """Raise BadParameter if there is nothing to write, or two files have one place."""
        if not (self.tables or self.lines or self.ledger):
            message = "name the files to write with it, with --jsonl or with --beancount"
            raise typer.BadParameter(message, ctx=context, param_hint="'--parquet'")
        if self.lines and self.lines == self.ledger:
            place = quoted_value(str(self.lines))
            message = f"{place} is the file of --jsonl too; name another one"
            raise typer.BadParameter(message, ctx=context, param_hint="'--beancount'")

    def open_writers(
        self, stack: ExitStack
    ) -> tuple[Export | None, EventLines | None, BeancountJournal | None]:
        """Return the writers of tables, events and ledger, each where a file is asked for; the stack closes them."""
        from econsim.report.beancount import beancount_file
        from econsim.report.event_lines import cloud_event_line, event_file, event_line
        from econsim.report.export import Export

        line = cloud_event_line if self.cloudevents else event_line
        return (
            stack.enter_context(Export()) if self.tables or self.table else None,
            stack.enter_context(event_file(self.lines, line)) if self.lines and not self.table else None,
            stack.enter_context(beancount_file(self.ledger)) if self.ledger else None,
        )

    def write_tables(self, tables: Export) -> Counts:
        """Write the tables, and the lines of one; return the rows of each file."""
        counts: Counts = {}
        if self.tables:
            rows = tables.write(self.tables)
            counts |= {self.tables / f"{name}.parquet": (count, "row") for name, count in rows.items()}
        if self.lines and self.table:
            counts[self.lines] = tables.write_lines(self.table, self.lines), "row"
        return counts


async def _export(
    config: Settings, chosen: Sequence[RunChoice], wanted: ExportFiles
) -> tuple[Counts, list[str]]:
    """Read each run once into all files; return what each contains, and what is wrong with the logs."""
    async with readable_runs(config) as sources:
        found = await _sources(sources, chosen)
        if wanted.ledger and len(found) > 1:
            message = f"a Beancount file is the ledger of one run, and these are {len(found)}; name one"
            raise SetupError(message)
        return await write_runs(wanted, found)


async def _sources(sources: ReadableRuns, chosen: Sequence[RunChoice]) -> list[tuple[ReadableRun, str]]:
    """Return the chosen runs, each once and with its treatment, in the order they were named."""
    found: dict[str, tuple[ReadableRun, str]] = {}
    for choice in chosen:
        names = await sources.matching(str(choice.run)) if choice.is_pattern else [choice.run]
        for name in names:
            source = await sources.find(name)
            found.setdefault(source.name, (source, choice.treatment))
    return list(found.values())


async def _read(source: ReadableRun, writers: Sequence[Export | EventLines | BeancountJournal]) -> list[str]:
    """Hand all events of a run to some writers; return what is wrong with its log."""
    log = source.log(with_texts=True)
    async for batch in log.batches():
        for entry in batch:
            for writer in writers:
                writer.add(entry)
    try:
        log.check()
    except CorruptLog as error:
        return [str(error)]
    return []


async def write_runs(
    wanted: ExportFiles, runs: Sequence[tuple[ReadableRun, str]]
) -> tuple[Counts, list[str]]:
    """Write runs, each with its treatment, into all files; return what each contains, and what is wrong with the logs."""
    try:
        with ExitStack() as stack:
            return await _write(wanted, runs, stack)
    except OSError as error:
        place = error.filename or "the files"
        message = f"cannot write {place}: {error.strerror}; choose another place"
        raise SetupError(message) from error


async def _write(
    wanted: ExportFiles, runs: Sequence[tuple[ReadableRun, str]], stack: ExitStack
) -> tuple[Counts, list[str]]:
    import asyncio

    tables, events, ledger = wanted.open_writers(stack)
    writers = [writer for writer in (tables, events, ledger) if writer]
    damage: list[str] = []
    for run, treatment in runs:
        if tables:
            tables.begin(treatment)
        damage += await _read(run, writers)
    counts = await asyncio.to_thread(wanted.write_tables, tables) if tables else {}
    if wanted.lines and events:
        counts[wanted.lines] = events.count, "event"
    if wanted.ledger and ledger:
        counts[wanted.ledger] = ledger.count, "transaction"
    return counts, damage
