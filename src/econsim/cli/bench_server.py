"""`econsim bench watch`, `worker` and `gc`: benchmarks and a server."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from econsim.cli import option_types
from econsim.cli.command_group import run_async, settings_of
from econsim.cli.connect import connect_to_server, require_runs, required_server_url
from econsim.cli.output import console, echo, line_printer, say
from econsim.cli.run_argument import RunArgument
from econsim.cli.watch_terminal import TerminalOption, watch_batch, watch_in_terminal

if TYPE_CHECKING:
    from nats.aio.client import Client

    from econsim.config import Settings
    from econsim.domain.expectation.verdict import Verdict
    from econsim.evaluation.bench.results import CellResult
    from econsim.schemas.scenario import Scenario


def watch(
    context: typer.Context,
    run: RunArgument = "last",
    *,
    expectations: Annotated[
        str | None,
        typer.Option(
            help="Scenario whose expectations judge the run, instead of those that it was opened with.",
            metavar="NAME|FILE",
            parser=option_types.text,
        ),
    ] = None,
    terminal: TerminalOption = False,
) -> None:
    """Judge a run while it goes on, or later from the log: the verdicts are the same.

    Reads the run's own stream with credentials for nothing else, if it is a benchmark's; else the log. Any number may watch. Ends with
    1 unless every expectation holds.

    With --terminal RUN may also be the name of a batch: its cells, and the run of any of them, are shown there while it goes on. `last`
    is the newest run in any case, never a batch; [cyan]econsim bench list[/cyan] names the batches.

    Example: [cyan]econsim bench watch last --expectations my.toml[/cyan]

    Example: [cyan]econsim bench watch smith1962-1a2b3c4d --terminal[/cyan]
    """
    from econsim.runs import scenario_file

    config = settings_of(context)
    if terminal:
        if expectations:
            message = "the view shows the verdicts that the run was opened with: leave out --expectations, or --terminal"
            raise typer.BadParameter(message, ctx=context)
        from econsim.evaluation.bench.records import batch_names

        is_batch = run in batch_names(config.state)
        run_async(watch_batch(config, run) if is_batch else watch_in_terminal(config, run))
        return
    wanted = scenario_file.load(expectations) if expectations else None
    require_runs(config)
    found = run_async(_watch(config, run, wanted))
    for verdict in found:
        for line in verdict.lines():
            line_printer(console())(line)
    if not found:
        say("the run has no expectation; name a scenario that has with [cyan]--expectations FILE[/cyan]")
    if not found or not all(verdict.outcome.is_pass for verdict in found):
        raise typer.Exit(1)


async def _watch(config: Settings, name: str, wanted: Scenario | None) -> tuple[Verdict, ...]:
    from econsim import subjects
    from econsim.adapters.jetstream.run_reader import newest
    from econsim.cli.run_names import resolve
    from econsim.domain.audit.decoding import event_of
    from econsim.evaluation.bench.observer import fold_run
    from econsim.schemas.clock import RunOpened

    async with connect_to_server(config, brief=False) as client:
        run = await resolve(client, name)
        stored = await newest(client, subjects.RUN_OPENED(run=run))
        opened = event_of(RunOpened, stored.subject, stored.payload) if stored else None
        assert opened is not None, "a run of the log has an opening"
        scenario = opened.data.scenario
        if wanted:
            scenario = scenario.model_copy(update={"expectations": wanted.expectations})
        told = _Changes()
        async with _own_stream(config, run) as own:
            fold = await fold_run(
                own or client, run, scenario, hashed=False, from_log=own is None, on_change=told.tell
            )
    return fold.judge.close()


class _Changes:
    """Tells on standard error which verdicts have changed while a run goes on."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def tell(self, verdicts: tuple[Verdict, ...], events: int) -> None:
        for verdict in verdicts:
            outcome = verdict.outcome.value
            if self._known.get(verdict.name) != outcome:
                self._known[verdict.name] = outcome
                echo(f"after {events} events: {outcome.replace('_', ' ')}: {verdict.name}", err=True)


@asynccontextmanager
async def _own_stream(config: Settings, run: str) -> AsyncIterator[Client | None]:
    """Connect to a run's own stream with credentials for it alone; none if it has none, or if they cannot be made here."""
    from econsim.adapters.jetstream.direct_get import batch_get
    from econsim.adapters.nats.connection import connect
    from econsim.app import server_of
    from econsim.errors import Unavailable
    from econsim.evaluation.bench.live import grant
    from econsim.identity.roles import VALIDATOR
    from econsim.streams.benchmarks import STREAM_PREFIX

    server = server_of(config)
    if server.trust is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as directory:
        client = await connect(
            server.url, grant(server, VALIDATOR, run, Path(directory)), "econsim-validator"
        )
        try:
            first = (await batch_get(client, STREAM_PREFIX + run, 1, ">", 1)).messages
        except Unavailable:
            first = []
        try:
            # A stream whose first events are gone by age says less than the log.
            yield client if first and first[0].sequence == 1 else None
        finally:
            await client.close()


def worker(
    context: typer.Context,
    *,
    jobs: Annotated[
        int | None,
        typer.Option(
            help="Runs at once. Default: one a core.",
            metavar="N",
            parser=option_types.Whole(1, option_types.PROCESSES_MAX),
        ),
    ] = None,
) -> None:
    """Run cells of batches that were started with --transport workers, until Ctrl-C.

    Any number of workers may serve one server, here or on other machines with credentials of role benchmark. The cells of one that dies go
    to the others.

    Example: [cyan]econsim bench worker --nats nats://10.0.0.1:4222 --creds creds[/cyan]
    """
    run_async(_work(settings_of(context), jobs))


async def _work(config: Settings, jobs: int | None) -> None:
    import asyncio
    import os

    from econsim.adapters.nats.connection import connect
    from econsim.app import server_of
    from econsim.evaluation.bench.work import Worker
    from econsim.identity.roles import BENCHMARK

    required_server_url(config)
    server = server_of(config)
    client = await connect(server.url, server.creds(BENCHMARK), "econsim-bench-worker")

    def tell(batch: str, result: CellResult) -> None:
        echo(f"{batch} {result.number}: {result.treatment}, seed {result.seed}", err=True)

    serving = Worker(client, jobs or os.cpu_count() or 1, tell, config.policies)
    await serving.start()
    echo("waiting for cells; stop with Ctrl-C", err=True)
    try:
        await asyncio.Event().wait()
    finally:
        await serving.stop()
        await client.close()


def gc(context: typer.Context) -> None:
    """Delete what benchmarks left on the server: streams of runs that nobody is at work on, or whose events are gone by age.

    Example: [cyan]econsim bench gc[/cyan]
    """
    config = settings_of(context)
    require_runs(config)
    run_async(_gc(config))


async def _gc(config: Settings) -> None:
    from econsim.evaluation.bench.leftovers import remove_leftovers
    from econsim.runs.launch.server import provide_server

    async with provide_server(config) as server:
        found = await remove_leftovers(server)
    for each in found:
        say("deleted the stream of run [bold]{run}[/bold]: {reason}", run=each.run, reason=each.reason)
    say("[bold]{number}[/bold] streams deleted", number=len(found))
