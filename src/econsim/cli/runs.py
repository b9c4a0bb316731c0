"""`econsim runs`: list runs, show one, write one into a file, delete those that are kept in memory's stead."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from econsim.cli import option_types
from econsim.cli.command_group import run_async, settings_of
from econsim.cli.connect import connect_to_server
from econsim.cli.json_rows import JsonOption, write_rows
from econsim.cli.output import age_text, console, line_printer, say, size_text
from econsim.cli.run_argument import RunArgument, RunOrFileArgument
from econsim.errors import NotAllowed, SetupError

if TYPE_CHECKING:
    from econsim.cli.readable_run import ReadableRun
    from econsim.cli.run_list import RunList, RunStatus
    from econsim.config import Settings

DAYS_MAX: Final = 36_500
"""Days of `--older-than` at most: a century."""

runs: Final = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode="rich",
    help="List runs: where each is, how far it came, its size, when it goes. Show, archive, delete them.",
)


@runs.callback()
def list_all(context: typer.Context, *, as_json: JsonOption = False) -> None:
    """List all runs: those of the log, and those in memory that the state directory keeps."""
    if context.invoked_subcommand is None:
        run_async(_list(settings_of(context), as_json=as_json))


@runs.command()
def show(context: typer.Context, run: RunOrFileArgument = "last", *, as_json: JsonOption = False) -> None:
    """Show one run: scenario, seed, state, how far it came, size, hash, when it goes.

    Example: [cyan]econsim runs show last[/cyan]
    """
    run_async(_show(settings_of(context), run, as_json=as_json))


@runs.command()
def archive(
    context: typer.Context,
    run: RunArgument = "last",
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            help="File to write. Default: RUN.jsonl.gz in this directory",
            metavar="FILE",
            parser=option_types.new_file,
        ),
    ] = None,
) -> None:
    """Write a run with all its events into one file, which every command that reads runs takes in place of a name.

    The file is checked by its digest whenever it is read, and no version of econsim or day makes it go away.

    Example: [cyan]econsim runs archive last --output first.jsonl.gz[/cyan], then [cyan]econsim report first.jsonl.gz[/cyan]
    """
    run_async(_archive(settings_of(context), run, output))


@runs.command()
def delete(
    context: typer.Context,
    names: Annotated[
        list[str],
        typer.Argument(
            help="Runs in memory, by name.", metavar="RUN...", show_default=False, parser=option_types.name
        ),
    ],
) -> None:
    """Delete runs in memory that are kept, with their reports. Runs of the log go by themselves: nobody can delete from it.

    Example: [cyan]econsim runs delete first second[/cyan]
    """
    from econsim.runs import kept_runs
    from econsim.runs.stored_hash import has_stored_hash

    config = settings_of(context)
    for name in names:
        is_kept = kept_runs.path_of(config.state, name).is_file()
        if not is_kept and has_stored_hash(config.state, name):
            message = f"run {name!r} is in the log, from which nothing can be deleted; it goes by itself: see `econsim runs`"
            raise NotAllowed(message)
        kept_runs.require_kept(config.state, name)
    for name in names:
        _delete(config.state, name)


@runs.command()
def prune(
    context: typer.Context,
    *,
    older_than: Annotated[
        int | None,
        typer.Option(
            help="Delete those opened more than this many days ago.",
            metavar="DAYS",
            parser=option_types.Whole(0, DAYS_MAX),
        ),
    ] = None,
    newest: Annotated[
        int | None,
        typer.Option(
            help="Delete all but the newest N.",
            metavar="N",
            parser=option_types.Whole(0, option_types.ROWS_MAX),
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and delete nothing.")
    ] = False,
) -> None:
    """Delete old runs in memory that are kept, with their reports. A stopped run, which can be resumed, stays.

    Example: [cyan]econsim runs prune --older-than 30[/cyan]
    """
    from econsim.adapters.clock import SystemClock
    from econsim.runs import kept_runs

    if older_than is None and newest is None:
        message = "say which runs go, with it or with --newest"
        raise typer.BadParameter(message, ctx=context, param_hint="'--older-than'")
    state = settings_of(context).state
    found = kept_runs.old_runs(state, SystemClock().now(), older_than_days=older_than, newest=newest)
    for kept in found:
        if dry_run:
            say("would delete [bold]{run}[/bold]", run=kept.facts.run)
        else:
            _delete(state, kept.facts.run)
    if not found:
        say("nothing to delete")


def _delete(state: Path, name: str) -> None:
    from econsim.runs import kept_runs

    is_shared = kept_runs.delete(state, name)
    say("deleted [bold]{run}[/bold]", run=name)
    if is_shared:
        say("the run of the log of this name stays, with its hash and the report")


async def _list(config: Settings, *, as_json: bool) -> None:
    from econsim.cli.run_list import RETENTION_NOTE, TRANSPORT_NOTE

    found = await _all(config)
    if as_json:
        write_rows(seen.as_json() for seen in found.seen)
        found.check()
        return
    _print_list(found)
    plain = line_printer(console())
    for seen in found.seen:
        if seen.failure:
            plain(f"{seen.name} ended early: {seen.failure}")
        if seen.stopped:
            plain(
                f"{seen.name} was stopped at tick {seen.tick}; `econsim resume {seen.name}` goes on with it"
            )
        if seen.state == "open":
            plain(
                f"{seen.name} is open; if its command has ended, `econsim resume {seen.name}` goes on with it"
            )
    if found.gone:
        plain(
            f"the log of {len(found.gone)} older runs is gone; their ledgers are kept: {', '.join(found.gone)}"
        )
    if any(seen.until for seen in found.seen):
        plain(RETENTION_NOTE)
    if len({seen.transport for seen in found.seen}) > 1:
        plain(TRANSPORT_NOTE)
    found.check()


async def _all(config: Settings) -> RunList:
    """Return all runs, oldest first; a server is asked only if there is a log."""
    from econsim.cli.connect import has_log, require_runs
    from econsim.cli.run_list import RunList, list_runs, status_of_kept
    from econsim.runs.kept_runs import kept_runs

    damage: list[str] = []
    kept = [status_of_kept(each) for each in kept_runs(config.state, damage)]
    if has_log(config):
        async with connect_to_server(config) as client:
            found = await list_runs(client)
    else:
        if not kept and not damage:
            require_runs(config)
        found = RunList()
    found.seen = sorted((*found.seen, *kept), key=lambda seen: seen.opened_at)
    found.damage += damage
    return found


def _print_list(found: RunList) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from econsim.adapters.clock import SystemClock
    from econsim.report.format import count
    from econsim.report.tables import print_table

    if not found.seen and not found.gone:
        say("there are no runs yet; start one with [cyan]econsim run genesis[/cyan]")
        return
    table, now = Table(box=SIMPLE_HEAD), SystemClock().now()
    for heading in ("run", "scenario", "transport", "state"):
        table.add_column(heading, no_wrap=True)
    for heading in ("ticks", "events", "size", "age"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("goes", no_wrap=True)
    for seen in found.seen:
        table.add_row(
            seen.name,
            seen.scenario,
            seen.transport,
            _state_text(seen),
            count(seen.tick),
            count(seen.events or None),
            size_text(seen.size),
            age_text(seen.opened_at, now),
            "partly gone" if seen.partly else seen.until or "when deleted",
        )
    print_table(console(), table)


def _state_text(seen: RunStatus) -> str:
    colour = {"failed": "red", "closed": "green"}.get(seen.state, "yellow")
    return f"[{colour}]{seen.state}[/{colour}]"


async def _show(config: Settings, run: str | Path, *, as_json: bool) -> None:
    from econsim.cli.readable_run import readable_run

    async with readable_run(config, run) as source:
        facts = await _facts(config, source)
    if as_json:
        write_rows([facts])
        return
    out, width = line_printer(console()), max(map(len, facts))
    for name, value in facts.items():
        if value not in (None, "", False):
            out(f"{name.replace('_', ' '):{width}}  {value}")


async def _facts(config: Settings, source: ReadableRun) -> dict[str, object]:
    """Return what can be said of a run without reading all of it."""
    from econsim.cli.run_list import opening_of, status_of, status_of_kept
    from econsim.domain.agent.population import population
    from econsim.runs.stored_hash import stored_hash
    from econsim.schemas.scenario import Scenario

    if source.kept:
        status, scenario = status_of_kept(source.kept), source.kept.facts.read_scenario()
        known = {"canonical_hash": source.kept.facts.canonical_hash, "file": str(source.kept.path)}
    else:
        assert source.client is not None
        status, opened = (
            await status_of(source.client, source.name),
            await opening_of(source.client, source.name),
        )
        scenario = Scenario.model_validate(opened.data["scenario"])
        known = {"canonical_hash": stored_hash(config.state, source.name, opened.event_id)}
    return {
        **status.as_json(),
        "title": scenario.title,
        "seed": scenario.seed,
        "periods": scenario.clock.periods,
        "agents": len(population(scenario)),
        "markets": ", ".join(market.resource for market in scenario.markets),
        **known,
    }


async def _archive(config: Settings, run: str, output: Path | None) -> None:
    from econsim.cli.readable_run import readable_run
    from econsim.runs.run_file import SUFFIX

    async with readable_run(config, run) as source:
        path = output or Path(f"{source.name}{SUFFIX}")
        if not path.name.endswith(SUFFIX):
            message = f"the name of {path} does not end in {SUFFIX}, by which commands know such a file"
            raise SetupError(message)
        try:
            events = await _write_archive(source, path)
        except OSError as error:
            message = f"cannot write {path}: {error.strerror}; choose another place with --output"
            raise SetupError(message) from error
    say(
        "wrote [bold]{path}[/bold]: {events:,} events, {size}",
        path=path,
        events=events,
        size=size_text(path.stat().st_size),
    )


async def _write_archive(source: ReadableRun, path: Path) -> int:
    """Write a run with all its events into a file; return their number. Raises CorruptLog, and writes nothing, if one is missing."""
    from econsim.runs.run_file import event_spool
    from econsim.runs.run_progress import RunProgress

    progress, log = RunProgress(), source.log(with_texts=True)
    with event_spool() as spool:
        async for entry in log.so_far():
            progress.add(entry)
            spool.add(entry)
        log.check()
        known = source.kept.facts if source.kept else None
        facts = progress.facts(known.transport if known else "nats", known.opened_at if known else None)
        return spool.write(path, facts).events
